import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const MAX_LINES = 400;
/** Below this the parse of imports or the list of files must be broken, and the rules would hold of nothing. */
const FEWEST_MODULES = 60;

/** Which parts of the source a part may import, itself apart. A module's part is its own folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  config: [],
  media: [],
  wire: ['media'],
  core: ['config', 'media'],
  rtmp: ['core', 'wire', 'media', 'config'],
  http: ['core', 'wire', 'media', 'config'],
  workers: ['core', 'wire', 'media', 'config'],
  modules: ['http', 'rtmp', 'core', 'wire', 'media', 'config'],
  daemon: ['workers', 'modules', 'http', 'rtmp', 'core', 'wire', 'media', 'config'],
  cli: ['daemon', 'workers', 'modules', 'http', 'rtmp', 'core', 'wire', 'media', 'config'],
  web: [],
};

/** Folders of a part: each may import those before it. The files beside them join them, and give them types alone. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  core: [
    'logs',
    'reload',
    'measures',
    'net',
    'connections',
    'streams',
    'workers',
    'files',
    'applications',
    'statistics',
  ],
  http: ['values', 'tables', 'requests', 'phases', 'answers', 'connections'],
};

interface Source {
  /** Relative to src. */
  readonly path: string;
  readonly text: string;
  /** Imported files of ours, relative to src. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
  /** Imports of ours that are still there when types are taken away. */
  readonly lasting: readonly string[];
}

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');

const sources: readonly Source[] = tracked
  .filter((path) => path.startsWith('src/') && path.endsWith('.ts'))
  .flatMap((path) => {
    const text = textOf(path);
    return text === undefined ? [] : [readSource(relative('src', path), text)];
  });

/** Undefined for a file that is gone but not yet from the index. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return undefined;
  }
}

function readSource(path: string, text: string): Source {
  const ours = (names: readonly string[]): string[] =>
    names
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(path), name)).replace(/\.js$/, '.ts'));
  const found = namesImported(text);
  return {
    path,
    text,
    imports: ours(found),
    lasting: ours(namesImported(text.replace(/^(?:import|export) type\b[^;]*;/gm, ''))),
    packages: found.filter((name) => !name.startsWith('.')),
  };
}

function namesImported(text: string): string[] {
  return [
    ...text.matchAll(/^(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'/gm),
    ...text.matchAll(/^import\s+'([^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g),
  ].map((match) => match[1]!);
}

/** `core`, `rtmp` …; `modules/hls` for a file of that module; `cli` and `daemon` with the file that carries the name. */
function partOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  if (first === 'modules' && path.split('/').length > 2) return `modules/${second}`;
  return first.replace(/\.ts$/, '');
}

/** The folder of a file within its part, empty for those beside the folders. */
function folderOf(path: string): string {
  const [, folder = '', ...rest] = path.split('/');
  return rest.length === 0 ? '' : folder;
}

function mayImport(from: Source, to: string): boolean {
  const own = partOf(from.path);
  const other = partOf(to);
  if (own === other) return true;
  if (from.path === 'modules/index.ts' && other.startsWith('modules/')) return true;
  const kind = own.split('/')[0]!;
  if (other.startsWith('modules')) {
    // A module knows neither another one nor the list of all.
    return kind !== 'modules' && to === 'modules/index.ts' && MAY_IMPORT[kind]!.includes('modules');
  }
  return MAY_IMPORT[kind]?.includes(other) ?? false;
}

describe('who imports whom', () => {
  test('the sources are found and their imports read', () => {
    expect(sources.length).toBeGreaterThan(FEWEST_MODULES);
    expect(sources.filter(({ imports }) => imports.length > 0).length).toBeGreaterThan(FEWEST_MODULES / 2);
    const every = sources.flatMap((source) => [
      ...source.text.matchAll(/^\s*(?:\} from|import .* from) '\.{1,2}\//gm),
    ]);
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThanOrEqual(every.length);
  });

  test('every part is named in the table', () => {
    const parts = new Set(sources.map(({ path }) => partOf(path).split('/')[0]!));
    expect([...parts].filter((part) => !(part in MAY_IMPORT))).toEqual([]);
  });

  test('imports go the ways that the table allows', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((target) => !mayImport(source, target))
        .map((target) => `${source.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test.each(Object.entries(FOLDERS))('every folder of %s imports those before it', (part, folders) => {
    const own = sources.filter(({ path }) => partOf(path) === part);
    expect([...new Set(own.map(({ path }) => folderOf(path)))].sort()).toEqual(['', ...folders].sort());
    const wrong = own.flatMap((source) => {
      const place = folders.indexOf(folderOf(source.path));
      if (place < 0) return [];
      return source.imports
        .filter((target) => partOf(target) === part)
        .filter((target) => {
          const other = folderOf(target);
          return other === '' ? source.lasting.includes(target) : folders.indexOf(other) > place;
        })
        .map((target) => `${source.path} → ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test('no import leads back to where it began', () => {
    expect(findCycle(new Map(sources.map(({ path, lasting }) => [path, lasting])))).toBeUndefined();
  });

  test('bytes are read and written without sockets, files or logs', () => {
    const wire = sources.filter(({ path }) => path.startsWith('wire/') || path.startsWith('media/'));
    const allowed = ['node:crypto', 'node:buffer', 'node:util'];
    expect(
      wire.flatMap(({ path, packages }) =>
        packages.filter((name) => !allowed.includes(name)).map((name) => `${path} → ${name}`),
      ),
    ).toEqual([]);
  });
});

describe('conventions of files', () => {
  const paths = tracked.filter(
    (path) => /^(src|test|bench|bin|tools)\//.test(path) && /\.(ts|js)$/.test(path),
  );

  test('names are in kebab-case', () => {
    expect(
      paths.filter(
        (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|generated|config|d))?\.(ts|js)$/.test(basename(path)),
      ),
    ).toEqual([]);
  });

  test('no file of the source is longer than one can keep in mind', () => {
    const long = sources
      .filter(({ path }) => !path.endsWith('.generated.ts'))
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  test('exports have names', () => {
    expect(matches(sources, /^export default\b/m)).toEqual([]);
  });

  test('nothing is called by what it is not', () => {
    const vague = /\b(?:class|function|const|let|interface|type)\s+\w*(?:Manager|Helper|Util)s?\b/;
    expect(matches(sources, vague)).toEqual([]);
    expect(paths.filter((path) => /manager|helper|util/.test(path))).toEqual([]);
  });

  test('the compiler is not told to look away, and nothing is left for later', () => {
    expect(matches(sources, /@ts-(?:ignore|nocheck)/)).toEqual([]);
    expect(
      matches(
        sources,
        new RegExp(`\\b(?:${['TO', 'FIX'].map((word, i) => word + ['DO', 'ME'][i]).join('|')}|XXX)\\b`),
      ),
    ).toEqual([]);
  });

  test('no file knows the machine it was written on', () => {
    const machine = new RegExp(`(?<![\\w.])/(?:${['work', 'root'].join('|')})/`);
    const found = tracked
      .filter((path) => !/\.(png|flv|ts\.bin)$/.test(path))
      .filter((path) => machine.test(textOf(path) ?? ''));
    expect(found).toEqual([]);
  });
});

function matches(files: readonly Source[], pattern: RegExp): string[] {
  return files
    .filter(({ path, text }) => !path.endsWith('.generated.ts') && pattern.test(text))
    .map(({ path, text }) => `${path}: ${pattern.exec(text)![0]}`);
}

/** The first way found from a file back to itself. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    done.add(path);
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
