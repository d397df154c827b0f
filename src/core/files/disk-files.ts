import {
  closeSync,
  constants,
  fstat,
  fstatSync,
  open,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { MemoryFile } from '../workers/memory-files.ts';
import { OpenFile } from './open-file.ts';

/** What a path of the disk leads to; `failed` has the code of the error, such as `ENOENT`. */
export type Found =
  | { readonly kind: 'whole'; readonly file: MemoryFile; readonly held: boolean }
  | { readonly kind: 'open'; readonly file: OpenFile }
  | { readonly kind: 'folder' | 'special' }
  | { readonly kind: 'failed'; readonly code: string };

/** Bytes up to which a file is read whole: cheaper, and whole even if it is replaced at this very moment. */
const SMALL = 64 * 1024;
/** Bytes up to which one that is asked for again is held: a segment. */
const MOST_HELD = 1024 * 1024;
/** Of all that is held. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Paths something is known of. */
const MOST_PATHS = 2048;
/** Where a path lies is asked again after this, ms. */
const KNOWN_MS = 10_000;
/** A file is held once nothing was done to it for this long, ms: change times of less than a clock tick apart are equal. */
const SETTLED_MS = 2000;
/** A disk that took this long to tell of a file, ms, is asked without waiting for it. */
const SLOW_MS = 50;

/** What tells a version of a file from all others: the kernel alone sets the last. */
interface Version {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** What is known of a path. */
interface Known {
  local: boolean;
  /** ms of the monotonic clock. */
  until: number;
  /** What was found last. */
  version: Version | null;
  file: MemoryFile | null;
  /** While it is read to be held. */
  coming: Promise<MemoryFile | undefined> | null;
}

/**
 * Files of the disk. A path on a file system of this machine that was looked at a moment ago is looked at in place, which
 * costs 3 µs and waits for nothing; every other one by the threads that may wait for a disk. Small files stay in memory,
 * and each use of one is preceded by such a look: what is given is what lies there at that moment.
 */
export class DiskFiles {
  /** The least lately used first. */
  readonly #known = new Map<string, Known>();
  #bytes = 0;
  #slowUntil = 0;

  /** Bytes of the files that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What lies at a path, or the code of the error. */
  look(path: string): Stats | string | Promise<Stats | string> {
    const known = this.#known.get(path);
    const now = performance.now();
    if (known === undefined || known.until < now) return this.#learn(path);
    if (!known.local || now < this.#slowUntil) return statOf(path);
    try {
      const stats = statSync(path);
      const then = performance.now();
      if (then - now > SLOW_MS) this.#slowUntil = then + KNOWN_MS;
      return stats;
    } catch (error) {
      this.#forget(path);
      return codeOf(error);
    }
  }

  /** Finds a file and opens it, or has it in memory. */
  find(path: string): Found | Promise<Found> {
    const stats = this.look(path);
    return stats instanceof Promise ? stats.then((late) => this.#open(path, late)) : this.#open(path, stats);
  }

  async #learn(path: string): Promise<Stats | string> {
    const stats = await statOf(path);
    if (typeof stats === 'string') {
      this.#forget(path);
      return stats;
    }
    const local = await isLocal(path);
    const until = performance.now() + KNOWN_MS;
    const known = this.#known.get(path);
    if (known === undefined || known.local !== local) {
      this.#forget(path);
      this.#known.set(path, { local, until, version: null, file: null, coming: null });
      this.#trim();
    } else known.until = until;
    return stats;
  }

  #open(path: string, stats: Stats | string): Found | Promise<Found> {
    if (typeof stats === 'string') return { kind: 'failed', code: stats };
    if (stats.isDirectory()) return { kind: 'folder' };
    // A pipe or a device would keep the request waiting for ever.
    if (!stats.isFile()) return { kind: 'special' };
    const known = this.#known.get(path);
    if (known === undefined || !known.local || performance.now() < this.#slowUntil) {
      if (known?.file && isSame(known.version, stats)) return { kind: 'whole', file: known.file, held: true };
      return openInTurn(path);
    }
    if (isSame(known.version, stats)) {
      if (known.file !== null) {
        this.#known.delete(path);
        this.#known.set(path, known);
        return { kind: 'whole', file: known.file, held: true };
      }
      if (known.coming !== null) {
        return known.coming.then((file) =>
          file === undefined ? openInTurn(path) : { kind: 'whole', file, held: true },
        );
      }
    }
    return this.#openAtOnce(path, known);
  }

  #openAtOnce(path: string, known: Known): Found | Promise<Found> {
    let fd = -1;
    try {
      fd = openSync(path, FLAGS);
      const now = Date.now();
      const stats = fstatSync(fd);
      const age = now - stats.ctimeMs;
      if (!stats.isFile()) {
        closeSync(fd);
        return { kind: 'special' };
      }
      const settled = age > SETTLED_MS && Number.isSafeInteger(stats.ino);
      if (Math.abs(age) <= SETTLED_MS && stats.size <= SMALL) {
        // What has just been written lies in the kernel's memory.
        const file = { body: readNow(fd, stats.size), type: '', mtime: stats.mtimeMs };
        closeSync(fd);
        return { kind: 'whole', file, held: false };
      }
      const again = isSame(known.version, stats);
      if (!again) this.#renew(known, stats);
      const opened = new OpenFile(fd, { size: stats.size, mtime: stats.mtimeMs, local: true });
      if (!settled || stats.size > MOST_HELD || (stats.size > SMALL && !again)) {
        return { kind: 'open', file: opened };
      }
      return this.#take(path, known, fd, opened);
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      return { kind: 'failed', code: codeOf(error) };
    }
  }

  /** Reads a file whole, and holds it if it was the same all the time. */
  #take(path: string, known: Known, fd: number, opened: OpenFile): Promise<Found> {
    const { version } = known;
    const reading = readWhole(opened).then((body) => {
      const file: MemoryFile = { body, type: '', mtime: opened.mtime };
      const held = body.length === opened.size && isSame(version, fstatSync(fd));
      return { file, held };
    });
    const coming = reading.then(
      ({ file, held }) => (held ? file : undefined),
      () => undefined,
    );
    known.coming = coming;
    return reading
      .then(
        ({ file, held }): Found => {
          if (held && known.version === version && this.#known.get(path) === known) this.#hold(known, file);
          return { kind: 'whole', file, held };
        },
        (error: unknown): Found => ({ kind: 'failed', code: codeOf(error) }),
      )
      .finally(() => {
        opened.close();
        if (known.coming === coming) known.coming = null;
      });
  }

  #hold(known: Known, file: MemoryFile): void {
    this.#bytes += file.body.length - (known.file?.body.length ?? 0);
    known.file = file;
    this.#trim();
  }

  #renew(known: Known, { dev, ino, size, mtimeMs, ctimeMs }: Stats): void {
    this.#bytes -= known.file?.body.length ?? 0;
    known.file = null;
    known.coming = null;
    known.version = { dev, ino, size, mtimeMs, ctimeMs };
  }

  #forget(path: string): void {
    this.#bytes -= this.#known.get(path)?.file?.body.length ?? 0;
    this.#known.delete(path);
  }

  #trim(): void {
    for (const path of this.#known.keys()) {
      if (this.#bytes <= MOST_BYTES && this.#known.size <= MOST_PATHS) return;
      this.#forget(path);
    }
  }
}

/** Nobody on the other end of a pipe is waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

const openLater = promisify(open);
const statLater = promisify<number, Stats>(fstat);

/** Opens a file that may lie on a disk that hangs. */
async function openInTurn(path: string): Promise<Found> {
  let opened: OpenFile | null = null;
  try {
    const fd = await openLater(path, FLAGS);
    opened = new OpenFile(fd, { size: 0, mtime: 0, local: false });
    const stats = await statLater(fd);
    if (!stats.isFile()) {
      opened.close();
      return { kind: 'special' };
    }
    opened = new OpenFile(fd, { size: stats.size, mtime: stats.mtimeMs, local: false });
    if (stats.size > SMALL) return { kind: 'open', file: opened };
    const file = { body: await readWhole(opened), type: '', mtime: stats.mtimeMs };
    opened.close();
    return { kind: 'whole', file, held: false };
  } catch (error) {
    opened?.close();
    return { kind: 'failed', code: codeOf(error) };
  }
}

async function readWhole(file: OpenFile): Promise<Buffer> {
  const body = Buffer.allocUnsafeSlow(file.length);
  let at = 0;
  for (let count = -1; count !== 0 && at < body.length; at += count)
    count = await file.read(body.subarray(at));
  return body.subarray(0, at);
}

function readNow(fd: number, size: number): Buffer {
  const body = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (let count = -1; count !== 0 && at < size; at += count) count = readSync(fd, body, at, size - at, at);
  return body.subarray(0, at);
}

async function statOf(path: string): Promise<Stats | string> {
  try {
    return await stat(path);
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO';
}

function isSame(version: Version | null, stats: Stats): boolean {
  return (
    version !== null &&
    version.ctimeMs === stats.ctimeMs &&
    version.ino === stats.ino &&
    version.dev === stats.dev &&
    version.size === stats.size &&
    version.mtimeMs === stats.mtimeMs
  );
}

/**
 * Numbers of Linux for file systems of disks and memory of this machine that tell of changes to the second or better
 * (statfs(2)): ext, XFS, Btrfs, F2FS, ZFS, bcachefs, overlay, tmpfs, ramfs, SquashFS, EROFS.
 */
const LOCAL = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x794c7630, 0x01021994, 0x858458f6,
  0x73717368, 0xe0f5e1e2,
]);

async function isLocal(path: string): Promise<boolean> {
  try {
    return LOCAL.has((await statfs(path)).type);
  } catch {
    return false;
  }
}
