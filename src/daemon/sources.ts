import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Block } from '../config/block.ts';
import { type Config, type ConfigOptions, LoadError, loadingConfig } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import { diskFiles } from '../config/files.ts';
import { type LoadedFile, loading, type ParsedFiles } from '../config/load.ts';
import { atOnce, inSlices, type Sliced } from '../config/slices.ts';
import type { Sources } from './watch.ts';

/** A configuration that was read, whether it holds or not. */
export interface ReadConfig {
  readonly sources: Sources;
  readonly files: readonly LoadedFile[];
  readonly result: Config | LoadError;
}

/** Reads and checks the configuration; its errors are in the result. */
export function readConfig(options: ConfigOptions): ReadConfig {
  return atOnce(reading(options));
}

function* reading(options: ConfigOptions): Sliced<ReadConfig> {
  let result: Config | LoadError;
  try {
    result = yield* loadingConfig(options);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    result = error;
  }
  const { files, directories, needs } = result;
  return { result, files, sources: sourcesOf(options.file, files, directories, needs) };
}

function sourcesOf(
  main: string,
  files: readonly LoadedFile[],
  directories: readonly string[],
  needs: readonly string[],
): Sources {
  const path = resolve(main);
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.path}\0${file.hash}\0`);
  for (const need of needs) hash.update(`${need}\0${contentOf(need)}\0`);
  return {
    files: [...new Set([path, ...files.map((file) => file.path), ...needs])],
    needs,
    folders: [...new Set([dirname(path), ...directories])],
    digest: hash.digest('hex'),
  };
}

/** What stands for the content of a file that may be missing, or be a folder. */
function contentOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** The configuration of a running server, which is read in slices so that nobody has to wait for it. */
export class RunningConfig {
  readonly #options: ConfigOptions;
  /** Not for long: a look at the sources comes before or after most reloads. */
  #parsed = new WeakRef<ParsedFiles>(new Map());

  constructor(options: ConfigOptions) {
    this.#options = options;
  }

  /** Reads and checks it, or another file in its place; what is as it is in `before` is shared with that. */
  read(before: Block, file = this.#options.file): Promise<ReadConfig> {
    return inSlices(reading({ ...this.#options, file, before, parsed: this.#recent() }));
  }

  /** Reads its text alone, and what was needed besides, to see whether it has changed. */
  async sources({ needs }: Pick<Sources, 'needs'>): Promise<Sources> {
    const { file } = this.#options;
    const { files, directories } = await inSlices(loading(file, '', diskFiles, this.#recent()));
    return sourcesOf(file, files, directories, needs);
  }

  #recent(): ParsedFiles {
    const parsed: ParsedFiles = this.#parsed.deref() ?? new Map();
    this.#parsed = new WeakRef(parsed);
    return parsed;
  }
}

/** The configuration that may take the place of a running one. Throws a ConfigError where it does not hold or says nothing. */
export function soundConfig(read: ReadConfig, file: string): Config {
  if (read.result instanceof LoadError) throw read.result;
  // A file that is being written may be found empty, and nobody empties it to end everything.
  if (read.files.every(({ text }) => text.replace(/^\s*#.*$/gm, '').trim() === '')) {
    throw new ConfigError([{ severity: 'error', code: 'empty', message: `configuration ${file} is empty` }]);
  }
  return read.result;
}
