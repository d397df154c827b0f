import type { Dirent } from 'node:fs';
import { lstat, open, readdir, readFile, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../core/logs/log.ts';
import type { MemoryFiles } from '../../core/workers/memory-files.ts';

/** One application's wish that a path be kept clean. */
export interface CleanupClient {
  /** Files that have not changed for this long, ms, may go. */
  readonly age: () => number;
  /** Files that must stay, whatever their age. */
  readonly protects: (path: string) => boolean;
  readonly log: Logger;
}

/** Directories deeper than this are not ours: stream names have at most 255 bytes. */
const MAX_DEPTH = 130;
const LEAST_PERIOD_MS = 1000;
const MOST_PERIOD_MS = 60_000;
const SEGMENT = /(?:^|-)[0-9]+\.ts$/;
const KEY = /(?:^|-)[0-9]+\.key$/;
const PLAYLIST = /\.m3u8$/;
const TEMPORARY = /^\..+\.(?:ts|m3u8|key)\.tmp$/;
const LARGEST_PLAYLIST = 16 * 1024 * 1024;
const TS_SYNC = 0x47;
const KEY_BYTES = 16;
const CIPHER_BLOCK = 16;

/** The jobs of one server process by path; keyed by its memory files, so that two servers in one process stay apart. */
const jobs = new WeakMap<MemoryFiles, Map<string, CleanupJob>>();

/**
 * Keeps a path clean for a client until the returned function is called. Clients of the same path share one job: the
 * longest age counts, and what any of them protects stays.
 */
export function keepClean(files: MemoryFiles, path: string, client: CleanupClient): () => void {
  let ofServer = jobs.get(files);
  if (ofServer === undefined) {
    ofServer = new Map();
    jobs.set(files, ofServer);
  }
  let job = ofServer.get(path);
  if (job === undefined) {
    job = new CleanupJob(path);
    ofServer.set(path, job);
  }
  job.add(client);
  return () => {
    job.remove(client);
    if (!job.wanted) ofServer.delete(path);
  };
}

/** Removes old HLS files under one path: at once, and again and again. */
class CleanupJob {
  readonly #path: string;
  readonly #clients = new Set<CleanupClient>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(path: string) {
    this.#path = path;
  }

  get wanted(): boolean {
    return this.#clients.size > 0;
  }

  add(client: CleanupClient): void {
    this.#clients.add(client);
    if (this.#clients.size === 1) this.#schedule(0);
  }

  remove(client: CleanupClient): void {
    this.#clients.delete(client);
    if (!this.wanted) clearTimeout(this.#timer);
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delay);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const clients = [...this.#clients];
    const age = Math.max(0, ...clients.map((client) => client.age()));
    try {
      await cleanDirectory(this.#path, age, (path) =>
        [...this.#clients].some((client) => client.protects(path)),
      );
    } catch (error) {
      clients[0]?.log.warn({ path: this.#path, err: error }, 'HLS files could not be cleaned up');
    }
    this.#running = false;
    if (this.wanted) this.#schedule(Math.min(MOST_PERIOD_MS, Math.max(LEAST_PERIOD_MS, age / 4)));
  }
}

/**
 * Removes what looks like HLS files of ours, is older than `age` ms and is not protected, then directories that this
 * left empty. Links are not followed; anything else stays. Tells whether it left the directory empty.
 */
export async function cleanDirectory(
  path: string,
  age: number,
  protects: (path: string) => boolean,
  depth = 0,
): Promise<boolean> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
  let removed = 0;
  const listed = await listedIn(path, entries, age, protects);
  for (const entry of entries) {
    const file = join(path, entry.name);
    if (listed.has(entry.name)) continue;
    if (entry.isDirectory()) {
      if (depth >= MAX_DEPTH || entry.name.startsWith('.')) continue;
      // Only directories that this emptied: one that was empty before may be somebody's.
      if (await cleanDirectory(file, age, protects, depth + 1)) {
        await rmdir(file).then(
          () => {
            removed += 1;
          },
          () => undefined,
        );
      }
    } else if (entry.isFile() && (await isOld(file, entry.name, age)) && !protects(file)) {
      await unlink(file).then(
        () => {
          removed += 1;
        },
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        },
      );
    }
  }
  return removed > 0 && removed === entries.length;
}

/** What playlists that stay for now still name: a list of a stream that is over goes as one with its segments. */
async function listedIn(
  path: string,
  entries: readonly Dirent[],
  age: number,
  protects: (path: string) => boolean,
): Promise<ReadonlySet<string>> {
  const listed = new Set<string>();
  for (const entry of entries) {
    const file = join(path, entry.name);
    if (!entry.isFile() || !PLAYLIST.test(entry.name) || protects(file)) continue;
    if (await isOld(file, entry.name, age)) continue;
    for (const name of await namesIn(file)) listed.add(name);
  }
  return listed;
}

/** The last parts of all URIs of a playlist, its keys' too. */
async function namesIn(path: string): Promise<readonly string[]> {
  try {
    const { size } = await lstat(path);
    if (size > LARGEST_PLAYLIST) return [];
    const text = await readFile(path, 'utf8');
    return text.split('\n').flatMap((line) => {
      const uri = line.startsWith('#') ? /URI="([^"]*)"/.exec(line)?.[1] : line.trim();
      return uri === undefined || uri === '' ? [] : [uri.slice(uri.lastIndexOf('/') + 1)];
    });
  } catch {
    return [];
  }
}

async function isOld(path: string, name: string, age: number): Promise<boolean> {
  const ours = PLAYLIST.test(name) || SEGMENT.test(name) || KEY.test(name) || TEMPORARY.test(name);
  if (!ours) return false;
  try {
    const { mtimeMs, size } = await lstat(path);
    if (Date.now() - mtimeMs <= age) return false;
    if (SEGMENT.test(name)) return await isTransportStream(path, size);
    return !KEY.test(name) || size === KEY_BYTES;
  } catch {
    return false;
  }
}

/** Tells segments, encrypted ones too, from other files that end in `.ts`, such as program text. */
async function isTransportStream(path: string, size: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    if (bytesRead === 0 || buffer[0] === TS_SYNC) return true;
    if (size % CIPHER_BLOCK !== 0) return false;
    const sample = await file.read(Buffer.alloc(256), 0, 256, 0);
    // Cipher text has bytes that no text has.
    return sample.buffer.subarray(0, sample.bytesRead).some((byte) => byte < 9 || byte === 127);
  } finally {
    await file.close();
  }
}
