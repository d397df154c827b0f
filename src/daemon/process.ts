import { chownSync, closeSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { settingsOf } from '../config/block.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import { openForLines } from '../core/logs/log-files.ts';
import { type LogTarget, type MainSettings, mainTable, type UserSetting } from '../core/main.ts';
import { become, findIdentity, mayChangeUser } from './privileges.ts';

/** The pid file of a configuration. */
export function pidPath(config: Pick<Config, 'tree' | 'prefix'>): string {
  const { pid } = settingsOf(config.tree, mainTable);
  return pid === '' ? defaultPidPath(config.prefix) : pid;
}

export function defaultPidPath(prefix: string): string {
  return resolve(prefix, 'logs/mediad.pid');
}

/** Where to log: what is written, else what `-e` says, else stderr, else, without a terminal, a file. */
export function logTargets(
  main: MainSettings,
  prefix: string,
  given: { readonly errorLog?: string; readonly detached?: boolean },
): readonly LogTarget[] {
  if (main.error_log.length > 0) return main.error_log;
  const target = given.errorLog ?? (given.detached === true ? 'logs/error.log' : 'stderr');
  return [{ path: target === 'stderr' ? null : resolve(prefix, target), level: 'info' }];
}

/** Sets what `env` gives values to, for programs that are run. */
export function setEnvironment(main: MainSettings): void {
  for (const { name, value } of main.env) if (value !== null) process.env[name] = value;
}

/**
 * Becomes the user of the configuration for good, where root started the process; the files given go along. Throws
 * ConfigError where there is no such user.
 */
export function dropRights(config: Config, files: readonly string[]): void {
  const { user } = settingsOf(config.tree, mainTable);
  if (user === null || !mayChangeUser()) return;
  const identity = findIdentity(user);
  const at = config.tree.origins['user'];
  if ('missing' in identity) {
    throw new ConfigError([
      {
        severity: 'error',
        code: 'user-missing',
        message: identity.missing,
        ...(at === undefined ? {} : { at }),
        help: 'create the user, or name another one',
      },
    ]);
  }
  for (const file of files) chownSync(file, identity.uid, identity.gid);
  become(user, identity);
}

/** Makes log files for the user that writes them, who may not be allowed to where they are. */
export function makeLogs(user: UserSetting | null, paths: readonly string[]): void {
  if (user === null || !mayChangeUser()) return;
  const identity = findIdentity(user);
  if ('missing' in identity) return;
  for (const path of paths) {
    try {
      closeSync(openForLines(path));
      chownSync(path, identity.uid, identity.gid);
    } catch {
      // Who writes it tells.
    }
  }
}

/** What an admin should know about settings that cannot be had as written. */
export function startNotes(main: MainSettings, limits = limitsText()): readonly string[] {
  const notes: string[] = [];
  const { worker_rlimit_nofile: wanted } = main;
  const limit = /^Max open files\s+([0-9]+)/m.exec(limits)?.[1];
  if (limit !== undefined && wanted > Number(limit)) {
    notes.push(
      `worker_rlimit_nofile ${wanted}: the system allows ${limit}; raise it with LimitNOFILE= of systemd or ulimit -n`,
    );
  }
  return notes;
}

function limitsText(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
