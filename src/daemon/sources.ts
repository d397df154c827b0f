import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type Config, type ConfigOptions, LoadError, loadConfig } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import { diskFiles } from '../config/files.ts';
import { type LoadedFile, load } from '../config/load.ts';
import type { Sources } from './watch.ts';

/** A configuration that was read, whether it holds or not. */
export interface ReadConfig {
  readonly sources: Sources;
  readonly files: readonly LoadedFile[];
  readonly result: Config | LoadError;
}

/** Reads and checks the configuration; its errors are in the result. */
export function readConfig(options: ConfigOptions): ReadConfig {
  let result: Config | LoadError;
  try {
    result = loadConfig(options);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    result = error;
  }
  const { files, directories } = result;
  return { result, files, sources: sourcesOf(options.file, files, directories) };
}

/** Whether there is nothing in the files but spaces and comments. */
export function saysNothing({ files }: ReadConfig): boolean {
  return files.every(({ text }) => text.replace(/^\s*#.*$/gm, '').trim() === '');
}

/** Reads the text of the configuration alone, to see whether it has changed. */
export function readSources(file: string): Sources {
  const { files, directories } = load(file, '', diskFiles);
  return sourcesOf(file, files, directories);
}

function sourcesOf(main: string, files: readonly LoadedFile[], directories: readonly string[]): Sources {
  const path = resolve(main);
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.path}\0${file.hash}\0`);
  return {
    files: [...new Set([path, ...files.map((file) => file.path)])],
    folders: [...new Set([dirname(path), ...directories])],
    digest: hash.digest('hex'),
  };
}

/** A file that is being written may be found empty, and nobody empties it to end everything. */
export function emptied(file: string): Diagnostic {
  return { severity: 'error', code: 'empty', message: `configuration ${file} is empty` };
}
