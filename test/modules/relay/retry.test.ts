import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { backOff, Retry } from '../../../src/modules/relay/retry.ts';

test.each([
  [1, 1000, 0.5, 1000],
  [2, 1000, 0.5, 2000],
  [3, 1000, 0.5, 4000],
  [6, 1000, 0.5, 30_000],
  [1_000_000, 1000, 0.5, 30_000],
  [1, 60_000, 0.5, 60_000],
  [2, 60_000, 0.5, 60_000],
  [1, 1000, 0, 800],
  [1, 1000, 1, 1200],
])('after %i failures, from %i ms on, by chance %f', (failures, first, chance, delay) => {
  expect(backOff(failures, first, chance)).toBe(delay);
});

describe('Retry', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test('waits longer with each failure, and anew after a success', () => {
    let tried = 0;
    const retry = new Retry(
      () => {
        tried += 1;
      },
      () => 1000,
    );
    retry.start();
    expect([retry.state, tried]).toEqual(['connecting', 1]);
    expect([retry.failed('a'), retry.state, retry.lastError]).toEqual([1000, 'waiting', 'a']);
    expect(retry.retryAt).toBe(Date.now() + 1000);
    vi.advanceTimersByTime(999);
    expect(tried).toBe(1);
    vi.advanceTimersByTime(1);
    expect([tried, retry.retryAt]).toEqual([2, 0]);
    expect(retry.failed('b')).toBe(2000);
    vi.advanceTimersByTime(2000);
    retry.succeeded();
    expect([retry.state, retry.attempts]).toEqual(['live', 3]);
    expect(retry.failed('c')).toBe(1000);
    retry.close();
    vi.advanceTimersByTime(100_000);
    expect([tried, retry.state]).toEqual([3, 'closed']);
  });

  test('does nothing more once refused', () => {
    const attempt = vi.fn();
    const retry = new Retry(attempt, () => 1000);
    retry.failed('x');
    retry.refuse('never');
    vi.advanceTimersByTime(100_000);
    retry.start();
    retry.succeeded();
    expect(retry.failed('y')).toBe(0);
    expect(attempt).not.toHaveBeenCalled();
    expect([retry.state, retry.lastError]).toEqual(['refused', 'never']);
  });
});
