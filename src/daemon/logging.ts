import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import type { Logger } from '../core/logs/log.ts';
import type { LogLevel, LogTarget } from '../core/main.ts';
import { LineSink } from './line-sink.ts';

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

/** Turns a line of JSON into one for people. */
export type Pretty = (line: string) => string;

/** New places for the log, opened and ready; one of the two is called, once. */
export interface PreparedLog {
  commit(): void;
  undo(): void;
}

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

  /**
   * Opens the targets; throws the system's error where one cannot be. `pretty` is for lines that go to stderr, `fields`
   * stand in every line.
   */
  constructor(
    targets: readonly LogTarget[],
    prefix: string,
    pretty?: Pretty,
    fields: Readonly<Record<string, unknown>> | null = null,
  ) {
    this.#prefix = prefix;
    this.#pretty = pretty;
    this.prepare(targets).commit();
    const least = (): number => this.#least;
    this.#root = pino(
      {
        level: 'debug',
        base: fields,
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

  /** Tells the last step, and tries to write what could not be yet. */
  end(message: string): void {
    this.notice(message);
    for (const sink of this.#sinks) sink.flush();
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
