import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../core/log.ts';
import { openForLines } from '../core/log-files.ts';
import type { LogLevel, LogTarget } from '../core/main.ts';

const RANKS: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  notice: 35,
  warn: 40,
  error: 50,
  crit: 60,
  alert: 60,
  emerg: 60,
};

/** Fields whose values nobody should find in a log. */
const SECRETS = ['password', 'passwd', 'secret', 'token', 'authorization', 'cookie', 'key'];

const COMPLAIN_EVERY_MS = 60_000;

/** New places for the log, opened and ready; one of the two is called, once. */
export interface PreparedLog {
  commit(): void;
  undo(): void;
}

/** Turns a line of JSON into one for people. */
export type Pretty = (line: string) => string;

/**
 * Where the lines of the log go: a reload changes files and levels under every logger already handed out, and nothing
 * that happens to a file (a full disk, a closed pipe) reaches those who log.
 */
export class ErrorLog {
  readonly logger: Logger;
  readonly #root: PinoLogger<'notice'>;
  readonly #prefix: string;
  readonly #pretty: Pretty | undefined;
  #sinks: readonly LineSink[] = [];
  #least = RANKS.notice;

  /** Opens the targets; throws the system's error where one cannot be. `pretty` is for lines that go to stderr. */
  constructor(targets: readonly LogTarget[], prefix: string, pretty?: Pretty) {
    this.#prefix = prefix;
    this.#pretty = pretty;
    this.prepare(targets).commit();
    const least = (): number => this.#least;
    this.#root = pino(
      {
        level: 'debug',
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        customLevels: { notice: RANKS.notice },
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '***' },
        hooks: {
          // Children keep the level they were made with, so that in force is asked for at each line instead.
          logMethod(args, method, level) {
            if (level >= least()) method.apply(this, args);
          },
        },
      },
      this.#stream(),
    );
    this.logger = this.#root as unknown as Logger;
  }

  /** Tells a step of the server's life: more than `info`, and nothing to worry about. */
  notice(message: string, fields: object = {}): void {
    this.#root.notice(fields, message);
  }

  /** Opens what the new targets need; throws the system's error and changes nothing where one cannot be. */
  prepare(targets: readonly LogTarget[]): PreparedLog {
    const fresh: LineSink[] = [];
    const next: LineSink[] = [];
    try {
      for (const { path, level } of targets) {
        const kept = this.#sinks.find((sink) => sink.path === path && sink.level === level);
        const sink =
          kept ?? new LineSink(path, level, path === null ? this.#pretty : undefined, this.#prefix);
        if (kept === undefined) fresh.push(sink);
        next.push(sink);
      }
    } catch (error) {
      for (const sink of fresh) sink.close();
      throw error;
    }
    return {
      commit: () => {
        for (const sink of this.#sinks) if (!next.includes(sink)) sink.close();
        this.#sinks = next;
        this.#least = Math.min(...next.map((sink) => RANKS[sink.level]));
      },
      undo: () => {
        for (const sink of fresh) sink.close();
      },
    };
  }

  /** Goes on in new files of the same names, after a rotation. */
  reopen(): void {
    for (const sink of this.#sinks) sink.reopen();
  }

  /** The files it writes to. */
  get paths(): readonly string[] {
    return this.#sinks.flatMap((sink) => (sink.path === null ? [] : [sink.path]));
  }

  #stream(): { write(line: string): void } {
    const stream = {
      // pino tells the level of each line by this property to streams that carry its mark.
      [Symbol.for('pino.metadata')]: true,
      lastLevel: 0,
      write: (line: string): void => {
        for (const sink of this.#sinks) if (stream.lastLevel >= RANKS[sink.level]) sink.write(line);
      },
    };
    return stream;
  }
}

/** One place for lines, written at once: the last lines before a crash are those that matter. */
class LineSink {
  readonly path: string | null;
  readonly level: LogLevel;
  readonly #pretty: Pretty | undefined;
  #fd = 2;
  /** Only the beginning of the last line could be written. */
  #torn = false;
  #lost = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #recoveredAt = Number.NEGATIVE_INFINITY;

  constructor(path: string | null, level: LogLevel, pretty: Pretty | undefined, prefix: string) {
    this.path = path;
    this.level = level;
    this.#pretty = pretty;
    if (path !== null) {
      if (isInside(prefix, path)) mkdirSync(dirname(path), { recursive: true });
      this.#fd = openForLines(path);
    }
  }

  write(line: string): void {
    const whole = this.#pretty === undefined ? line : this.#pretty(line);
    const text = Buffer.from(this.#torn ? `\n${whole}` : whole);
    let at = 0;
    try {
      while (at < text.length) at += writeSync(this.#fd, text, at);
      this.#torn = false;
      if (this.#lost > 0) this.#recovered();
    } catch (error) {
      if (at > 0) this.#torn = true;
      this.#complain(error as NodeJS.ErrnoException);
    }
  }

  reopen(): void {
    if (this.path === null) return;
    try {
      const fd = openForLines(this.path);
      closeSync(this.#fd);
      this.#fd = fd;
    } catch (error) {
      this.#complain(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    if (this.path !== null) closeSync(this.#fd);
  }

  /** Says on stderr, once a minute, that the file cannot be written. */
  #complain(error: NodeJS.ErrnoException): void {
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
    if (this.path !== null) alert(`the log ${this.path} is written again (${this.#lost} lines lost)`);
    this.#lost = 0;
  }
}

function alert(text: string): void {
  try {
    writeSync(2, `mediad: [alert] ${text}\n`);
  } catch {
    // There is nobody left to tell.
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(resolve(folder), path);
  return !way.startsWith('..') && !isAbsolute(way);
}

/** The function that prints for people, where stderr is a terminal; undefined: lines stay JSON. */
export async function terminalPretty(): Promise<Pretty | undefined> {
  if (!process.stderr.isTTY) return undefined;
  const { prettyFactory } = await import('pino-pretty');
  const print = prettyFactory({
    colorize: (process.env['NO_COLOR'] ?? '') === '',
    singleLine: true,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss.l',
    customLevels: `notice:${RANKS.notice}`,
    customColors: 'notice:cyan',
    useOnlyCustomProps: false,
  });
  return (line) => print(line);
}
