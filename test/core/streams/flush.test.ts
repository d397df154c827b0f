import { expect, test } from 'vitest';
import { Audience, flushPolicy, type MergeSetting } from '../../../src/core/streams/flush.ts';

test.each<[MergeSetting, number, boolean, boolean, number, number, number]>([
  ['auto', 1, false, false, 0, 0, 0],
  ['auto', 50, false, false, 0, 0, 0],
  ['auto', 51, false, true, 0, 0, 0],
  ['auto', 51, false, false, 0, 0, 60],
  ['auto', 51, false, false, 45, 45, 15],
  ['auto', 301, false, false, 45, 45, 15],
  ['auto', 301, false, true, 0, 0, 30],
  ['auto', 301, false, true, 0, 12, 18],
  ['auto', 1500, false, true, 20, 40, -10],
  ['auto', 1501, false, true, 0, 40, 100],
  ['auto', 1, true, true, 30, 40, 70],
  [0, 5000, true, true, 0, 0, 0],
  [200, 1, false, true, 50, 60, 150],
])(
  'out_merge %s with %i players, busy %s, video %s, age %i, quiet for %i: %i ms',
  (setting, players, busy, video, age, quiet, expected) => {
    const audience = new Audience();
    audience.players = players;
    audience.busy = busy;
    expect(flushPolicy(audience, () => setting).delay(video, age, quiet)).toBe(expected);
  },
);

test('a loop that never rests is busy', () => {
  const audience = new Audience();
  audience.measure();
  const end = performance.now() + 60;
  while (performance.now() < end) Math.sqrt(end);
  audience.measure();
  expect(audience.busy).toBe(true);
});
