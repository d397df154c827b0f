import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { choose, flag, list, msec, number, value } from '../config/rows.ts';
import type { BlockRow, Settings } from '../config/table.ts';
import { parseNumber } from '../config/values.ts';

/** The levels of `error_log`, from the most to the least talkative. */
const LOG_LEVELS = ['debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One `error_log` line, its path absolute; null is stderr. */
export interface LogTarget {
  readonly path: string | null;
  readonly level: LogLevel;
}

/** The `user` directive. */
export interface UserSetting {
  readonly user: string;
  /** Empty: the group of the same name. */
  readonly group: string;
}

/** One `env` line; null: the variable as it came. */
export interface EnvSetting {
  readonly name: string;
  readonly value: string | null;
}

/** Modules of nginx whose directives are known here without loading anything. */
const BUILT_IN = /(rtmp|http[-_]flv|flv[-_]live)/;

/** Directives of the process as a whole. */
export const mainTable = {
  error_log: list<LogTarget>(
    ([word, level, ...more], context) => {
      const target = word!.value;
      if (target.startsWith('syslog:') || target.startsWith('memory:')) {
        const kind = target.slice(0, target.indexOf(':'));
        context.fail(
          `error_log to ${kind} is not supported`,
          word!.at,
          'write to a file, or to stderr, which systemd and Docker collect',
        );
      }
      if (target === 'off') {
        context.warn(
          'error_log has no "off": the log goes to a file of that name',
          word!.at,
          'error_log /dev/null emerg; keeps it quiet',
        );
      }
      for (const extra of more) choose(LOG_LEVELS, extra, context);
      return {
        path: target === 'stderr' ? null : resolve(context.prefix, target),
        level: level === undefined ? 'error' : choose(LOG_LEVELS, level, context),
      };
    },
    'Where the log goes, and how much of it: lines of the level and of those more severe. Several may stand.',
    'FILE | stderr [debug | info | notice | warn | error | crit | alert | emerg]',
    {
      max: Number.POSITIVE_INFINITY,
      shown: 'stderr info, or logs/error.log info with daemon on',
      example: 'error_log logs/error.log warn;',
    },
  ),
  pid: value<string>(
    ([word], context) => resolve(context.prefix, word!.value),
    '',
    'The file that holds the process number; the control socket stands beside it.',
    'FILE',
    { shown: 'logs/mediad.pid' },
  ),
  daemon: flag(false, 'Detaches from the terminal once the configuration has been applied.'),
  auto_reload: flag(true, 'Applies changes of the configuration files as they are written.'),
  worker_processes: value<number | 'auto'>(
    ([word], context) =>
      word!.value.toLowerCase() === 'auto'
        ? 'auto'
        : (parseNumber(word!.value) ??
          context.fail(`invalid number "${word!.value}"`, word!.at, 'a number, or auto')),
    1,
    'How many processes serve clients, any of them any stream; auto: as many as there are processors. A reload starts further ones, and lets surplus ones serve whom they have to the end.',
    'number | auto',
    { shown: '1', example: 'worker_processes auto;' },
  ),
  rtmp_auto_push: flag(
    false,
    'Accepted; with several workers each can play every stream, fetched from the worker that has it once somebody asks.',
    { example: 'rtmp_auto_push on;' },
  ),
  rtmp_auto_push_reconnect: msec(
    100,
    'How soon a worker that loses the stream of another asks for it again.',
    { example: 'rtmp_auto_push_reconnect 1s;', shown: '100ms', least: 1 },
  ),
  rtmp_socket_dir: value<string>(
    ([word], context) => resolve(context.prefix, word!.value),
    '/tmp',
    'Where workers have the folder with the sockets that they fetch streams from one another by.',
    'DIRECTORY',
    { example: 'rtmp_socket_dir /run/mediad;', shown: '/tmp' },
  ),
  worker_rlimit_nofile: number(
    0,
    'How many files and connections the process needs to have open; a lower limit of the system is told at the start.',
    { shown: 'the limit of the system' },
  ),
  worker_shutdown_timeout: msec(
    5000,
    'How long a graceful stop waits for connections to end by themselves and, where it is written, a worker that a reload retires; 0: without end.',
    { shown: '5s' },
  ),
  working_directory: value<string>(
    ([word], context) => resolve(context.prefix, word!.value),
    '',
    'The directory that relative media paths, such as that of hls_path, start from.',
    'DIRECTORY',
    { shown: 'where mediad was started' },
  ),
  user: value<UserSetting | null>(
    ([user, group]) => ({ user: user!.value, group: group?.value ?? '' }),
    null,
    'The user, and group, that the process becomes when root starts it.',
    'USER [GROUP]',
    { max: 2 },
  ),
  env: list<EnvSetting>(
    ([word]) => {
      const at = word!.value.indexOf('=');
      if (at < 0) return { name: word!.value, value: null };
      return { name: word!.value.slice(0, at), value: word!.value.slice(at + 1) };
    },
    'Sets a variable of the environment; all others are kept as they came.',
    'NAME[=VALUE]',
  ),
  load_module: list<string>(
    ([word], context) => {
      if (!BUILT_IN.test(word!.value)) {
        context.warn(`module "${word!.value}" is not loaded, its directives are unknown`, word!.at);
      }
      return word!.value;
    },
    'Accepted; what the RTMP and HTTP-FLV modules do is built in.',
    'FILE',
  ),
} as const;

export type MainSettings = Settings<typeof mainTable>;

const events: BlockRow<null> = {
  kind: 'block',
  opens: 'events',
  read: () => null,
  min: 0,
  max: 0,
  contexts: ['main'],
  key: () => 'events',
  syntax: '{ ... }',
  help: 'Accepted as nginx has it; connections are handled without any tuning.',
};

/** The block that nginx files have to have. */
export const eventsTable = { events } as const;

/** Settings of `mainTable` that only a restart applies, whatever serves. */
export const RESTART_SETTINGS: readonly (keyof MainSettings)[] = [
  'pid',
  'daemon',
  'user',
  'working_directory',
  'rtmp_socket_dir',
];

/** More than this would only get in each other's way; the numbers of clients have room for as many. */
const MOST_WORKERS = 99;

/** How many processes are to serve. */
export function workerCount({ worker_processes: wanted }: MainSettings): number {
  return Math.min(Math.max(wanted === 'auto' ? availableParallelism() : wanted, 1), MOST_WORKERS);
}
