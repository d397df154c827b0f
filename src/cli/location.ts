import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigOptions } from '../config/config.ts';
import type { Invocation } from './usage.ts';

const PACKAGED = fileURLToPath(new URL('../../conf/media.conf', import.meta.url));

/** The file that is used where none is given, below a prefix. */
const USUAL = 'conf/media.conf';

/**
 * Which configuration is meant: that of `-c` (below `-p`, where that is given), else `conf/media.conf` of the prefix
 * or of the working directory, else the packaged one.
 */
export function locate(
  { file, prefix, globals }: Pick<Invocation, 'file' | 'prefix' | 'globals'>,
  exists: (path: string) => boolean = existsSync,
): Omit<ConfigOptions, 'sources'> {
  const at = (name: string): string => (prefix === undefined ? name : resolve(prefix, name));
  const rest = { globals, ...(prefix === undefined ? {} : { prefix: resolve(prefix) }) };
  if (file !== undefined) return { file: at(file), ...rest };
  if (exists(at(USUAL))) return { file: at(USUAL), ...rest };
  if (exists(PACKAGED)) return { ...rest, file: PACKAGED, prefix: resolve(prefix ?? '.') };
  return { file: at(join(USUAL)), ...rest };
}
