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

/**
 * A directive name that stands first on a later line among the arguments tells of a missing ";": the statement is
 * taken apart there, so that both halves are checked. Where it holds as it stands, as any word is an argument of
 * `exec`, it is left as nginx reads it.
 */
export function apart(
  statement: Statement,
  context: Context,
  vocabulary: Vocabulary,
  findings: Findings,
): readonly Statement[] {
  const { args } = statement;
  let before = statement.at;
  for (const [index, word] of args.entries()) {
    if (
      word.at.line > before.line &&
      !word.quoted &&
      vocabulary.entries.get(context)?.has(word.value) === true
    ) {
      const last = index === 0 ? statement.name : args[index - 1]!.value;
      const at = { file: before.file, line: before.line, column: before.column + before.length, length: 1 };
      const holds = holdsAsItStands(statement, context, vocabulary, findings);
      findings[holds ? 'warn' : 'error']('missing-semicolon', `missing ";" after "${last}"`, at, {
        help: `"${word.value}" on line ${word.at.line} was read as an argument of "${statement.name}"`,
        replacement: ';',
      });
      if (holds) break;
      const first: Statement = { ...statement, args: args.slice(0, index), block: null, end: at };
      const rest: Statement = { ...statement, name: word.value, at: word.at, args: args.slice(index + 1) };
      return [first, ...apart(rest, context, vocabulary, findings)];
    }
    before = word.at;
  }
  return [statement];
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
  const meant = suggest(vocabulary, context, name) ?? suggestElsewhere(statement, vocabulary);
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
export function countPhrase(min: number, max: number): string {
  const counted = (count: number) => `${count === 0 ? 'no' : count} argument${count === 1 ? '' : 's'}`;
  if (min === max) return counted(min);
  return max === Number.POSITIVE_INFINITY ? `at least ${counted(min)}` : `${min} to ${counted(max)}`;
}
