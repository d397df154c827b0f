import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { openForLines } from '../core/logs/log-files.ts';
import type { LogLevel } from '../core/main.ts';

const COMPLAIN_EVERY_MS = 60_000;
/** Bytes kept for a reader that does not read for a moment; newer lines are lost, and counted. */
const MOST_PENDING = 256 * 1024;
const RETRY_MS = 50;

let stderr: number | undefined;

/**
 * One place for lines, written at once: the last lines before a crash are those that matter. Nothing that becomes of them
 * holds up or reaches those who log: what a pipe cannot hold waits, what the disk cannot is lost and counted.
 */
export class LineSink {
  /** Null: stderr. */
  readonly path: string | null;
  readonly level: LogLevel;
  readonly #pretty: ((line: string) => string) | undefined;
  #fd: number;
  /** What the pipe has no room for, oldest first. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Only the beginning of the last line could be written. */
  #torn = false;
  #lost = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #recoveredAt = Number.NEGATIVE_INFINITY;

  /** Throws the system's error where the file cannot be opened. Its folder is made inside `prefix`. */
  constructor(
    path: string | null,
    level: LogLevel,
    pretty: ((line: string) => string) | undefined,
    prefix: string,
  ) {
    this.path = path;
    this.level = level;
    this.#pretty = pretty;
    if (path !== null && isInside(prefix, path)) mkdirSync(dirname(path), { recursive: true });
    this.#fd = path === null ? stderrForLines() : openForLines(path);
  }

  write(line: string): void {
    const whole = this.#pretty === undefined ? line : this.#pretty(line);
    const text = Buffer.from(this.#torn ? `\n${whole}` : whole);
    if (this.#pending.length > 0) this.#keep(text);
    else this.#put(text);
  }

  /** One attempt at what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const text of pending) {
      if (this.#pending.length > 0) this.#keep(text);
      else this.#put(text);
    }
  }

  reopen(): void {
    if (this.path === null) return;
    try {
      const fd = openForLines(this.path);
      this.flush();
      closeSync(this.#fd);
      this.#fd = fd;
    } catch (error) {
      this.#complain(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    this.flush();
    clearTimeout(this.#timer);
    if (this.path !== null) closeSync(this.#fd);
  }

  #put(text: Buffer): void {
    let at = 0;
    try {
      while (at < text.length) at += writeSync(this.#fd, text, at);
      this.#torn = false;
      if (this.#lost > 0) this.#recovered();
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      if (failure.code === 'EAGAIN') {
        this.#keep(text.subarray(at));
        return;
      }
      if (at > 0) this.#torn = true;
      this.#complain(failure);
    }
  }

  #keep(text: Buffer): void {
    if (this.#pendingBytes + text.length > MOST_PENDING) {
      this.#complain(new Error('nobody reads it'));
      return;
    }
    this.#pending.push(text);
    this.#pendingBytes += text.length;
    this.#timer ??= setTimeout(() => this.flush(), RETRY_MS).unref();
  }

  /** Says on stderr, once a minute, that the file cannot be written. */
  #complain(error: Error): void {
    this.#lost += 1;
    const now = performance.now();
    if (this.path === null || now - this.#complainedAt < COMPLAIN_EVERY_MS) return;
    this.#complainedAt = now;
    alert(`the log ${this.path} cannot be written: ${error.message} (${this.#lost} lines lost)`);
  }

  /** As rarely as it complains: on a disk that is nearly full, lines succeed between those that fail. */
  #recovered(): void {
    const now = performance.now();
    if (now - this.#recoveredAt < COMPLAIN_EVERY_MS) return;
    this.#recoveredAt = now;
    alert(`the log ${this.path ?? 'on stderr'} is written again (${this.#lost} lines lost)`);
    this.#lost = 0;
  }
}

/**
 * A descriptor for lines to stderr on which a write never waits: of a pipe that is full, or a terminal that is halted,
 * it fails with EAGAIN. Those who share stderr with this process keep theirs as it is, but for a socket.
 */
function stderrForLines(): number {
  stderr ??= opened();
  return stderr;
}

function opened(): number {
  try {
    const kind = fstatSync(2);
    if (kind.isSocket()) {
      // A socket cannot be opened anew; looking at `process.stderr` puts it into the mode that is wanted.
      process.stderr.on('error', () => undefined);
    } else if (kind.isFIFO() || kind.isCharacterDevice()) {
      const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
      return openSync('/dev/fd/2', O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
    }
  } catch {
    // It is another user's, or this system has no such folder: then it is written to as it is.
  }
  return 2;
}

function alert(text: string): void {
  try {
    writeSync(stderrForLines(), `mediad: [alert] ${text}\n`);
  } catch {
    // There is nobody left to tell.
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(resolve(folder), path);
  return !way.startsWith('..') && !isAbsolute(way);
}
