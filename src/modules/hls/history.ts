import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { MemoryFile, MemoryFiles } from '../../core/workers/memory-files.ts';
import { type MediaPlaylist, readMediaPlaylist } from '../../wire/m3u8.ts';
import type { Layout } from './layout.ts';
import type { Listed } from './window.ts';

/** A playlist of an earlier life of the stream. */
export interface History {
  readonly playlist: MediaPlaylist;
  /** Its entries from the first on after which no file is missing. */
  readonly segments: readonly Listed[];
  /** Wall clock, ms, of its last change. */
  readonly changed: number;
}

/** A playlist as text, and wall clock, ms, of its last change. */
interface Source {
  readonly text: string;
  readonly changed: number;
}

/** A larger file is not a playlist of ours. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Lists longer than this are not checked file by file. */
const MAX_CHECKED = 1000;

/**
 * Reads what stands under the path of a stream's playlist, in memory or on disk, or did when a worker died that players may have
 * seen further than the disk; null where that is nothing of use.
 */
export async function readHistory(layout: Layout, files: MemoryFiles): Promise<History | null> {
  const known = files.get(layout.playlist) ?? (await files.fetch(layout.playlist));
  const sources =
    known === undefined
      ? [await readFromDisk(layout.playlist), ...files.remains(layout.playlist).map(sourceOf)]
      : [sourceOf(known)];
  const source = latest(sources);
  if (source === null) return null;
  const { playlist, changed } = source;
  const all = playlist.segments.map(
    (segment): Listed => ({
      ...segment,
      path: layout.segmentOf(segment.uri),
      keyPath: segment.key === null ? null : layout.keyOf(segment.key.uri),
      independent: playlist.independent,
    }),
  );
  return { playlist, segments: await withoutMissing(all, files), changed };
}

function sourceOf({ body, mtime }: Pick<MemoryFile, 'body' | 'mtime'>): Source {
  return { text: body.toString(), changed: mtime };
}

/**
 * The list that goes furthest, as numbers never go back, with what others know of the segments before its first one; null
 * where none can be read.
 */
function latest(sources: readonly (Source | null)[]): Omit<History, 'segments'> | null {
  let found: Omit<History, 'segments'> | null = null;
  const lists = sources.flatMap((source) => {
    const playlist = source === null ? null : readMediaPlaylist(source.text);
    return playlist === null ? [] : [{ playlist, changed: source!.changed }];
  });
  for (const list of lists) {
    if (found === null || endOf(list.playlist) > endOf(found.playlist)) found = list;
  }
  if (found === null) return null;
  let { playlist } = found;
  for (const { playlist: other } of lists) playlist = joined(other, playlist);
  return { playlist, changed: found.changed };
}

function endOf({ mediaSequence, segments }: MediaPlaylist): number {
  return mediaSequence + segments.length;
}

/** A list with the segments that another one has before it, where those reach up to it. */
function joined(earlier: MediaPlaylist, later: MediaPlaylist): MediaPlaylist {
  const missing = later.mediaSequence - earlier.mediaSequence;
  if (missing <= 0 || endOf(earlier) < later.mediaSequence) return later;
  const { mediaSequence, discontinuitySequence } = earlier;
  const segments = [...earlier.segments.slice(0, missing), ...later.segments];
  const targetDuration = Math.max(earlier.targetDuration, later.targetDuration);
  return { ...later, mediaSequence, discontinuitySequence, targetDuration, segments };
}

async function readFromDisk(path: string): Promise<Source | null> {
  try {
    // Of a FIFO it would otherwise wait for a writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size, mtimeMs } = await file.stat();
      if (size > MAX_BYTES) return null;
      return { text: await file.readFile('utf8'), changed: mtimeMs };
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

async function withoutMissing(all: readonly Listed[], files: MemoryFiles): Promise<readonly Listed[]> {
  if (all.length > MAX_CHECKED) return all;
  const there = await Promise.all(
    all.map(
      async ({ path }) =>
        files.has(path) ||
        (await stat(path).then(
          (found) => found.isFile(),
          () => false,
        )),
    ),
  );
  return all.slice(there.lastIndexOf(false) + 1);
}
