import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../core/logs/log.ts';

/** What a recording needs of an open file. */
export type OpenFile = Pick<FileHandle, 'fd' | 'read' | 'write' | 'stat' | 'close'>;

/** The calls on the file system that recordings make. */
export interface DiskAccess {
  /** `keep`: with what is in it, if it is there. Folders are made. */
  open(path: string, keep: boolean): Promise<OpenFile>;
  remove(path: string): Promise<void>;
}

export const realDisk: DiskAccess = {
  async open(path, keep) {
    await mkdir(dirname(path), { recursive: true });
    if (!keep) return open(path, 'w+');
    try {
      return await open(path, 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return open(path, 'w+');
    }
  },
  remove: unlink,
};

/**
 * A disk whose files are locked as they are opened. The lock of flock(2) belongs to the open file, so it lasts until
 * that is closed, although the program that sets it has ended by then. Somebody who just tries the lock is waited for. `unlocked` is told why a file has none.
 */
export function lockingDisk(disk: DiskAccess, unlocked: (path: string, reason: string) => void): DiskAccess {
  return {
    ...disk,
    async open(path, keep) {
      const file = await disk.open(path, keep);
      try {
        const child = spawn('flock', ['-x', '-w', '1', '3'], {
          stdio: ['ignore', 'ignore', 'ignore', file.fd],
        });
        const [code] = (await once(child, 'exit')) as [number | null];
        if (code !== 0) unlocked(path, 'another program has locked it');
      } catch (error) {
        unlocked(path, error instanceof Error ? error.message : String(error));
      }
      return file;
    },
  };
}

const REPORT_EVERY_MS = 60_000;

/** Says at most once a minute that recordings fail, and how many have. */
export class DiskTrouble {
  readonly #log: Logger;
  #failures = 0;
  #reported = Number.NEGATIVE_INFINITY;

  constructor(log: Logger) {
    this.#log = log;
  }

  failed(path: string, error: unknown): void {
    this.#failures += 1;
    const now = performance.now();
    if (now - this.#reported < REPORT_EVERY_MS) return;
    this.#reported = now;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.error(
      { path, failures: this.#failures, reason },
      'a recording has stopped; another one is tried every few seconds',
    );
    this.#failures = 0;
  }
}

/** Writes all of it, however many calls the system makes of it. */
export async function writeWhole(file: OpenFile, bytes: Buffer, at: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    if (bytesWritten === 0) throw new Error('the disk takes no more');
    done += bytesWritten;
  }
}

/** Bytes of a file; fewer where it ends before. */
export async function readPart(file: OpenFile, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
