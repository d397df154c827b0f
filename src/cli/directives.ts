import { closestMatch } from 'leven';
import { contextPaths } from '../config/contexts.ts';
import type { Context, Row } from '../config/table.ts';
import { contextsOf, rowsOf, vocabularyOf } from '../config/vocabulary.ts';
import { modules } from '../modules/index.ts';
import { complain, print } from './output.ts';

interface Directive {
  readonly name: string;
  readonly module: string;
  readonly row: Row;
  readonly contexts: readonly Context[];
}

/** `directives [NAME]`: the reference of the directives that are acted on, from their tables. */
export function directives(name: string | null, json: boolean): number {
  const all = rowsOf(modules)
    .map(
      ({ name, scope, row, source }): Directive => ({
        name,
        module: source,
        row,
        contexts: contextsOf(row, scope),
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = name === null ? all : all.filter((directive) => directive.name === name);
  if (found.length === 0) return unknown(name!, all);
  if (json) print(`${JSON.stringify(found.map(plain), null, 2)}\n`);
  else if (name === null) print(found.map(line).join(''));
  else print(found.map(page).join('\n'));
  return 0;
}

function line({ name, row }: Directive): string {
  return `${name.padEnd(28)} ${row.help}\n`;
}

function page({ name, module, row, contexts }: Directive): string {
  const end = row.kind === 'block' ? '' : ';';
  const rows = [
    ['Syntax', `${name} ${row.syntax}${end}`],
    ['Default', row.kind === 'value' && row.shown !== undefined ? `${name} ${row.shown};` : '-'],
    ['Context', contextPaths(contexts)],
    ['Module', module],
    ...(row.example === undefined ? [] : [['Example', row.example]]),
  ];
  return `${rows.map(([label, text]) => `${`${label}:`.padEnd(9)} ${text}\n`).join('')}\n${row.help}\n`;
}

function plain({ name, module, row, contexts }: Directive): unknown {
  const { kind, syntax, help } = row;
  const shown = row.kind === 'value' ? row.shown : undefined;
  return { name, module, kind, syntax, default: shown ?? null, contexts, help };
}

/** A name that is known and has no effect, or is not supported, has its reason; another one its nearest. */
function unknown(name: string, all: readonly Directive[]): number {
  const { entries } = vocabularyOf(modules);
  for (const names of entries.values()) {
    const entry = names.get(name);
    if (entry?.kind !== 'inert') continue;
    const { disposition, reason } = entry.inert;
    const what = disposition === 'ignored' ? 'is accepted and has no effect' : 'is not supported';
    print(`${name} ${what}${reason === '' ? '' : `: ${reason}`}\n`);
    return 0;
  }
  const near = closestMatch(
    name,
    all.map((directive) => directive.name),
    { maxDistance: 3 },
  );
  complain(`mediad: unknown directive "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}\n`);
  return 1;
}
