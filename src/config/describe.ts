import { closestMatch } from 'leven';
import { behaviours } from './behaviours.ts';
import { contextPath } from './contexts.ts';
import { differences } from './differences.ts';
import type { Context, Inert, Row, TableSource } from './table.ts';
import { contextsOf, rowsOf, type Vocabulary, vocabularyOf } from './vocabulary.ts';

/** What the reference says about a directive that is acted on; one per row, so `allow` has one in rtmp and one in http. */
export interface Description {
  readonly name: string;
  readonly module: string;
  /** `hls_fragment time;` or `application name { ... }`. */
  readonly syntax: string;
  /** The default as it would be written, or a dash. */
  readonly initial: string;
  readonly contexts: readonly Context[];
  readonly help: string;
  readonly example: string | undefined;
}

/** What the reference says about a name that is known and not acted on. */
export interface InertDescription {
  readonly name: string;
  readonly contexts: readonly Context[];
  readonly supported: 'accepted' | 'later' | 'no';
  readonly reason: string;
}

/** The one directive that the language itself has. */
const INCLUDE: Description = {
  name: 'include',
  module: 'the language',
  syntax: 'include file | pattern;',
  initial: '—',
  contexts: ['main'],
  help: 'Puts the content of a file here, in any block; a pattern with *, ? or [ stands for every file it matches, sorted, and may match none. Relative paths start at the directory of the main file.',
  example: 'include conf.d/*.conf;',
};

/** All directives of some modules, by module and in the order of their tables. */
export function describeDirectives(sources: readonly TableSource[]): readonly Description[] {
  const seen = new Map<Row, Description & { contexts: Context[] }>();
  for (const { name, row, scope, source } of rowsOf(sources)) {
    const known = seen.get(row);
    const contexts = contextsOf(row, scope);
    if (known !== undefined && known.name === name) {
      for (const context of contexts) if (!known.contexts.includes(context)) known.contexts.push(context);
      continue;
    }
    const args = row.syntax === '' ? '' : ` ${row.syntax}`;
    const opens = row.kind === 'block' && !row.syntax.includes('{');
    seen.set(row, {
      name,
      module: source,
      syntax: row.kind === 'block' ? `${name}${args}${opens ? ' { ... }' : ''}` : `${name}${args};`,
      initial: initialOf(name, row),
      contexts: [...contexts],
      help: row.help,
      example: row.example,
    });
  }
  return [INCLUDE, ...seen.values()];
}

function initialOf(name: string, row: Row): string {
  if (row.kind === 'block') return '—';
  if (row.shown !== undefined) return /\s/.test(row.shown) ? row.shown : `${name} ${row.shown};`;
  return typeof row.initial === 'number' ? `${name} ${row.initial};` : '—';
}

/** The names that are known and not acted on, in alphabetical order. */
function describeInert(sources: readonly TableSource[]): readonly InertDescription[] {
  const vocabulary = vocabularyOf(sources);
  const found = new Map<Inert, { name: string; contexts: Context[]; inert: Inert }>();
  for (const [context, entries] of vocabulary.entries) {
    for (const entry of entries.values()) {
      if (entry.kind !== 'inert' || entry.name === INCLUDE.name) continue;
      const known = found.get(entry.inert);
      if (known === undefined) {
        found.set(entry.inert, { name: entry.name, contexts: [context], inert: entry.inert });
      } else known.contexts.push(context);
    }
  }
  return [...found.values()]
    .map(
      ({ name, contexts, inert }): InertDescription => ({
        name,
        contexts,
        supported: inert.disposition === 'ignored' ? 'accepted' : inert.later === true ? 'later' : 'no',
        reason: inert.reason,
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The reference of all directives as a page of Markdown. */
export function describeMarkdown(sources: readonly TableSource[]): string {
  const inert = describeInert(sources);
  const out = [
    '# Directives',
    '',
    'Every directive that mediad acts on, by module; then the names that it knows and does nothing for.',
    'This page is made from the same tables that read the configuration.',
    'Sizes take `k` and `m`, times `ms`, `s`, `m`, `h`, `d`; a bare number is in seconds.',
    '',
  ];
  let module = '';
  for (const entry of describeDirectives(sources)) {
    if (entry.module !== module) {
      module = entry.module;
      out.push(`## ${module}`, '');
    }
    out.push(`### ${entry.name}`, '', '```', ...facts(entry), '```', '', entry.help, '');
    if (entry.example !== undefined) out.push('```nginx', entry.example, '```', '');
  }
  out.push('## Different on purpose', '', '| Directive | nginx | mediad | Why |', '|---|---|---|---|');
  for (const { name, fact, theirs, ours, why } of differences) {
    out.push(row(`\`${name}\` (${fact})`, theirs, ours, why));
  }
  out.push('');
  for (const { topic, ours, why } of behaviours) out.push(`- ${topic}: ${ours}; ${why}.`);
  if (behaviours.length > 0) out.push('');
  out.push('## Accepted, has no effect', '', '| Directive | Context | Why |', '|---|---|---|');
  for (const { name, contexts, supported, reason } of inert) {
    if (supported === 'accepted') out.push(row(`\`${name}\``, contextList(contexts), reason));
  }
  out.push('', '## Not supported', '', '| Directive | Context | | Instead |', '|---|---|---|---|');
  for (const { name, contexts, supported, reason } of inert) {
    if (supported !== 'accepted') {
      out.push(row(`\`${name}\``, contextList(contexts), supported === 'later' ? 'not yet' : 'no', reason));
    }
  }
  return `${out.join('\n')}\n`;
}

/** What is known of one name as text for a terminal; null, with the nearest name, where nothing is. */
export function describeText(
  sources: readonly TableSource[],
  name: string,
): { readonly text: string | null; readonly near: string | undefined } {
  const entries = describeDirectives(sources).filter((entry) => entry.name === name);
  const inert = describeInert(sources).filter((entry) => entry.name === name);
  const parts = entries.map((entry) => {
    const example =
      entry.example === undefined ? [] : ['', ...entry.example.split('\n').map((l) => `  ${l}`)];
    return [...facts(entry), '', `  ${entry.help}`, ...example, ''].join('\n');
  });
  for (const { contexts, supported, reason } of inert) {
    const state =
      supported === 'accepted'
        ? 'is accepted and has no effect'
        : `is not supported${supported === 'later' ? ' yet' : ''}`;
    const why = reason === '' ? '' : `: ${reason}`;
    parts.push(`${name} ${state} in ${contextList(contexts)}${why}\n`);
  }
  if (parts.length > 0) return { text: parts.join('\n'), near: undefined };
  return { text: null, near: closestMatch(name, namesOf(vocabularyOf(sources)), { maxDistance: 3 }) };
}

/** Every directive that is acted on, one line each, for a terminal. */
export function describeList(sources: readonly TableSource[]): string {
  const entries = describeDirectives(sources);
  const width = Math.max(0, ...entries.map((entry) => entry.name.length));
  return entries.map((entry) => `${entry.name.padEnd(width)}  ${entry.help}\n`).join('');
}

function namesOf(vocabulary: Vocabulary): readonly string[] {
  return [...vocabulary.places.keys()];
}

function facts(entry: Description): string[] {
  return [
    `Syntax:   ${entry.syntax}`,
    `Default:  ${entry.initial}`,
    `Context:  ${entry === INCLUDE ? 'any' : contextList(entry.contexts)}`,
  ];
}

function contextList(contexts: readonly Context[]): string {
  return contexts.map((context) => (context === 'main' ? 'main' : contextPath(context))).join(', ');
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
