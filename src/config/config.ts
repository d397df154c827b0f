import { basename, dirname, resolve } from 'node:path';
import type { Block } from './block.ts';
import { ConfigError, type Diagnostic } from './errors.ts';
import { type ConfigFiles, diskFiles } from './files.ts';
import type { Ignored } from './findings.ts';
import { type Loaded, type LoadedFile, loading, type ParsedFiles } from './load.ts';
import { resolving } from './resolve.ts';
import { atOnce, type Sliced } from './slices.ts';
import type { TableSource } from './table.ts';
import { vocabularyOf } from './vocabulary.ts';

export interface ConfigOptions {
  /** The main file, as the operator named it. */
  readonly file: string;
  /** The installation prefix; without it the rule of `prefixOf` holds. */
  readonly prefix?: string;
  /** Directives given by `-g`, which stand before those of the file. */
  readonly globals?: string;
  /** The modules whose directives are known. */
  readonly sources: readonly TableSource[];
  /** Where files are read; those of this machine without it. */
  readonly files?: ConfigFiles;
  /** A tree made by the same modules that is likely to be much like this one: what is equal is shared with it. */
  readonly before?: Block;
  /** Files that may not have to be parsed. */
  readonly parsed?: ParsedFiles;
}

/** A configuration that holds. */
export interface Config {
  readonly tree: Block;
  readonly prefix: string;
  /** Every file that was read, the main file first. */
  readonly files: readonly LoadedFile[];
  /** Directories in which a change may change the configuration. */
  readonly directories: readonly string[];
  /** Files whose content counts besides: keys and certificates. Absolute. */
  readonly needs: readonly string[];
  readonly warnings: readonly Diagnostic[];
  /** Directives that were accepted and do nothing. */
  readonly ignored: readonly Ignored[];
}

/** A configuration that does not hold, with what is needed to print its errors and to watch for their repair. */
export class LoadError extends ConfigError {
  readonly files: readonly LoadedFile[];
  readonly directories: readonly string[];
  readonly needs: readonly string[];

  constructor(diagnostics: readonly Diagnostic[], loaded: Loaded, needs: readonly string[] = []) {
    super(diagnostics);
    this.files = loaded.files;
    this.directories = loaded.directories;
    this.needs = needs;
  }
}

/** Reads and checks a configuration. Throws a LoadError with all findings where there is an error among them. */
export function loadConfig(options: ConfigOptions): Config {
  return atOnce(loadingConfig(options));
}

/** The same in slices. */
export function* loadingConfig(options: ConfigOptions): Sliced<Config> {
  const prefix = options.prefix === undefined ? prefixOf(options.file) : resolve(options.prefix);
  const vocabulary = vocabularyOf(options.sources);
  const { file, files = diskFiles, globals = '', parsed, before } = options;
  const loaded = yield* loading(file, globals, files, parsed);
  const resolved = loaded.sound
    ? yield* resolving(loaded.statements, vocabulary, { directory: dirname(resolve(file)), prefix }, before)
    : null;
  const diagnostics = inOrder([...loaded.diagnostics, ...(resolved?.diagnostics ?? [])], loaded.files);
  if (resolved === null || diagnostics.some((diagnostic) => diagnostic.severity === 'error')) {
    throw new LoadError(diagnostics, loaded, resolved?.needs);
  }
  return {
    tree: resolved.tree,
    prefix,
    files: loaded.files,
    directories: loaded.directories,
    needs: resolved.needs,
    warnings: diagnostics,
    ignored: resolved.ignored,
  };
}

/** The prefix of an installation by its main file: the parent of a `conf` folder that holds it, else its own folder. */
export function prefixOf(file: string): string {
  const folder = dirname(resolve(file));
  return basename(folder) === 'conf' ? dirname(folder) : folder;
}

/** The text of every file that was read, each under a line that names it, as `-T` prints them. */
export function dump(files: readonly LoadedFile[]): string {
  return files.map(({ path, text }) => `# configuration file ${path}:\n${text}\n`).join('');
}

function inOrder(diagnostics: readonly Diagnostic[], files: readonly LoadedFile[]): Diagnostic[] {
  const ranks = new Map(files.map((file, index) => [file.name, index]));
  const rank = ({ at }: Diagnostic) => (at === undefined ? -1 : (ranks.get(at.file) ?? -1));
  return [...diagnostics].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0),
  );
}
