import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where programs are looked for if the environment does not say, as the C library does. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * The file of a program, looked for as execvp does: in PATH, unless its name has a slash. `not-executable` for a file
 * that is there and may not be run.
 */
export function findProgram(
  program: string,
  path: string | undefined,
): { readonly file: string } | 'missing' | 'not-executable' {
  let found: 'missing' | 'not-executable' = 'missing';
  const places = program.includes('/')
    ? [program]
    : (path ?? DEFAULT_PATH).split(delimiter).map((folder) => join(folder === '' ? '.' : folder, program));
  for (const file of places) {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    try {
      accessSync(file, constants.X_OK);
      return { file };
    } catch {
      found = 'not-executable';
    }
  }
  return found;
}
