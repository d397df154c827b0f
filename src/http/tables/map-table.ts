import type { Statement, Word } from '../../config/statement.ts';
import type { BlockRow, ReadContext } from '../../config/table.ts';
import { type Pattern, readPattern, regExpOf } from '../values/pattern.ts';
import { readTemplate, type Template } from '../values/template.ts';
import { readVariable } from './rewrite-table.ts';

/** A variable whose value is chosen by another text. */
export interface VariableMap {
  readonly source: Template;
  readonly variable: string;
  readonly exact: readonly (readonly [string, Template])[];
  readonly patterns: readonly (readonly [Pattern, Template])[];
  readonly hostnames: boolean;
  readonly fallback: Template;
}

interface MapHead {
  readonly source: Template;
  readonly variable: string;
}

/** `map $source $variable { ... }` */
export const mapBlock: BlockRow<MapHead> = {
  kind: 'block',
  opens: 'map',
  read: ([source, variable], context) => ({
    source: readTemplate(source!, context),
    variable: readVariable(variable!, context),
  }),
  min: 2,
  max: 2,
  contexts: ['http'],
  key: null,
  data: (head, statements, context) => [readMap(head, statements, context)],
  initial: [],
  merge: 'own',
  repeat: 'list',
  syntax: 'string $variable { ... }',
  help: 'Makes a variable whose value depends on a text: exact strings in any letter case, ~patterns, default.',
};

function readMap(head: MapHead, statements: readonly Statement[], context: ReadContext): VariableMap {
  const exact: (readonly [string, Template])[] = [];
  const patterns: (readonly [Pattern, Template])[] = [];
  let fallback: Template = { parts: [] };
  let hostnames = false;
  for (const { name, at, args, block } of statements) {
    if (block !== null) context.fail(`"${name}" opens a block inside "map"`, at);
    if (args.length === 0 && name === 'hostnames') hostnames = true;
    if (args.length === 0 && (name === 'hostnames' || name === 'volatile')) continue;
    if (args.length !== 1) context.fail('invalid number of the map parameters', at);
    const value = readTemplate(args[0]!, context);
    if (name === 'default') fallback = value;
    else if (name.startsWith('~')) {
      const word: Word = { value: name, quoted: false, at };
      const insensitive = name.startsWith('~*');
      patterns.push([readPattern(word, context, insensitive, name.slice(insensitive ? 2 : 1)), value]);
    } else exact.push([name.replace(/^\\/, '').toLowerCase(), value]);
  }
  return { ...head, exact, patterns, hostnames, fallback };
}

/** What a map makes of a text, with the groups of the pattern that matched. */
export function lookUp(
  map: VariableMap,
  text: string,
): { readonly value: Template; readonly match: RegExpExecArray | null } {
  const key = text.toLowerCase();
  for (const [candidate, value] of map.exact) if (candidate === key) return { value, match: null };
  if (map.hostnames) {
    const value = byHostname(map, key);
    if (value !== undefined) return { value, match: null };
  }
  for (const [pattern, value] of map.patterns) {
    const match = regExpOf(pattern).exec(text);
    if (match !== null) return { value, match };
  }
  return { value: map.fallback, match: null };
}

/** The longest `*.suffix` or `.suffix`, else the longest `prefix.*`. */
function byHostname(map: VariableMap, host: string): Template | undefined {
  let best: { readonly value: Template; readonly rank: number } | undefined;
  for (const [candidate, value] of map.exact) {
    let rank = 0;
    if (candidate.startsWith('.') && (host === candidate.slice(1) || host.endsWith(candidate))) {
      rank = 1000 + candidate.length;
    } else if (candidate.startsWith('*.') && host.endsWith(candidate.slice(1)))
      rank = 1000 + candidate.length;
    else if (candidate.endsWith('.*') && host.startsWith(candidate.slice(0, -1))) rank = candidate.length;
    if (rank > (best?.rank ?? 0)) best = { value, rank };
  }
  return best?.value;
}
