import { expect, test } from 'vitest';
import { Load } from '../../../src/core/measures/load.ts';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Keeps the event loop busy for so long at a time, again and again. */
async function block(ms: number, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const end = performance.now() + ms;
    while (performance.now() < end);
    await turn();
  }
}

test('the lag of the event loop is that of the last second', async () => {
  const load = new Load();
  load.measure();
  expect(load.lag).toBe(0);
  await block(150, 5);
  load.measure();
  expect(load.lag).toBeGreaterThan(90);
  await new Promise((resolve) => setTimeout(resolve, 400));
  load.measure();
  expect(load.lag).toBeLessThan(90);
});

test('memory is a share of what there may be', () => {
  const load = new Load();
  load.measure();
  expect(load.memory).toBeGreaterThan(0);
  expect(load.memory).toBeLessThan(0.9);
});
