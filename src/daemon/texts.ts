import type { Block } from '../config/block.ts';
import { type Config, type ConfigOptions, loadingConfig } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import { memoryFiles } from '../config/files.ts';
import { inSlices } from '../config/slices.ts';
import type { TableSource } from '../config/table.ts';
import type { ReadConfig } from './sources.ts';

/** A configuration as its texts, so that all workers see the very same whatever happens to the files. */
export interface Texts {
  /** The main file, absolute. */
  readonly file: string;
  readonly prefix: string;
  readonly globals: string;
  /** By absolute path. */
  readonly files: Readonly<Record<string, string>>;
}

/** The texts of a configuration that was read. */
export function textsOf({ files }: ReadConfig, { prefix }: Config, { globals }: ConfigOptions): Texts {
  return {
    file: files[0]!.path,
    prefix,
    globals: globals ?? '',
    files: Object.fromEntries(files.map(({ path, text }) => [path, text])),
  };
}

/** The configuration that texts say, sharing with the one before what is equal. Rejects with LoadError. */
export function loadTexts(
  { file, prefix, globals, files }: Texts,
  sources: readonly TableSource[],
  before: Block | undefined,
): Promise<Config> {
  const common = { file, prefix, globals, sources, files: memoryFiles(files) };
  return inSlices(loadingConfig(before === undefined ? common : { ...common, before }));
}

/** Findings of a worker as the operator knows the files: the main file by the name it was given. */
export function asNamed(findings: readonly Diagnostic[], { files }: ReadConfig): readonly Diagnostic[] {
  const names = new Map(files.map(({ path, name }) => [path, name]));
  return findings.map((one) =>
    one.at === undefined ? one : { ...one, at: { ...one.at, file: names.get(one.at.file) ?? one.at.file } },
  );
}
