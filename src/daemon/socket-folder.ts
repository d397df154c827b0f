import { chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { settingsOf } from '../config/block.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import { mainTable } from '../core/main.ts';
import { isAlive } from './pid-file.ts';
import { findIdentity, mayChangeUser } from './privileges.ts';

/** Bytes that the path of a unix socket may have (sun_path, without the final NUL). */
const LONGEST_PATH = 107;

/** The socket by which a worker gives its streams to the others. */
export function workerSocket(folder: string, index: number): string {
  return join(folder, `worker-${index}.sock`);
}

/** The folder in `rtmp_socket_dir` with the sockets of one server's workers, which nobody else may enter. */
export class SocketFolder {
  #path = '';

  get path(): string {
    return this.#path;
  }

  /** Makes it, and removes those of servers that were killed. Throws ConfigError, or the system's error. */
  make(config: Config): void {
    const { rtmp_socket_dir: directory, user } = settingsOf(config.tree, mainTable);
    const stem = join(directory, `mediad-${process.pid}-`);
    if (Buffer.byteLength(workerSocket(`${stem}XXXXXX`, 99)) > LONGEST_PATH) {
      const at = config.tree.origins['rtmp_socket_dir'];
      throw new ConfigError([
        {
          severity: 'error',
          code: 'path-too-long',
          message: `rtmp_socket_dir ${directory} is too long for the path of a socket`,
          ...(at === undefined ? {} : { at }),
          help: 'name a directory of at most 70 bytes',
        },
      ]);
    }
    mkdirSync(directory, { recursive: true });
    removeStale(directory);
    this.#path = mkdtempSync(stem);
    if (user === null || !mayChangeUser()) return;
    const identity = findIdentity(user);
    if (!('missing' in identity)) chownSync(this.#path, identity.uid, identity.gid);
  }

  remove(): void {
    if (this.#path !== '') rmSync(this.#path, { recursive: true, force: true });
  }
}

function removeStale(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = /^mediad-([1-9][0-9]{0,9})-[A-Za-z0-9]{6}$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const path = join(directory, name);
    try {
      if (lstatSync(path).isDirectory()) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another user's.
    }
  }
}
