import type { MemoryFile, MemoryFiles } from '../../core/workers/memory-files.ts';
import type { DiskQueue } from './disk.ts';

/** What may be said of a file besides what is in it. */
interface PutOptions {
  /** Rights on disk. */
  readonly mode?: number;
  readonly visited?: MemoryFile['visited'];
  readonly brief?: MemoryFile['brief'];
  /** Told when it is on the disk; must not throw. */
  readonly written?: () => void;
}

/** The files that one stream has in memory, each of them also on its way to disk. */
export class Shelf {
  readonly #files: MemoryFiles;
  readonly #disk: DiskQueue;
  /** What was put into memory and has not been taken out again. */
  readonly #held = new Map<string, MemoryFile>();
  /** Files that nobody is told of any more but that late players may still ask for, with the time they go. */
  readonly #retired = new Map<string, number>();

  constructor(files: MemoryFiles, disk: DiskQueue) {
    this.#files = files;
    this.#disk = disk;
  }

  /** It is in memory. */
  has(path: string): boolean {
    return this.#held.has(path);
  }

  /** Its newest content has reached the disk. */
  onDisk(path: string): boolean {
    return this.#disk.has(path);
  }

  /** Makes a file known at once and has it written. */
  put(path: string, body: Buffer, type: string, more: PutOptions = {}): void {
    const { mode, written, visited, brief } = more;
    const file: MemoryFile = {
      body,
      type,
      mtime: Date.now(),
      ...(visited === undefined ? {} : { visited }),
      ...(brief === undefined ? {} : { brief }),
    };
    this.#held.set(path, file);
    this.#retired.delete(path);
    this.#files.put(path, file);
    this.#disk.write(path, body, mode, written);
  }

  /** Few will still ask for it: takes it out of memory if it is on disk. */
  leaveToDisk(path: string): void {
    if (this.#held.has(path) && this.#disk.has(path)) this.#drop(path);
  }

  /** Late players find the file on disk, or where that failed for another `reach` ms in memory. */
  retire(path: string, reach: number): void {
    if (this.#disk.has(path)) this.#drop(path);
    else this.#retired.set(path, performance.now() + reach);
  }

  /** Takes out what has been retired for long enough. */
  sweep(): void {
    const now = performance.now();
    for (const [path, until] of this.#retired) if (until <= now || this.#disk.has(path)) this.#drop(path);
  }

  clear(): void {
    for (const path of [...this.#held.keys()]) this.#drop(path);
  }

  idle(): Promise<void> {
    return this.#disk.idle();
  }

  #drop(path: string): void {
    this.#retired.delete(path);
    this.#disk.forget(path);
    const file = this.#held.get(path);
    this.#held.delete(path);
    // A restarted service may have put a newer file under the same path.
    if (file !== undefined && this.#files.get(path) === file) this.#files.delete(path);
  }
}
