import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closestMatch } from 'leven';
import type { Diagnostic, Position } from './errors.ts';
import { type ConfigFiles, failure, isAbsent } from './files.ts';
import { glob, isPattern } from './glob.ts';
import { MAX_FILE, type Parsed, parse, parsing } from './parse.ts';
import type { Sliced } from './slices.ts';
import type { Statement, Word } from './statement.ts';

/** A file that was read. */
export interface LoadedFile {
  /** Absolute. */
  readonly path: string;
  /** As it stands in positions: the main file as the operator gave it. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of its bytes, in hex. */
  readonly hash: string;
}

export interface Loaded {
  /** The statements of all files, with every `include` replaced by what it names. */
  readonly statements: readonly Statement[];
  readonly files: readonly LoadedFile[];
  /** Directories whose content decides what the configuration is: those of the files and of the patterns. */
  readonly directories: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
  /** False where braces do not match in some file. */
  readonly sound: boolean;
}

/** The name that `-g` directives have in positions. */
export const COMMAND_LINE = 'command line';

/** Bytes of all files together, and files included, that one configuration may have. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_INCLUDES = 4096;
const MAX_INCLUDE_DEPTH = 32;

/** Files that nginx packages install beside their configuration; all but the types only matter to what is not here. */
const STOCK = [
  'mime.types',
  'fastcgi_params',
  'fastcgi.conf',
  'scgi_params',
  'uwsgi_params',
  'proxy_params',
  'koi-utf',
  'koi-win',
  'win-utf',
];

const PACKAGED_TYPES = fileURLToPath(new URL('../../conf/mime.types', import.meta.url));

interface FileText {
  readonly file: LoadedFile;
  readonly statements: readonly Statement[];
  /** Whether an `include` stands in it anywhere. */
  readonly includes: boolean;
}

/** Files that were parsed, by name: who reads the same text again soon need not parse it again. */
export type ParsedFiles = Map<string, { readonly text: string; readonly parsed: Parsed }>;

/**
 * Reads the main file and all that it includes, in slices. Never throws for what the files say; see `diagnostics`. What
 * it parses is looked for, and noted, in `known`.
 */
export function* loading(
  file: string,
  globals: string,
  files: ConfigFiles,
  known: ParsedFiles = new Map(),
): Sliced<Loaded> {
  const diagnostics: Diagnostic[] = [];
  const loaded = new Map<string, FileText>();
  const directories = new Set<string>();
  const main = resolve(file);
  const base = dirname(main);
  let sound = true;
  let bytes = 0;
  let includes = 0;

  const fail = (code: string, message: string, at: Position | undefined, help?: string) => {
    diagnostics.push({
      severity: 'error',
      code,
      message,
      ...(at === undefined ? {} : { at }),
      ...(help === undefined ? {} : { help }),
    });
  };

  const add = function* (path: string, name: string, content: Uint8Array): Sliced<FileText> {
    bytes += content.byteLength;
    const text = decode(content);
    const before = known.get(name);
    const parsed = before?.text === text ? before.parsed : yield* parsing(text, name);
    known.set(name, { text, parsed });
    diagnostics.push(...parsed.diagnostics);
    sound &&= parsed.sound;
    const entry: FileText = {
      file: { path, name, text, hash: createHash('sha256').update(content).digest('hex') },
      statements: parsed.statements,
      includes: /(^|[\s;{}"'])include\b/.test(text),
    };
    loaded.set(path, entry);
    return entry;
  };

  /** The text of a file, read once; null where it cannot be had, which `missing` may have an answer to. */
  const open = function* (path: string, name: string, at: Position | undefined): Sliced<FileText | null> {
    const opened = loaded.get(path);
    if (opened !== undefined) return opened;
    directories.add(dirname(path));
    let content: Uint8Array;
    try {
      content = files.read(path);
    } catch (error) {
      const stock = basename(path);
      if (at !== undefined && isAbsent(error) && STOCK.includes(stock))
        return yield* instead(path, stock, at);
      fail('open-failed', `open() "${name}" failed (${failure(error)})`, at, near(path, at, files));
      return null;
    }
    if (content.byteLength > MAX_FILE || bytes + content.byteLength > MAX_BYTES) {
      fail('too-large', `"${name}" is too large for a configuration: ${content.byteLength} bytes`, at);
      return null;
    }
    return yield* add(path, name, content);
  };

  const instead = function* (path: string, stock: string, at: Position): Sliced<FileText | null> {
    const types = stock === 'mime.types';
    diagnostics.push({
      severity: 'warning',
      code: 'stock-file',
      message: `open() "${path}" failed (2: No such file or directory), ${types ? 'the packaged mime.types is used' : 'ignored'}`,
      at,
      help: types
        ? 'copy the packaged file there to change types, or leave the include out'
        : 'nothing in that file has an effect here',
    });
    if (!types) return null;
    return (
      loaded.get(PACKAGED_TYPES) ?? (yield* add(PACKAGED_TYPES, PACKAGED_TYPES, readFileSync(PACKAGED_TYPES)))
    );
  };

  const expand = function* (
    list: readonly Statement[],
    stack: readonly string[],
  ): Sliced<readonly Statement[]> {
    const out: Statement[] = [];
    for (const statement of list) {
      if (statement.name === 'include' && statement.block === null && statement.args.length === 1) {
        for (const inner of yield* include(statement.args[0]!, stack)) out.push(inner);
      } else if (statement.block !== null) {
        out.push({ ...statement, block: yield* expand(statement.block, stack) });
      } else {
        out.push(statement);
      }
      yield;
    }
    return out;
  };

  const include = function* (word: Word, stack: readonly string[]): Sliced<readonly Statement[]> {
    const path = resolve(base, word.value);
    let paths: readonly string[] = [path];
    if (isPattern(word.value)) {
      const matches = glob(isAbsolute(word.value) ? word.value : join(base, word.value), files);
      for (const directory of matches.directories) directories.add(directory);
      paths = matches.paths;
    }
    const out: Statement[] = [];
    for (const target of paths) {
      includes += 1;
      if (stack.includes(target)) {
        fail('include-cycle', `"${target}" includes itself`, word.at);
      } else if (stack.length > MAX_INCLUDE_DEPTH || includes > MAX_INCLUDES) {
        if (includes <= MAX_INCLUDES + 1) fail('too-many-includes', 'too many files are included', word.at);
      } else {
        const text = yield* open(target, target, word.at);
        if (text !== null) {
          for (const statement of text.includes
            ? yield* expand(text.statements, [...stack, target])
            : text.statements) {
            out.push(statement);
          }
        }
      }
    }
    return out;
  };

  const given = globals.trim() === '' ? [] : commandLine(globals, diagnostics);
  const top = yield* open(main, file, undefined);
  const statements =
    top === null ? [] : top.includes ? yield* expand(top.statements, [main]) : top.statements;
  return {
    statements: given.concat(statements),
    files: [...loaded.values()].map((entry) => entry.file),
    directories: [...directories].sort(),
    diagnostics,
    sound,
  };
}

/** The statements of the `-g` option. */
function commandLine(globals: string, diagnostics: Diagnostic[]): readonly Statement[] {
  if (!/[;}]\s*$/.test(globals)) {
    diagnostics.push({
      severity: 'error',
      code: 'unexpected-end',
      message: 'unexpected end of parameter, expecting ";"',
      at: { file: COMMAND_LINE, line: 1, column: globals.length + 1, length: 1 },
    });
    return [];
  }
  const parsed = parse(globals, COMMAND_LINE);
  diagnostics.push(...parsed.diagnostics);
  return parsed.statements;
}

function decode(content: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
}

/** Names the file beside a missing one that was likely meant. */
function near(path: string, at: Position | undefined, files: ConfigFiles): string | undefined {
  try {
    const match = closestMatch(basename(path), [...files.list(dirname(path))], { maxDistance: 3 });
    return match === undefined || match === basename(path) ? undefined : `did you mean "${match}"?`;
  } catch {
    return at === undefined ? undefined : 'relative paths of include start at the directory of the main file';
  }
}
