import { constants } from 'node:fs';
import { mkdir, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '../../core/logs/log.ts';
import type { Histogram } from '../../core/measures/measures.ts';

/** The calls on the file system that a queue makes. */
export interface DiskAccess {
  makeDirectory(path: string, mode: number): Promise<unknown>;
  write(path: string, body: Buffer, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = constants;
/** A FIFO that stands in the way must not hold a thread for ever. */
const FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;

export const realDisk: DiskAccess = {
  makeDirectory: (path, mode) => mkdir(path, { recursive: true, mode }),
  write: (path, body, mode) => writeFile(path, body, { mode, flag: FLAGS }),
  rename,
  remove: unlink,
};

/** The same calls, with the time that each write takes observed, in seconds. */
export function timedDisk(disk: DiskAccess, seconds: Histogram): DiskAccess {
  return {
    ...disk,
    async write(path, body, mode) {
      const begun = performance.now();
      await disk.write(path, body, mode);
      seconds.observe((performance.now() - begun) / 1000);
    },
  };
}

/** What may wait for a slow disk, per queue. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_JOBS = 64;
const REPORT_EVERY_MS = 60_000;
/** A disk counts as well again after this long without a failure. */
const STEADY_MS = 10_000;

interface Job {
  readonly path: string;
  readonly body: Buffer;
  readonly mode: number;
  readonly written: (() => void) | undefined;
}

/** Says once a minute that a path cannot be written, and once that it can again. */
export class DiskTrouble {
  readonly #log: Logger;
  readonly #path: string;
  #lost = 0;
  #reported = Number.NEGATIVE_INFINITY;
  /** When the last write failed; null: all is well. */
  #failed: number | null = null;

  constructor(log: Logger, path: string) {
    this.#log = log;
    this.#path = path;
  }

  failed(error: unknown): void {
    this.#lost += 1;
    const now = performance.now();
    this.#failed = now;
    if (now - this.#reported < REPORT_EVERY_MS) return;
    this.#reported = now;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.error(
      { path: this.#path, lost: this.#lost, reason },
      'HLS files cannot be written; players are served from memory',
    );
    this.#lost = 0;
  }

  succeeded(): void {
    // On a disk that is nearly full small files succeed between large ones that fail.
    if (this.#failed === null || performance.now() - this.#failed < STEADY_MS) return;
    this.#failed = null;
    this.#log.info({ path: this.#path, lost: this.#lost }, 'HLS files are written again');
    this.#lost = 0;
  }
}

/** The name under which a file is written before it is renamed: hidden, in the same directory. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

/**
 * Writes the files of one stream, one after another in the order given, each whole or not at all. What waits is
 * bounded: a disk that is too slow loses the oldest files, never the newest.
 */
export class DiskQueue {
  readonly #disk: DiskAccess;
  readonly #trouble: DiskTrouble;
  readonly #directoryMode: () => number;
  readonly #directories = new Set<string>();
  #jobs: Job[] = [];
  #bytes = 0;
  #running: Promise<void> | null = null;
  readonly #missing = new Set<string>();

  constructor(disk: DiskAccess, trouble: DiskTrouble, directoryMode: () => number) {
    this.#disk = disk;
    this.#trouble = trouble;
    this.#directoryMode = directoryMode;
  }

  /** Whether the newest content of a path has reached the disk. */
  has(path: string): boolean {
    return !this.#missing.has(path);
  }

  /** No longer of interest: forgets whether it was written. */
  forget(path: string): void {
    this.#missing.delete(path);
  }

  /** Writes a file; a write of the same path that still waits is replaced. `written` is told when it is there. */
  write(path: string, body: Buffer, mode = 0o644, written?: () => void): void {
    const waiting = this.#jobs.findIndex((job) => job.path === path);
    if (waiting >= 0) this.#take(waiting);
    this.#jobs.push({ path, body, mode, written });
    this.#bytes += body.length;
    this.#missing.add(path);
    while (this.#jobs.length > 1 && (this.#jobs.length > MAX_JOBS || this.#bytes > MAX_BYTES)) {
      this.#take(0);
      this.#trouble.failed(new Error('the disk is too slow'));
    }
    this.#running ??= this.#run();
  }

  /** All that was given so far is written, or lost. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  #take(index: number): Job {
    const job = this.#jobs.splice(index, 1)[0]!;
    this.#bytes -= job.body.length;
    return job;
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const job = this.#take(0);
      try {
        await this.#place(job);
        this.#trouble.succeeded();
        job.written?.();
        if (!this.#jobs.some((other) => other.path === job.path)) this.#missing.delete(job.path);
      } catch (error) {
        this.#trouble.failed(error);
        await this.#disk.remove(temporaryName(job.path)).catch(() => undefined);
      }
    }
    this.#running = null;
  }

  async #place(job: Job): Promise<void> {
    const directory = dirname(job.path);
    if (!this.#directories.has(directory)) {
      await this.#disk.makeDirectory(directory, this.#directoryMode());
      this.#directories.add(directory);
    }
    try {
      await this.#replace(job);
    } catch (error) {
      // Somebody has removed the directory meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.#disk.makeDirectory(directory, this.#directoryMode());
      await this.#replace(job);
    }
  }

  async #replace({ path, body, mode }: Job): Promise<void> {
    const temporary = temporaryName(path);
    await this.#disk.write(temporary, body, mode);
    await this.#disk.rename(temporary, path);
  }
}
