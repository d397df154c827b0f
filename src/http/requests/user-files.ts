import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Logger } from '../../core/logs/log.ts';
import { isKnownForm, isPassword } from '../values/passwords.ts';

/** Whether somebody is who he says; `none`: there is no such file; `busy`: too many others are asked about. */
export type Verdict = 'yes' | 'no' | 'none' | 'failed' | 'busy';

/** A file is looked at again after this long, ms. */
const LOOK_AGAIN_MS = 1000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Answers kept per file, so that players who ask every second are not reckoned through every second. */
const MOST_KEPT = 4096;
/** Passwords that may wait to be checked; checking is slow on purpose. */
const MOST_WAITING = 64;

interface UserFile {
  readonly state: string;
  readonly passwords: ReadonlyMap<string, string>;
  readonly kept: Map<string, boolean>;
  lookedAt: number;
}

/** Files of user names and passwords, `NAME:PASSWORD[:comment]` by line, read again when they change. */
export class UserFiles {
  readonly #log: Logger;
  readonly #files = new Map<string, UserFile>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  async check(path: string, user: string, password: string): Promise<Verdict> {
    const file = await this.#file(path);
    if (typeof file === 'string') return file;
    const stored = file.passwords.get(user);
    if (stored === undefined) return 'no';
    const key = createHash('sha256').update(`${user}\0${password}\0${stored}`).digest('base64');
    const known = file.kept.get(key);
    if (known !== undefined) return known ? 'yes' : 'no';
    if (this.#waiting >= MOST_WAITING) return 'busy';
    this.#waiting += 1;
    const turn = this.#last.then(() => isPassword(Buffer.from(password), stored));
    this.#last = turn;
    const right = await turn;
    this.#waiting -= 1;
    if (file.kept.size >= MOST_KEPT) file.kept.delete(file.kept.keys().next().value!);
    file.kept.set(key, right);
    return right ? 'yes' : 'no';
  }

  async #file(path: string): Promise<UserFile | 'none' | 'failed'> {
    const known = this.#files.get(path);
    const now = performance.now();
    if (known !== undefined && now - known.lookedAt < LOOK_AGAIN_MS) return known;
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      const state = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
      if (known?.state === state) {
        known.lookedAt = now;
        return known;
      }
      if (size > MOST_BYTES) throw new Error('the file is too large');
      const passwords = readUsers(await readFile(path, 'utf8'));
      const file: UserFile = { state, passwords, kept: new Map(), lookedAt: now };
      this.#files.set(path, file);
      const unknown = [...passwords].filter(([, stored]) => !isKnownForm(stored)).map(([user]) => user);
      if (unknown.length > 0) {
        this.#log.warn(
          { path, users: unknown.slice(0, 10), count: unknown.length },
          'passwords of a form that is not known: htpasswd -m, openssl passwd -6 or {PLAIN} are',
        );
      }
      return file;
    } catch (error) {
      this.#files.delete(path);
      this.#log.error({ path, err: error }, 'a file of users cannot be read');
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'failed';
    }
  }
}

function readUsers(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, user, stored] = /^([^#:][^:]*):([^:]*)/.exec(line) ?? [];
    if (user !== undefined && stored !== undefined && !users.has(user)) users.set(user, stored);
  }
  return users;
}
