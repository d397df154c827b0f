import { list, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseSize, parseTime } from '../../config/values.ts';
import { constantOf, readTemplate, type Template, templateOf } from '../values/template.ts';

/** How values are made safe in a log line. */
export type LogEscape = 'default' | 'json' | 'none';

/** One `log_format`. */
export interface LogFormat {
  readonly name: string;
  readonly escape: LogEscape;
  readonly line: Template;
}

/** One `access_log`, or `off`. */
export interface AccessLog {
  readonly off: boolean;
  readonly path: Template;
  readonly format: string;
  readonly buffer: number;
  readonly flush: number;
  /** Logs only requests for which it is neither empty nor 0. */
  readonly when: Template | null;
}

/** The format named `combined`, which needs no `log_format`. */
export const COMBINED: LogFormat = {
  name: 'combined',
  escape: 'default',
  line: templateOf(
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
  )!,
};

/** Where requests are logged while no `access_log` stands anywhere. */
const DEFAULT_LOG = 'logs/access.log';

/** Formats are named once for all servers. */
export const logFormatTable = {
  log_format: list<LogFormat>(
    readLogFormat,
    'A form of access log lines, by a name that access_log refers to.',
    'name [escape=default|json|none] string ...',
    { min: 2, max: Number.POSITIVE_INFINITY, contexts: ['http'] },
  ),
} as const;

/** Where requests are logged. */
export const accessLogTable = {
  access_log: value<readonly AccessLog[]>(
    readAccessLog,
    [{ off: false, path: templateOf(DEFAULT_LOG)!, format: 'combined', buffer: 0, flush: 0, when: null }],
    'Where and how requests are logged; several may stand together, inner ones replace outer ones.',
    'path [format [buffer=size] [flush=time] [if=condition]] | off',
    {
      max: Number.POSITIVE_INFINITY,
      contexts: ['http', 'server', 'location', 'location_if', 'limit_except'],
      repeat: 'list',
      merge: 'inner-if-any',
      shown: 'logs/access.log combined',
    },
  ),
} as const;

function readLogFormat(words: readonly Word[], context: ReadContext): LogFormat {
  const [name, second, ...rest] = words;
  const escaping = /^escape=(.*)$/.exec(second!.value);
  if (escaping !== null && !['default', 'json', 'none'].includes(escaping[1]!)) {
    context.fail(`unknown log format escaping "${escaping[1]}"`, second!.at, 'default, json or none');
  }
  const lines = escaping === null ? [second!, ...rest] : rest;
  const parts = lines.flatMap((word) => readTemplate(word, context).parts);
  return { name: name!.value, escape: (escaping?.[1] as LogEscape) ?? 'default', line: { parts } };
}

function readAccessLog(words: readonly Word[], context: ReadContext): readonly AccessLog[] {
  const [path, ...options] = words;
  let log: AccessLog = {
    off: path!.value === 'off',
    path: readTemplate(path!, context),
    format: 'combined',
    buffer: 0,
    flush: 0,
    when: null,
  };
  if (log.off) {
    if (options.length > 0) context.fail(`invalid parameter "${options[0]!.value}"`, options[0]!.at);
    return [log];
  }
  if (path!.value.startsWith('syslog:')) {
    context.warn('syslog is not offered: nothing is logged there', path!.at, 'log to a file or /dev/stdout');
    return [];
  }
  options.forEach((word, i) => {
    const [, name, setting] = /^(buffer|flush|gzip|if)(?:=(.*))?$/s.exec(word.value) ?? [];
    if (name === undefined) {
      if (i > 0) context.fail(`invalid parameter "${word.value}"`, word.at);
      log = { ...log, format: word.value };
    } else log = { ...log, ...readOption(name, setting ?? '', word, context) };
  });
  if (constantOf(log.path) === null && (log.buffer > 0 || log.flush > 0)) {
    context.fail('buffered logs cannot have variables in name', path!.at);
  }
  return [log];
}

function readOption(name: string, setting: string, word: Word, context: ReadContext): Partial<AccessLog> {
  if (name === 'gzip') {
    context.warn('access logs are not compressed: "gzip" has no effect', word.at);
    return {};
  }
  if (name === 'if') {
    return { when: templateOf(setting) ?? context.fail(`invalid variable name in "${setting}"`, word.at) };
  }
  const amount = name === 'buffer' ? parseSize(setting) : parseTime(setting, true);
  if (amount === null || amount === 0) return context.fail(`invalid ${name} value "${setting}"`, word.at);
  return name === 'buffer' ? { buffer: amount } : { flush: amount };
}
