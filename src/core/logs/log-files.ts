import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import { resolve } from 'node:path';

/** How lines wait before they are written: up to `buffer` bytes or `flush` ms, whichever comes first; 0: not at all. */
export interface LogBuffering {
  readonly buffer: number;
  readonly flush: number;
}

/** A hold of a log file; several holds of one path share the file. */
export interface LogFile {
  readonly path: string;
  /** Appends one line; the line break is added. Never throws and never waits. */
  write(line: string): void;
  /** Gives the hold up; the last one writes what is buffered and closes the file. */
  close(): void;
}

/**
 * Opens a file for lines. Of a FIFO neither the opening nor a write ever waits for a reader: what it cannot hold is lost
 * with EAGAIN. Throws the system's error.
 */
export function openForLines(path: string): number {
  const { O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  const flags = O_APPEND | O_CREAT | O_NONBLOCK;
  try {
    return openSync(path, O_WRONLY | flags, 0o644);
  } catch (error) {
    // Nobody reads the FIFO yet; who also reads it himself need not wait for that.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return openSync(path, O_RDWR | flags, 0o644);
    throw error;
  }
}

/** Told that lines of a file were lost or could not be written yet; at most once a minute per file. */
export type Complain = (path: string, error: NodeJS.ErrnoException, lost: number) => void;

/** Bytes kept for a file that cannot be written (a full disk); newer lines are lost, and counted. */
const MOST_PENDING = 1024 * 1024;
const RETRY_MS = 1000;
const COMPLAIN_EVERY_MS = 60_000;
const UNBUFFERED: LogBuffering = { buffer: 0, flush: 0 };

/**
 * The files that requests and sessions are logged to. Lines of one turn of the event loop become one write, writes
 * happen off the main thread, and `reopen` (after a rotation) loses no line: what was written before it stands in the
 * old file, what comes after in the new one.
 */
export class LogFiles {
  readonly #complain: Complain;
  readonly #open = new Map<string, AppendFile>();

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  /** Opens a file for appending; throws the system's error (ENOENT, EACCES, …) at once where it cannot be. */
  open(path: string, buffering: LogBuffering = UNBUFFERED): LogFile {
    const absolute = resolve(path);
    const known = this.#open.get(absolute);
    const file = known ?? new AppendFile(absolute, this.#complain);
    this.#open.set(absolute, file);
    file.hold(buffering);
    let held = true;
    return {
      path: absolute,
      write: (line) => file.write(`${line}\n`),
      close: () => {
        if (!held) return;
        held = false;
        if (file.release(buffering)) this.#open.delete(absolute);
      },
    };
  }

  get paths(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Goes on in new files of the same names; a file that cannot be opened again keeps its old one. */
  reopen(): void {
    for (const file of this.#open.values()) file.reopen();
  }

  /** Resolves once everything that waits has been written, or could not be. For the end of the process. */
  async flush(): Promise<void> {
    await Promise.all([...this.#open.values()].map((file) => file.flush()));
  }
}

class AppendFile {
  readonly path: string;
  readonly #complain: Complain;
  #fd: number;
  readonly #holds: LogBuffering[] = [];
  #waiting: string[] = [];
  #waitingBytes = 0;
  /** What is being written, or could not be. */
  #batch: Buffer | undefined;
  #writing = false;
  #closed = false;
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;
  #lost = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  /** Wait for the write under way to end. */
  #idle: (() => void)[] = [];
  /** Rotated away while a write was under way, with the lines that belong there after it. */
  #rotated: { readonly fd: number; readonly tail: Buffer | undefined }[] = [];

  constructor(path: string, complain: Complain) {
    this.path = path;
    this.#complain = complain;
    this.#fd = openForLines(path);
  }

  hold(buffering: LogBuffering): void {
    this.#holds.push(buffering);
  }

  /** True where that was the last hold. */
  release(buffering: LogBuffering): boolean {
    this.#holds.splice(this.#holds.indexOf(buffering), 1);
    if (this.#holds.length > 0) return false;
    this.#closed = true;
    if (!this.#writing) this.#finish();
    return true;
  }

  write(text: string): void {
    if (this.#waitingBytes > MOST_PENDING) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
    if (this.#writing || this.#soon !== undefined) return;
    const { buffer, flush } = this.#holds[0] ?? UNBUFFERED;
    if (this.#waitingBytes >= buffer) this.#soon = setImmediate(() => this.#send());
    else if (flush > 0) this.#wait(flush);
  }

  reopen(): void {
    let fd: number;
    try {
      fd = openForLines(this.path);
    } catch (error) {
      this.#tell(error as NodeJS.ErrnoException);
      return;
    }
    if (this.#writing) this.#rotated.push({ fd: this.#fd, tail: this.#take() });
    else {
      this.#drain();
      closeSync(this.#fd);
    }
    this.#fd = fd;
  }

  /** One attempt, after a write under way. */
  async flush(): Promise<void> {
    while (this.#writing) await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (!this.#closed) this.#drain();
  }

  #wait(ms: number): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#send();
    }, ms).unref();
  }

  #cancel(): void {
    if (this.#soon !== undefined) clearImmediate(this.#soon);
    if (this.#later !== undefined) clearTimeout(this.#later);
    this.#soon = undefined;
    this.#later = undefined;
  }

  #take(): Buffer | undefined {
    if (this.#waiting.length === 0) return undefined;
    const batch = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#waitingBytes = 0;
    return batch;
  }

  #send(): void {
    this.#cancel();
    if (this.#writing) return;
    this.#batch ??= this.#take();
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#writing = true;
    write(this.#fd, batch, 0, batch.length, null, (error, written) => this.#written(batch, error, written));
  }

  #written(batch: Buffer, error: NodeJS.ErrnoException | null, written: number): void {
    this.#writing = false;
    const rest = batch.subarray(error === null ? written : 0);
    this.#batch = rest.length > 0 ? rest : undefined;
    for (const { fd, tail } of this.#rotated) {
      this.#append(fd, this.#batch);
      this.#append(fd, tail);
      this.#batch = undefined;
      closeSync(fd);
    }
    this.#rotated = [];
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
    if (this.#closed) {
      this.#finish();
      return;
    }
    if (error !== null) {
      this.#tell(error);
      this.#wait(RETRY_MS);
    } else if (this.#batch !== undefined || this.#waiting.length > 0) this.#send();
  }

  /** Writes what waits in this turn; no write is under way. */
  #drain(): void {
    this.#cancel();
    const batch = this.#batch;
    this.#batch = undefined;
    this.#append(this.#fd, batch);
    this.#append(this.#fd, this.#take());
  }

  #append(fd: number, bytes: Buffer | undefined): void {
    if (bytes === undefined) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      this.#lost += 1;
      this.#tell(error as NodeJS.ErrnoException);
    }
  }

  #finish(): void {
    this.#drain();
    closeSync(this.#fd);
  }

  #tell(error: NodeJS.ErrnoException): void {
    const now = performance.now();
    if (now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    const lost = this.#lost;
    this.#lost = 0;
    this.#complain(this.path, error, lost);
  }
}
