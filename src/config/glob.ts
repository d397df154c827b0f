import { join } from 'node:path';
import type { ConfigFiles } from './files.ts';

/** Whether a path is a pattern: nginx looks for `*`, `?` and `[`. */
export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** What a pattern matched, sorted, and the directories that were looked at. */
export interface Matches {
  readonly paths: readonly string[];
  readonly directories: readonly string[];
}

/** The paths that match an absolute pattern, as glob(3) finds them: hidden names only match a pattern with a dot. */
export function glob(pattern: string, files: ConfigFiles): Matches {
  const directories: string[] = [];
  let paths = ['/'];
  for (const segment of pattern.split('/').filter((part) => part !== '')) {
    if (!isPattern(segment)) {
      paths = paths.map((path) => join(path, segment));
      continue;
    }
    const matches = matcher(segment);
    const next: string[] = [];
    for (const directory of paths) {
      directories.push(directory);
      let names: readonly string[];
      try {
        names = files.list(directory);
      } catch {
        continue;
      }
      for (const name of names) {
        if (matches.test(name)) next.push(join(directory, name));
      }
    }
    paths = next;
  }
  const last = pattern.split('/').at(-1)!;
  const found = isPattern(last) ? paths : paths.filter((path) => exists(path, files));
  return { paths: found.sort(), directories };
}

function exists(path: string, files: ConfigFiles): boolean {
  try {
    files.read(path);
    return true;
  } catch {
    return false;
  }
}

/** A regular expression for one segment of a pattern. */
function matcher(segment: string): RegExp {
  let source = segment.startsWith('.') ? '' : '(?!\\.)';
  for (let i = 0; i < segment.length; i += 1) {
    const char = segment[i]!;
    const close = char === '[' ? segment.indexOf(']', i + 2) : -1;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (close > 0) {
      const set = segment.slice(i + 1, close).replace(/[\\\]^&~]/g, '\\$&');
      source += set.startsWith('!') ? `[^${set.slice(1)}]` : `[${set}]`;
      i = close;
    } else source += char.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return /(?!)/;
  }
}
