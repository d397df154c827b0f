import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Door } from '../../src/core/connections/listeners.ts';
import { Distribution } from '../../src/daemon/distribution.ts';

const door = { protocol: 'rtmp' } as Door;

function make(count: number, most?: number) {
  const distribution = new Distribution(most);
  const given: number[] = [];
  const gone = new Set<number>();
  for (let index = 1; index <= count; index += 1) {
    distribution.join(index, () => {
      if (gone.has(index)) return false;
      given.push(index);
      return true;
    });
  }
  return { distribution, given, gone };
}

test('gives connections to workers in turn', () => {
  const { distribution, given } = make(3);
  for (let at = 0; at < 6; at += 1) {
    distribution.add(new Socket(), door);
    distribution.taken(given.at(-1)!);
  }
  expect(given).toEqual([1, 2, 3, 1, 2, 3]);
});

test('a worker that hangs has one on its way; the others get the rest', () => {
  const { distribution, given } = make(2);
  for (let at = 0; at < 5; at += 1) {
    distribution.add(new Socket(), door);
    if (given.at(-1) === 2) distribution.taken(2);
  }
  expect(given).toEqual([1, 2, 2, 2, 2]);
  expect(distribution.waiting).toBe(0);
});

test('what no worker is free for waits, up to a bound', () => {
  const { distribution, given } = make(1, 2);
  const sockets = Array.from({ length: 4 }, () => new Socket());
  for (const socket of sockets) distribution.add(socket, door);
  expect(given).toEqual([1]);
  expect(distribution.waiting).toBe(2);
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false, true]);
  distribution.taken(1);
  expect(given).toEqual([1, 1]);
  distribution.close();
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true, true]);
});

test('a connection for a worker that is gone goes to another', () => {
  const { distribution, given, gone } = make(2);
  gone.add(1);
  distribution.add(new Socket(), door);
  expect(given).toEqual([2]);
  distribution.leave(1);
  distribution.taken(1);
  distribution.taken(2);
  distribution.add(new Socket(), door);
  expect(given).toEqual([2, 2]);
});
