import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryFiles } from '../../../src/core/workers/memory-files.ts';
import { readHistory } from '../../../src/modules/hls/history.ts';
import type { Layout } from '../../../src/modules/hls/layout.ts';
import { type MediaPlaylist, writeMediaPlaylist } from '../../../src/wire/m3u8.ts';
import { makeCrew } from '../../core/workers.ts';

/** A list of the segments `first` to `last`, of 2 s each; the fifth of all follows a gap. */
function listOf(first: number, last: number, path = ''): MediaPlaylist {
  const numbers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  return {
    targetDuration: 2,
    mediaSequence: first,
    discontinuitySequence: first > 5 ? 1 : 0,
    type: 'live',
    independent: true,
    allowCache: null,
    ended: false,
    segments: numbers.map((number) => ({
      uri: `${path}s-${number}.ts`,
      duration: 2000,
      discontinuity: number === 5,
      date: null,
      key: null,
    })),
  };
}

function place(): Layout {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-history-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const beside = (uri: string): string => join(folder, uri.slice(uri.lastIndexOf('/') + 1));
  return {
    playlist: join(folder, 's.m3u8'),
    segment: (id) => join(folder, `s-${id}.ts`),
    segmentUri: (id) => `s-${id}.ts`,
    key: (id) => join(folder, `s-${id}.key`),
    keyUri: (id) => `s-${id}.key`,
    segmentOf: beside,
    keyOf: beside,
  };
}

const textOf = (list: MediaPlaylist): Buffer => Buffer.from(writeMediaPlaylist(list));
/** So long that a few segments make a list that is not told as it is. */
const FAR = `http://x/${'long/'.repeat(1000)}`;

/** Two workers, the second of which has made the list up to segment 12; `wrote` of it reached the disk. */
async function lost(layout: Layout, wrote: readonly [number, number] | null) {
  const { exchange, workers } = makeCrew(2);
  const [one, two] = workers.map((each) => new MemoryFiles(each)) as [MemoryFiles, MemoryFiles];
  const body = textOf(listOf(1, 12, FAR));
  const brief = (): Buffer => textOf(listOf(10, 12, FAR));
  for (let number = 1; number <= 12; number += 1) writeFileSync(layout.segment(number), '');
  if (wrote !== null) writeFileSync(layout.playlist, textOf(listOf(...wrote, FAR)));
  two.put(layout.playlist, { body, type: 'x', mtime: Date.now(), brief });
  await expect.poll(() => one.has(layout.playlist)).toBe(true);
  return { one, die: () => exchange.leave(2) };
}

const numbersOf = (found: Awaited<ReturnType<typeof readHistory>>): readonly number[] =>
  found!.segments.map(({ uri }) => Number(/-(\d+)\.ts$/.exec(uri)![1]));

test('a long list of another worker is had from it whole', async () => {
  const layout = place();
  const { one } = await lost(layout, [1, 10]);
  const found = await readHistory(layout, one);
  expect(found!.playlist.mediaSequence).toBe(1);
  expect(numbersOf(found)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test.each([
  ['behind what the disk has', [3, 11], [3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 0],
  ['right behind it', [6, 9], [6, 7, 8, 9, 10, 11, 12], 1],
  ['alone, where the disk is too far behind', [1, 8], [10, 11, 12], 1],
  ['alone, where it has nothing', null, [10, 11, 12], 1],
] as const)(
  'the end of a long list of a worker that has died goes on %s',
  async (_, wrote, numbers, gaps) => {
    const layout = place();
    const { one, die } = await lost(layout, wrote);
    die();
    await expect.poll(() => one.has(layout.playlist)).toBe(false);
    const found = await readHistory(layout, one);
    expect(numbersOf(found)).toEqual(numbers);
    expect(found!.playlist.mediaSequence).toBe(numbers[0]);
    expect(found!.playlist.discontinuitySequence).toBe(gaps);
  },
);
