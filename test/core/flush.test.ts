import { expect, test } from 'vitest';
import { Audience, flushPolicy, type MergeSetting } from '../../src/core/flush.ts';

test.each<[MergeSetting, number, boolean, boolean, number, number]>([
  ['auto', 1, false, false, 0, 0],
  ['auto', 50, false, false, 0, 0],
  ['auto', 51, false, true, 0, 0],
  ['auto', 51, false, false, 0, 60],
  ['auto', 51, false, false, 45, 15],
  ['auto', 301, false, true, 0, 50],
  ['auto', 301, false, true, 60, -10],
  ['auto', 1501, false, true, 0, 100],
  ['auto', 1, true, true, 30, 70],
  [0, 5000, true, true, 0, 0],
  [200, 1, false, true, 50, 150],
])(
  'out_merge %s with %i players, busy %s, video %s, age %i: %i ms',
  (setting, players, busy, video, age, expected) => {
    const audience = new Audience();
    audience.players = players;
    audience.busy = busy;
    expect(flushPolicy(audience, () => setting).delay(video, age)).toBe(expected);
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
