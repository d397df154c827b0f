import { mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Block, settingsOf } from '../../config/block.ts';
import { ConfigError } from '../../config/errors.ts';
import type { Logger } from '../../core/logs/log.ts';
import type { LogFile, LogFiles } from '../../core/logs/log-files.ts';
import type { Exchange } from '../requests/exchange.ts';
import { textOf, variable } from '../requests/variables.ts';
import { type AccessLog, accessLogTable, type LogEscape, type LogFormat } from '../tables/log-table.ts';
import { constantOf, render } from '../values/template.ts';

/** Files opened for a configuration that has not been committed yet. */
export interface PreparedLogs {
  commit(): void;
  undo(): void;
}

/** The access logs of the running configuration. */
export class AccessLogs {
  readonly #files: LogFiles;
  readonly #prefix: string;
  readonly #log: Logger;
  #held = new Map<string, LogFile>();

  constructor(files: LogFiles, prefix: string, log: Logger) {
    this.#files = files;
    this.#prefix = prefix;
    this.#log = log;
  }

  /** Opens every file that the block and those inside it log to. Throws ConfigError where one cannot be. */
  prepare(http: Block | undefined): PreparedLogs {
    const opened = new Map<string, LogFile>();
    const undo = (): void => {
      for (const file of opened.values()) file.close();
    };
    try {
      if (http !== undefined) this.#openAll(http, opened);
    } catch (error) {
      undo();
      throw error;
    }
    return {
      undo,
      commit: () => {
        const before = this.#held;
        this.#held = opened;
        for (const file of before.values()) file.close();
      },
    };
  }

  #openAll(block: Block, opened: Map<string, LogFile>): void {
    // Only what servers and their insides say is logged to; the outer value counts where they inherit it.
    if (block.context !== 'http') {
      const written = block.origins['access_log'] !== undefined;
      for (const log of settingsOf(block, accessLogTable).access_log) this.#open(block, log, written, opened);
    }
    for (const inner of block.children) if (logsRequests(inner)) this.#openAll(inner, opened);
  }

  #open(block: Block, log: AccessLog, written: boolean, opened: Map<string, LogFile>): void {
    const text = constantOf(log.path);
    if (log.off || text === null) return;
    const path = this.#absolute(text);
    if (opened.has(path)) return;
    try {
      if (!written) mkdirSync(dirname(path), { recursive: true });
      opened.set(path, this.#files.open(path, { buffer: log.buffer, flush: log.flush }));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!written) {
        // Nobody asked for this file by name; a read-only folder must not keep the server from running.
        this.#log.warn({ path, code }, 'the default access log cannot be written');
        return;
      }
      const at = block.origins['access_log'];
      throw new ConfigError([
        {
          severity: 'error',
          code: 'access-log',
          message: `open() "${path}" failed (${code ?? message})`,
          ...(at === undefined ? {} : { at }),
        },
      ]);
    }
  }

  #absolute(path: string): string {
    return isAbsolute(path) ? path : join(this.#prefix, path);
  }

  /** Logs a request that has ended, once. */
  write(exchange: Exchange): void {
    if (exchange.logged) return;
    exchange.logged = true;
    for (const log of exchange.place.logs) {
      if (log.off) return;
      if (log.when !== null) {
        const when = textOf(log.when, exchange);
        if (when === '' || when === '0') continue;
      }
      const format = exchange.router.formats.get(log.format);
      if (format === undefined) continue;
      this.#writeLine(this.#absolute(textOf(log.path, exchange)), lineOf(format, exchange));
    }
  }

  #writeLine(path: string, line: string): void {
    const held = this.#held.get(path);
    if (held !== undefined) {
      held.write(line);
      return;
    }
    // A path with variables, or one of a configuration that has been replaced under a request.
    try {
      const file = this.#files.open(path);
      file.write(line);
      file.close();
    } catch (error) {
      this.#log.error({ path, err: error }, 'a request could not be logged');
    }
  }

  close(): void {
    for (const file of this.#held.values()) file.close();
    this.#held.clear();
  }
}

function logsRequests(block: Block): boolean {
  return ['server', 'location', 'location_if', 'limit_except'].includes(block.context);
}

/** One line of a log. */
function lineOf(format: LogFormat, exchange: Exchange): string {
  return render(format.line, (name) => escapeValue(variable(name, exchange), format.escape));
}

function escapeValue(value: string, escaping: LogEscape): string {
  if (escaping === 'none') return value.replace(/[\r\n]/g, ' ');
  if (escaping === 'json') return JSON.stringify(value).slice(1, -1);
  if (value === '') return '-';
  if (!/[^\x20-\x7e]|["\\]/.test(value)) return value;
  let safe = '';
  for (const byte of Buffer.from(value)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    safe += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return safe;
}
