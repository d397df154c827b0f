import { readdirSync, readFileSync } from 'node:fs';

/** Where configuration files come from; tests give files in memory. Both calls throw errors with `code`, as node:fs does. */
export interface ConfigFiles {
  /** The bytes of the file at an absolute path. */
  read(path: string): Uint8Array;
  /** The names in the directory at an absolute path. */
  list(path: string): readonly string[];
}

/** The files of this machine. */
export const diskFiles: ConfigFiles = {
  read: (path) => readFileSync(path),
  list: (path) => readdirSync(path),
};

/** Files from a table of absolute path and text. */
export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): ConfigFiles {
  return {
    read(path) {
      const content = files[path];
      if (content === undefined) throw absent(path);
      return typeof content === 'string' ? Buffer.from(content) : content;
    },
    list(path) {
      const prefix = path.endsWith('/') ? path : `${path}/`;
      const names = new Set<string>();
      for (const file of Object.keys(files)) {
        if (file.startsWith(prefix)) names.add(file.slice(prefix.length).split('/', 1)[0]!);
      }
      if (names.size === 0) throw absent(path);
      return [...names];
    },
  };
}

function absent(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: '2: No such file or directory',
  EIO: '5: Input/output error',
  EACCES: '13: Permission denied',
  ENOTDIR: '20: Not a directory',
  EISDIR: '21: Is a directory',
  EMFILE: '24: Too many open files',
  ENAMETOOLONG: '36: File name too long',
  ELOOP: '40: Too many levels of symbolic links',
};

/** The reason of a failed file call as nginx prints it, `2: No such file or directory`. */
export function failure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? code ?? message;
}

/** Whether a failed file call says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
