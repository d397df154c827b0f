import { closestMatch } from 'leven';
import { INNER_SCOPES, SCOPE_CONTEXTS } from './contexts.ts';
import { inertNames } from './inert.ts';
import type { Context, Inert, Row, Scope, TableSource } from './table.ts';

/** What a name means in one context. */
export type Entry =
  | {
      readonly kind: 'row';
      readonly name: string;
      readonly scope: Scope;
      readonly row: Row;
      readonly source: string;
    }
  | { readonly kind: 'inert'; readonly name: string; readonly inert: Inert };

/** Every directive that is known, by the context it may stand in. */
export interface Vocabulary {
  readonly entries: ReadonlyMap<Context, ReadonlyMap<string, Entry>>;
  /** The contexts of each name. */
  readonly places: ReadonlyMap<string, readonly Context[]>;
  /** The rows whose merged values a block of the context holds in its settings. */
  readonly settings: ReadonlyMap<Context, ReadonlyMap<string, Row>>;
  /** The groups whose lists a block of the context holds, with the rows that merge them. */
  readonly groups: ReadonlyMap<Context, ReadonlyMap<string, Row>>;
}

const made = new WeakMap<readonly TableSource[], Vocabulary>();

/** Brings the tables of all modules together. Throws where two of them claim one name in one context. */
export function vocabularyOf(sources: readonly TableSource[]): Vocabulary {
  const known = made.get(sources);
  if (known !== undefined) return known;
  const vocabulary = joinedTables(sources);
  made.set(sources, vocabulary);
  return vocabulary;
}

function joinedTables(sources: readonly TableSource[]): Vocabulary {
  const entries = new Map<Context, Map<string, Entry>>();
  const places = new Map<string, Context[]>();
  const settings = new Map<Context, Map<string, Row>>();
  const groups = new Map<Context, Map<string, Row>>();

  const place = (context: Context, entry: Entry) => {
    const known = at(entries, context);
    const before = known.get(entry.name);
    if (before !== undefined) {
      if (entry.kind === 'inert') return;
      if (before.kind === 'row' && before.row !== entry.row) {
        throw new Error(`"${entry.name}" in ${context} is declared by ${before.source} and ${entry.source}`);
      }
    }
    known.set(entry.name, entry);
    const contexts = places.get(entry.name);
    if (contexts === undefined) places.set(entry.name, [context]);
    else if (!contexts.includes(context)) contexts.push(context);
  };

  for (const { scope, name, row, source } of rowsOf(sources)) {
    const contexts = contextsOf(row, scope);
    for (const context of contexts) place(context, { kind: 'row', name, scope, row, source });
    const holders = new Set<Context>(contexts);
    for (const [context, scopes] of Object.entries(INNER_SCOPES) as [Context, readonly Scope[]][]) {
      if (scopes.includes(scope)) holders.add(context);
    }
    for (const context of holders) {
      if (row.group !== undefined) {
        hold(at(groups, context), context, row.group, row, contexts);
      } else if (row.kind === 'value' || row.data !== undefined) {
        hold(at(settings, context), context, name, row, contexts);
      }
    }
  }
  for (const inert of [...sources.flatMap((source) => source.inert ?? []), ...inertNames]) {
    for (const name of inert.names.split(' ')) {
      for (const context of inert.contexts) place(context, { kind: 'inert', name, inert });
    }
  }
  return { entries, places, settings, groups };
}

/** Where two scopes have rows of one name, a block holds the one that may stand in it. */
function hold(
  held: Map<string, Row>,
  context: Context,
  name: string,
  row: Row,
  contexts: readonly Context[],
): void {
  if (!held.has(name) || contexts.includes(context)) held.set(name, row);
}

function at<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}

/** Every row of every source. */
export function rowsOf(
  sources: readonly TableSource[],
): { readonly scope: Scope; readonly name: string; readonly row: Row; readonly source: string }[] {
  return sources.flatMap((source) =>
    (Object.keys(source.tables) as Scope[]).flatMap((scope) =>
      Object.entries(source.tables[scope]!).map(([name, row]) => ({ scope, name, row, source: source.name })),
    ),
  );
}

/** The contexts a row of a scope may stand in. */
export function contextsOf(row: Row, scope: Scope): readonly Context[] {
  return row.contexts ?? SCOPE_CONTEXTS[scope];
}

/** The name of a context that a misspelt one is nearest to; names that are acted on go first. */
export function suggest(vocabulary: Vocabulary, context: Context, name: string): Entry | undefined {
  const known = vocabulary.entries.get(context);
  if (known === undefined || name.length > 64) return undefined;
  const maxDistance = name.length < 4 ? 1 : name.length < 8 ? 2 : 3;
  const rank = (entry: Entry) => (entry.kind === 'row' ? 0 : entry.inert.disposition === 'ignored' ? 1 : 2);
  for (const wanted of [0, 1, 2]) {
    const names = [...known.values()].filter((entry) => rank(entry) === wanted).map((entry) => entry.name);
    const match = closestMatch(name.toLowerCase(), names, { maxDistance });
    if (match !== undefined) return known.get(match);
  }
  return undefined;
}

/**
 * The contexts a name belongs in, to be told to someone who wrote it in another: where it is acted on, if anywhere, and
 * on the same side of the file, if it is known there.
 */
export function placesOf(vocabulary: Vocabulary, name: string, context: Context): readonly Context[] {
  const all = vocabulary.places.get(name) ?? [];
  const acted = all.filter((place) => vocabulary.entries.get(place)?.get(name)?.kind === 'row');
  const known = acted.length > 0 ? acted : all;
  const near = known.filter((place) => sideOf(place) === sideOf(context));
  if (near.length > 0) return near;
  const usual = known.filter((place) => !['stream', 'mail', 'data'].includes(sideOf(place)));
  return usual.length > 0 ? usual : known;
}

function sideOf(context: Context): string {
  if (['rtmp', 'rtmp_server', 'application', 'recorder'].includes(context)) return 'rtmp';
  if (['types', 'map', 'geo', 'split_clients'].includes(context)) return 'data';
  if (context === 'main' || context === 'events') return 'main';
  return context.startsWith('stream') ? 'stream' : context.startsWith('mail') ? 'mail' : 'http';
}
