import { contextPath, contextPaths } from './contexts.ts';
import { familyOf } from './families.ts';
import type { Findings } from './findings.ts';
import type { Statement } from './statement.ts';
import type { Context, Inert } from './table.ts';
import { type Entry, placesOf, suggest, type Vocabulary } from './vocabulary.ts';

/*
 * The checks of a statement before its row reads it, in nginx's order: is the name known, may it stand here, `;` or
 * `{`, how many arguments.
 */

/** Directives that one statement is taken apart into at most. */
const MOST_PARTS = 100;

/**
 * A directive name that stands first on a later line among the arguments tells of a missing ";": the statement is
 * taken apart there, so that all parts are checked. Where it holds as it stands, as any word is an argument of `exec`,
 * it is left as nginx reads it.
 */
export function apart(
  statement: Statement,
  context: Context,
  vocabulary: Vocabulary,
  findings: Findings,
): readonly Statement[] {
  const parts: Statement[] = [];
  let rest = statement;
  while (parts.length < MOST_PARTS) {
    const index = secondName(rest, context, vocabulary);
    if (index < 0) break;
    const word = rest.args[index]!;
    const before = rest.args[index - 1];
    const { file, line, column, length } = before?.at ?? rest.at;
    const at = { file, line, column: column + length, length: 1 };
    const holds = holdsAsItStands(rest, context, vocabulary, findings);
    findings[holds ? 'warn' : 'error'](
      'missing-semicolon',
      `missing ";" after "${before?.value ?? rest.name}"`,
      at,
      {
        help: `"${word.value}" on line ${word.at.line} was read as an argument of "${rest.name}"`,
        replacement: ';',
      },
    );
    if (holds) break;
    parts.push({ ...rest, args: rest.args.slice(0, index), block: null, end: at });
    rest = { ...rest, name: word.value, at: word.at, args: rest.args.slice(index + 1) };
  }
  return [...parts, rest];
}

/** Where among the arguments a directive name stands first on a line, or -1. */
function secondName(statement: Statement, context: Context, vocabulary: Vocabulary): number {
  const known = vocabulary.entries.get(context);
  let line = statement.at.line;
  for (const [index, word] of statement.args.entries()) {
    if (word.at.line > line && !word.quoted && known?.has(word.value) === true) return index;
    line = word.at.line;
  }
  return -1;
}

function holdsAsItStands(
  statement: Statement,
  context: Context,
  vocabulary: Vocabulary,
  findings: Findings,
): boolean {
  const entry = vocabulary.entries.get(context)?.get(statement.name);
  if (entry === undefined || statement.block !== null) return false;
  const { min, max } = entry.kind === 'row' ? entry.row : entry.inert;
  if (statement.args.length < min || statement.args.length > max) return false;
  if (entry.kind === 'inert') return !entry.inert.block;
  const { row } = entry;
  return (
    row.kind === 'value' && findings.accepts(statement, context, (read) => row.read(statement.args, read))
  );
}

/**
 * Tells what is wrong with a name that means nothing in this context. Gives the entry as which the inside of its block
 * is best checked.
 */
export function unknown(
  statement: Statement,
  context: Context,
  vocabulary: Vocabulary,
  findings: Findings,
): Entry | undefined {
  const { name, at } = statement;
  const places = placesOf(vocabulary, name, context);
  if (places.length > 0) {
    findings.error('misplaced-directive', `"${name}" directive is not allowed here`, at, {
      help: `it belongs in ${contextPaths(places)}; this is ${contextPath(context)}`,
    });
    return vocabulary.entries.get(places[0]!)?.get(name);
  }
  const family = familyOf(name);
  if (family !== undefined) {
    if (family.disposition === 'ignored') findings.ignored.push({ name, at, reason: family.reason });
    else unsupported(statement, family, findings);
    return undefined;
  }
  const meant = findings.suggestion(
    () => suggest(vocabulary, context, name) ?? suggestElsewhere(statement, vocabulary),
  );
  findings.error('unknown-directive', `unknown directive "${name}"`, at, {
    help: meant === undefined ? undefined : `did you mean "${meant.name}"?`,
    replacement: meant?.name,
  });
  return meant;
}

/** A misspelt name of a block that does not belong here is still better read as that block than not at all. */
function suggestElsewhere(statement: Statement, vocabulary: Vocabulary): Entry | undefined {
  if (statement.block === null) return undefined;
  for (const context of vocabulary.entries.keys()) {
    const entry = suggest(vocabulary, context, statement.name);
    if (entry?.kind === 'row' && entry.row.kind === 'block') return entry;
  }
  return undefined;
}

/** Takes a statement of a name that nothing acts on. */
export function inertStatement(statement: Statement, inert: Inert, findings: Findings): void {
  if (!shape(statement, inert, findings)) return;
  const { name, at, args } = statement;
  // Switched off, a directive asks for nothing that could be missed.
  const off = args.length === 1 && args[0]!.value.toLowerCase() === 'off';
  if (inert.disposition === 'unsupported' && !off) unsupported(statement, inert, findings);
  else findings.ignored.push({ name, at, reason: inert.reason });
}

function unsupported(statement: Statement, why: Pick<Inert, 'reason' | 'later'>, findings: Findings): void {
  const yet = why.later === true ? ' yet' : '';
  findings.error(
    'unsupported-directive',
    `"${statement.name}" directive is not supported${yet}`,
    statement.at,
    { help: why.reason === '' ? undefined : why.reason },
  );
}

/** Whether a statement ends as it must and has as many arguments as it may. */
export function shape(
  statement: Statement,
  wanted: Pick<Inert, 'block' | 'min' | 'max'>,
  findings: Findings,
): boolean {
  const { name, at, args } = statement;
  const { block, min, max } = wanted;
  if (block && statement.block === null) {
    findings.error('no-block', `directive "${name}" has no opening "{"`, at);
    return false;
  }
  if (!block && statement.block !== null) {
    findings.error('not-terminated', `directive "${name}" is not terminated by ";"`, at, {
      help: `"${name}" is no block: end it with ";" instead of "{"`,
    });
    return false;
  }
  if (args.length < min || args.length > max) {
    findings.error('argument-count', `invalid number of arguments in "${name}" directive`, at, {
      help: `it takes ${countPhrase(min, max)}, this has ${args.length}`,
    });
    return false;
  }
  return true;
}

/** `1 argument`, `1 to 3 arguments`, `at least 2 arguments`. */
function countPhrase(min: number, max: number): string {
  const counted = (count: number) => `${count === 0 ? 'no' : count} argument${count === 1 ? '' : 's'}`;
  if (min === max) return counted(min);
  return max === Number.POSITIVE_INFINITY ? `at least ${counted(min)}` : `${min} to ${counted(max)}`;
}
