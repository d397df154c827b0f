import { close, closeSync, read } from 'node:fs';

/** What is told of a file that has been opened. */
export interface OpenFileState {
  readonly size: number;
  /** Modification time, ms of the wall clock. */
  readonly mtime: number;
  /** It lies on a disk of this machine, where closing it waits for nothing. */
  readonly local: boolean;
}

/** A file of the disk that is read while it is sent: the whole, or a part of it. */
export class OpenFile implements OpenFileState {
  readonly size: number;
  readonly mtime: number;
  readonly local: boolean;
  readonly #fd: number;
  #at = 0;
  #end: number;
  #reading = false;
  #closed = false;

  constructor(fd: number, { size, mtime, local }: OpenFileState) {
    this.#fd = fd;
    this.size = size;
    this.mtime = mtime;
    this.local = local;
    this.#end = size;
  }

  /** Has only the bytes from `start` up to `end` read. */
  narrow(start: number, end: number): this {
    this.#at = start;
    this.#end = end;
    return this;
  }

  /** Bytes still to be read, if the file does not become shorter meanwhile. */
  get length(): number {
    return this.#end - this.#at;
  }

  /** Reads what comes next into a buffer, one call at a time; 0: there is no more, or it was closed meanwhile. */
  read(into: Buffer): Promise<number> {
    const most = Math.min(into.length, this.#end - this.#at);
    if (most === 0 || this.#closed) return Promise.resolve(0);
    this.#reading = true;
    return new Promise((resolve, reject) => {
      read(this.#fd, into, 0, most, this.#at, (error, count) => {
        this.#reading = false;
        if (this.#closed) {
          // Not sooner: another file could have got the number under the read.
          this.#release();
          resolve(0);
        } else if (error !== null) reject(error);
        else {
          this.#at += count;
          resolve(count);
        }
      });
    });
  }

  /** May be called at any time, and more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#reading) this.#release();
  }

  #release(): void {
    if (this.local) closeSync(this.#fd);
    else close(this.#fd, () => undefined);
  }
}
