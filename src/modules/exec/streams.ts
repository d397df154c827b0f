import { closeSync, constants, openSync, statSync } from 'node:fs';
import type { Redirection } from './redirection.ts';

/** What the descriptors of a program lead to. */
export interface Streams {
  /** For `spawn`: `pipe` where what it prints is kept. */
  readonly stdio: ('ignore' | 'pipe' | number)[];
  /** The redirections that cannot be had; they are left out. */
  readonly problems: readonly { readonly file: string; readonly err: unknown }[];
  /** Lets go of the files, which the program has by now. */
  close(): void;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND } = constants;
const FLAGS = {
  read: O_RDONLY,
  write: O_WRONLY | O_CREAT | O_TRUNC,
  append: O_WRONLY | O_CREAT | O_APPEND,
} as const;
/** Of files that are made. */
const MODE = 0o644;

/**
 * Carries redirections out, their paths put together, one after another: input comes from /dev/null and output goes there, but what is written to
 * descriptor 2 is kept, unless they say otherwise.
 */
export function openStreams(redirections: readonly Redirection[]): Streams {
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'ignore', 'pipe'];
  const opened: number[] = [];
  const problems: { readonly file: string; readonly err: unknown }[] = [];
  for (const { descriptor, mode, path, copied } of redirections) {
    let to: 'ignore' | 'pipe' | number | undefined;
    if (path === null) {
      to = stdio[copied];
    } else {
      try {
        to = openSync(path, isPipe(path) ? O_RDWR : FLAGS[mode], MODE);
        opened.push(to);
      } catch (err) {
        problems.push({ file: path, err });
      }
    }
    if (to === undefined) continue;
    while (stdio.length < descriptor) stdio.push('ignore');
    stdio[descriptor] = to;
  }
  return {
    stdio,
    problems,
    close() {
      for (const file of opened) closeSync(file);
    },
  };
}

/** Opening one end of a named pipe would wait for somebody to open the other. */
function isPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}
