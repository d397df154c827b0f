import { describe, expect, test } from 'vitest';
import { Timeline } from '../../src/media/timeline.ts';
import { seeded } from '../wire/splits.ts';

/** Places packets given as [raw, track]; a packet comes each 20 ms of real time. */
function place(timeline: Timeline, packets: readonly (readonly [number, 'a' | 'v'])[], from = 0): number[] {
  return packets.map(([raw, track], index) => timeline.place(raw >>> 0, track === 'a', from + 20 * index));
}

/** Audio each 20 ms and video each 40 ms of a publisher whose clock shows `start` at first. */
function publisher(start: number, count: number): (readonly [number, 'a' | 'v'])[] {
  return Array.from({ length: count }, (_, i) =>
    i % 3 === 0
      ? ([start + (i / 3) * 40, 'v'] as const)
      : ([start + Math.floor(i / 3) * 40 + (i % 3) * 20 - 20, 'a'] as const),
  );
}

function expectMonotonic(times: readonly number[]): void {
  for (const [index, time] of times.entries())
    if (index > 0) expect(time).toBeGreaterThanOrEqual(times[index - 1]!);
}

test('times near zero stay as they are', () => {
  expect(
    place(new Timeline(), [
      [0, 'v'],
      [7, 'a'],
      [40, 'v'],
      [27, 'a'],
      [80, 'v'],
    ]),
  ).toEqual([0, 7, 40, 27, 80]);
});

test('a clock that starts late is shifted to zero', () => {
  expect(
    place(new Timeline(), [
      [0x800000, 'v'],
      [0x800000 + 21, 'a'],
      [0x800000 + 40, 'v'],
    ]),
  ).toEqual([0, 21, 40]);
});

describe.each([
  ['24 bits', 0xffffff],
  ['31 bits', 0x7fffffff],
  ['32 bits', 0xffffffff],
])('a clock that passes %s', (_, limit) => {
  test('goes on without a step', () => {
    const timeline = new Timeline();
    const times = place(timeline, publisher(limit - 2000, 300));
    expect(times.at(-1)! - times[0]!).toBe(100 * 40 - 20);
    expect(timeline.repairs).toBeLessThan(2);
  });
});

test('a clock of 24 bits that begins again goes on where it was, in sync', () => {
  const timeline = new Timeline();
  const wrapped = publisher(0xffffff - 1000, 150).map(([raw, track]) => [raw & 0xffffff, track] as const);
  const times = place(timeline, wrapped);
  expect(times.at(-1)! - times[0]!).toBeLessThan(50 * 40 + 100);
  const video = times.filter((_, i) => wrapped[i]![1] === 'v');
  const audio = times.filter((_, i) => wrapped[i]![1] === 'a');
  expectMonotonic(video);
  expectMonotonic(audio);
  expect(Math.abs(video.at(-1)! - audio.at(-1)!)).toBeLessThanOrEqual(40);
});

test('any number of wraps of 32 bits', () => {
  const timeline = new Timeline();
  let raw = 0;
  let now = 0;
  for (let i = 0; i < 5000; i++) {
    raw = (raw + 4_000_000) >>> 0;
    now += 4_000_000;
    timeline.place(raw, false, now);
  }
  expect(timeline.last).toBe(5000 * 4_000_000);
});

test('a new publisher goes on one frame after the one before, its tracks in sync', () => {
  const timeline = new Timeline();
  place(timeline, [
    [0, 'v'],
    [5000, 'v'],
    [5010, 'a'],
  ]);
  timeline.restart();
  expect(
    place(
      timeline,
      [
        [90_000, 'v'],
        [90_005, 'a'],
        [90_040, 'v'],
      ],
      60_000,
    ),
  ).toEqual([5050, 5055, 5090]);
});

test.each([
  ['forward', 1_000_000],
  ['back', 0],
])('a jump of both tracks %s keeps them in sync', (_, to) => {
  const timeline = new Timeline();
  const before = place(timeline, publisher(500_000, 30));
  const after = place(timeline, publisher(to + 600, 60), 600);
  expect(after[0]).toBe(Math.max(...before) + 40);
  const late = after.slice(-3);
  expect(late[0]! - late[1]!).toBe(publisher(0, 60).at(-3)![0] - publisher(0, 60).at(-2)![0]);
});

test('one wild timestamp changes nothing for those after it', () => {
  const timeline = new Timeline();
  const packets = publisher(0, 60);
  packets[31] = [0xfffff000, packets[31]![1]];
  const clean = place(new Timeline(), publisher(0, 60));
  const times = place(timeline, packets);
  expect(times.slice(-6)).toEqual(clean.slice(-6));
  expect(timeline.repairs).toBeLessThanOrEqual(4);
});

test('tracks whose clocks lie far apart run at their own pace', () => {
  const timeline = new Timeline();
  const packets = publisher(0, 600).map(
    ([raw, track]) => [track === 'v' ? raw + 20_000 : raw, track] as const,
  );
  const times = place(timeline, packets);
  expect(times.at(-1)! - times[0]!).toBeLessThan(200 * 40 + 100);
  expect(timeline.repairs).toBeLessThan(3);
});

test('a step back of a frame or two within a track is evened out', () => {
  expect(
    place(new Timeline(), [
      [0, 'v'],
      [80, 'v'],
      [40, 'v'],
      [120, 'v'],
    ]),
  ).toEqual([0, 80, 80, 120]);
});

test('silence as long as it really was is no jump', () => {
  const timeline = new Timeline();
  timeline.place(0, false, 0);
  expect(timeline.place(120_000, false, 120_000)).toBe(120_000);
});

test('a track that was silent comes back up to the other', () => {
  const timeline = new Timeline();
  place(timeline, [
    [0, 'v'],
    [0, 'a'],
  ]);
  for (let time = 40; time <= 60_000; time += 40) timeline.place(time, false, time);
  expect(timeline.place(20, true, 60_000)).toBe(60_040);
  expect(timeline.place(40, true, 60_020)).toBe(60_060);
});

test('whatever comes, no track goes back and no time is negative', () => {
  const random = seeded(7);
  const timeline = new Timeline();
  const last = [0, 0];
  let now = 0;
  for (let i = 0; i < 50_000; i++) {
    if (random(500) === 0) timeline.restart();
    const track = random(2);
    const raw = random(10) === 0 ? random(0xffffffff) : (now + random(3000)) >>> 0;
    now += random(60);
    const time = timeline.place(raw, track === 1, now);
    expect(time).toBeGreaterThanOrEqual(last[track]!);
    expect(Number.isSafeInteger(time)).toBe(true);
    last[track] = time;
  }
  expect(timeline.last).toBe(Math.max(...last));
});
