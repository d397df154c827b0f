import type { Block } from './block.ts';
import { contextPath, contextPaths } from './contexts.ts';
import type { Diagnostic, Position } from './errors.ts';
import { familyOf } from './families.ts';
import { deepFreeze, hide } from './freeze.ts';
import { mergeSettings, repeated, type Written } from './merge.ts';
import type { Statement } from './statement.ts';
import type { BlockRow, Context, GroupEntry, Inert, ReadContext, Row, ValueRow } from './table.ts';
import { type Entry, placesOf, suggest, type Vocabulary } from './vocabulary.ts';

export interface ResolveOptions {
  /** The directory of the main file. */
  readonly directory: string;
  /** The installation prefix. */
  readonly prefix: string;
}

/** A directive that was accepted and does nothing. */
export interface Ignored {
  readonly name: string;
  readonly at: Position;
  readonly reason: string;
}

export interface Resolved {
  readonly tree: Block;
  readonly diagnostics: readonly Diagnostic[];
  readonly ignored: readonly Ignored[];
}

/** Checks statements against the vocabulary and makes the frozen tree of blocks; every finding is in `diagnostics`. */
export function resolveStatements(
  statements: readonly Statement[],
  vocabulary: Vocabulary,
  options: ResolveOptions,
): Resolved {
  const resolver = new Resolver(vocabulary, options);
  const start: Position = statements[0]?.at ?? { file: '', line: 1, column: 1, length: 0 };
  const tree = resolver.block(
    { context: 'main', name: 'main', value: null, key: 'main', at: start, outer: null },
    statements,
  );
  return { tree: deepFreeze(tree), diagnostics: resolver.diagnostics, ignored: resolver.ignored };
}

/** Thrown through a reader to leave it; its diagnostic has been recorded. */
class Refusal extends Error {}

/** What a block is before its inside has been looked at. */
interface Head {
  readonly context: Context;
  readonly name: string;
  readonly value: unknown;
  readonly key: string;
  readonly at: Position;
  readonly outer: Block | null;
}

/** A block whose inside waits until the settings around it are known. */
interface Pending {
  readonly statement: Statement;
  readonly row: BlockRow<unknown>;
  readonly value: unknown;
  readonly key: string;
  /** Its entry in the group's list, which gets the block once that is made. */
  readonly entry: Writable<GroupEntry> | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What the statements of one block have given so far. */
interface Scratch {
  readonly context: Context;
  readonly written: Map<string, Written>;
  readonly first: Map<string, Position>;
  readonly groups: Map<string, GroupEntry[]>;
  readonly keys: Map<string, Position>;
  readonly counts: Map<string, number>;
  readonly pending: Pending[];
}

class Resolver {
  readonly diagnostics: Diagnostic[] = [];
  readonly ignored: Ignored[] = [];
  readonly #vocabulary: Vocabulary;
  readonly #options: ResolveOptions;

  constructor(vocabulary: Vocabulary, options: ResolveOptions) {
    this.#vocabulary = vocabulary;
    this.#options = options;
  }

  block(head: Head, statements: readonly Statement[]): Block {
    const { context, outer } = head;
    const scratch: Scratch = {
      context,
      written: new Map(),
      first: new Map(),
      groups: new Map(),
      keys: new Map(),
      counts: new Map(),
      pending: [],
    };
    for (const statement of statements) {
      for (const part of this.#apart(statement, context)) this.#statement(part, scratch);
    }
    const { settings, origins } = mergeSettings(
      this.#vocabulary,
      { context, outer },
      scratch.written,
      scratch.groups,
    );
    const children: Block[] = [];
    const block = { context, name: head.name, value: head.value, key: head.key, settings, children };
    const whole: Block = hide(hide(block, 'at', head.at), 'origins', origins);
    for (const pending of scratch.pending) {
      const { statement, row, value, key } = pending;
      const child = this.block(
        { context: row.opens, name: statement.name, value, key, at: statement.at, outer: whole },
        statement.block!,
      );
      children.push(child);
      if (pending.entry !== undefined) pending.entry.block = child;
    }
    return whole;
  }

  /**
   * A directive name that stands first on a later line among the arguments tells of a missing ";": the statement is
   * taken apart there, so that both halves are checked.
   */
  #apart(statement: Statement, context: Context): readonly Statement[] {
    let before = statement.at;
    for (const [index, word] of statement.args.entries()) {
      if (word.at.line > before.line && !word.quoted && this.#opensStatement(word.value, context)) {
        const last = index === 0 ? statement.name : statement.args[index - 1]!.value;
        const at = { file: before.file, line: before.line, column: before.column + before.length, length: 1 };
        this.#error('missing-semicolon', `missing ";" after "${last}"`, at, {
          help: `"${word.value}" on line ${word.at.line} was read as an argument of "${statement.name}"`,
          replacement: ';',
        });
        const first: Statement = { ...statement, args: statement.args.slice(0, index), block: null, end: at };
        const rest: Statement = {
          ...statement,
          name: word.value,
          at: word.at,
          args: statement.args.slice(index + 1),
        };
        return [first, ...this.#apart(rest, context)];
      }
      before = word.at;
    }
    return [statement];
  }

  #opensStatement(name: string, context: Context): boolean {
    return this.#vocabulary.entries.get(context)?.has(name) === true;
  }

  #statement(statement: Statement, scratch: Scratch): void {
    const entry = this.#vocabulary.entries.get(scratch.context)?.get(statement.name);
    if (entry === undefined) this.#unknown(statement, scratch.context);
    else if (entry.kind === 'inert') this.#inert(statement, entry.inert);
    else if (this.#shape(statement, entry.row.kind === 'block', entry.row.min, entry.row.max)) {
      if (entry.row.kind === 'block') this.#openBlock(statement, entry.row, scratch);
      else this.#value(statement, entry.row, scratch);
    }
  }

  #unknown(statement: Statement, context: Context): void {
    const { name, at } = statement;
    const places = placesOf(this.#vocabulary, name, context);
    if (places.length > 0) {
      this.#error('misplaced-directive', `"${name}" directive is not allowed here`, at, {
        help: `it belongs in ${contextPaths(places)}; this is ${contextPath(context)}`,
      });
      const there = this.#vocabulary.entries.get(places[0]!)?.get(name);
      if (there !== undefined) this.#inside(statement, there);
      return;
    }
    const family = familyOf(name);
    if (family !== undefined) {
      if (family.disposition === 'ignored') this.ignored.push({ name, at, reason: family.reason });
      else this.#unsupported(statement, family);
      return;
    }
    const meant =
      name === ''
        ? undefined
        : (suggest(this.#vocabulary, context, name) ?? this.#suggestElsewhere(name, statement));
    this.#error('unknown-directive', `unknown directive "${name}"`, at, {
      ...(meant === undefined ? {} : { help: `did you mean "${meant.name}"?`, replacement: meant.name }),
    });
    if (meant !== undefined) this.#inside(statement, meant);
  }

  /** A misspelt name of a block that does not belong here is still better read as that block than not at all. */
  #suggestElsewhere(name: string, statement: Statement): Entry | undefined {
    if (statement.block === null) return undefined;
    for (const context of this.#vocabulary.entries.keys()) {
      const entry = suggest(this.#vocabulary, context, name);
      if (entry?.kind === 'row' && entry.row.kind === 'block') return entry;
    }
    return undefined;
  }

  /** Checks the inside of a block that could not be opened as what it was most likely meant to be. */
  #inside(statement: Statement, entry: Entry): void {
    if (statement.block === null || entry.kind !== 'row') return;
    const { row } = entry;
    if (row.kind !== 'block' || row.data !== undefined) return;
    this.block(
      { context: row.opens, name: entry.name, value: null, key: '', at: statement.at, outer: null },
      statement.block,
    );
  }

  #inert(statement: Statement, inert: Inert): void {
    if (!this.#shape(statement, inert.block, inert.min, inert.max)) return;
    const { name, at, args } = statement;
    // Switched off, a directive asks for nothing that could be missed.
    const off = args.length === 1 && args[0]!.value.toLowerCase() === 'off';
    if (inert.disposition === 'unsupported' && !off) this.#unsupported(statement, inert);
    else this.ignored.push({ name, at, reason: inert.reason });
  }

  #unsupported(statement: Statement, why: Pick<Inert, 'reason' | 'later'>): void {
    const yet = why.later === true ? ' yet' : '';
    this.#error(
      'unsupported-directive',
      `"${statement.name}" directive is not supported${yet}`,
      statement.at,
      why.reason === '' ? {} : { help: why.reason },
    );
  }

  #shape(statement: Statement, block: boolean, min: number, max: number): boolean {
    const { name, at, args } = statement;
    if (block && statement.block === null) {
      this.#error('no-block', `directive "${name}" has no opening "{"`, at);
      return false;
    }
    if (!block && statement.block !== null) {
      this.#error('not-terminated', `directive "${name}" is not terminated by ";"`, at, {
        help: `"${name}" is no block: end it with ";" instead of "{"`,
      });
      return false;
    }
    if (args.length < min || args.length > max) {
      this.#error('argument-count', `invalid number of arguments in "${name}" directive`, at, {
        help: `it takes ${countPhrase(min, max)}, this has ${args.length}`,
      });
      return false;
    }
    return true;
  }

  #value(statement: Statement, row: ValueRow<unknown>, scratch: Scratch): void {
    const { name, at } = statement;
    const before = scratch.written.get(name);
    if (row.group === undefined && this.#duplicate(statement, row, scratch)) return;
    const context = this.#readContext(statement, scratch.context);
    const read = this.#read(() => row.read(statement.args, context));
    if (read === undefined) return;
    if (row.group !== undefined) {
      groupOf(scratch, row.group).push(groupEntry(statement, read.value));
    } else {
      const value = before === undefined ? read.value : repeated(row.repeat, before.value, read.value);
      scratch.written.set(name, { value, at });
    }
  }

  #openBlock(statement: Statement, row: BlockRow<unknown>, scratch: Scratch): void {
    const { name, at } = statement;
    const context = this.#readContext(statement, scratch.context);
    const read = this.#read(() => row.read(statement.args, context));
    if (read === undefined) {
      if (row.data === undefined) {
        this.block({ context: row.opens, name, value: null, key: '', at, outer: null }, statement.block!);
      }
      return;
    }
    if (row.data !== undefined) {
      if (this.#duplicate(statement, row, scratch)) return;
      const data = this.#read(() => row.data!(read.value, statement.block!, context));
      if (data === undefined) return;
      const before = scratch.written.get(name);
      const value =
        before === undefined ? data.value : repeated(row.repeat ?? 'error', before.value, data.value);
      scratch.written.set(name, { value, at });
      return;
    }
    const count = scratch.counts.get(name) ?? 0;
    scratch.counts.set(name, count + 1);
    const key = row.key === null ? String(count) : row.key(read.value);
    if (row.key !== null) this.#duplicateBlock(statement, key, scratch);
    const entry = row.group === undefined ? undefined : groupEntry(statement, read.value);
    if (entry !== undefined) groupOf(scratch, row.group!).push(entry);
    scratch.pending.push({ statement, row, value: read.value, key, entry });
  }

  #duplicate(statement: Statement, row: Row, scratch: Scratch): boolean {
    const { name, at } = statement;
    const first = scratch.first.get(name);
    if (first === undefined) scratch.first.set(name, at);
    if (first === undefined || (row.repeat ?? 'error') !== 'error') return false;
    this.#error('duplicate', `"${name}" directive is duplicate`, at, { help: firstStands(first, at) });
    return true;
  }

  #duplicateBlock(statement: Statement, key: string, scratch: Scratch): void {
    const { name, at, args } = statement;
    const known = `${name} ${key}`;
    const first = scratch.keys.get(known);
    if (first === undefined) {
      scratch.keys.set(known, at);
      return;
    }
    const written = args.map((word) => word.value).join(' ');
    this.#error(
      'duplicate',
      written === '' ? `"${name}" directive is duplicate` : `duplicate ${name} "${written}"`,
      at,
      { help: firstStands(first, at) },
    );
  }

  #readContext(statement: Statement, context: Context): ReadContext {
    return {
      context,
      name: statement.name,
      at: statement.at,
      directory: this.#options.directory,
      prefix: this.#options.prefix,
      warn: (message, at, help) => {
        this.diagnostics.push({
          severity: 'warning',
          code: 'warning',
          message,
          at,
          ...(help === undefined ? {} : { help }),
        });
      },
      fail: (message, at, help, replacement) => {
        this.#error('invalid-value', message, at, {
          ...(help === undefined ? {} : { help }),
          ...(replacement === undefined ? {} : { replacement }),
        });
        throw new Refusal();
      },
    };
  }

  /** Runs a reader; undefined where it refused, which has been recorded then. */
  #read(read: () => unknown): { readonly value: unknown } | undefined {
    try {
      return { value: read() };
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  #error(
    code: string,
    message: string,
    at: Position,
    more: { readonly help?: string; readonly replacement?: string } = {},
  ): void {
    this.diagnostics.push({ severity: 'error', code, message, at, ...more });
  }
}

function groupOf(scratch: Scratch, group: string): GroupEntry[] {
  let list = scratch.groups.get(group);
  if (list === undefined) {
    list = [];
    scratch.groups.set(group, list);
  }
  return list;
}

function groupEntry(statement: Statement, value: unknown): Writable<GroupEntry> {
  return hide({ name: statement.name, value, block: null }, 'at', statement.at);
}

function firstStands(first: Position, at: Position): string {
  return `the first one stands on line ${first.line}${first.file === at.file ? '' : ` of ${first.file}`}`;
}

function countPhrase(min: number, max: number): string {
  const arguments_ = (count: number) => `${count === 0 ? 'no' : count} argument${count === 1 ? '' : 's'}`;
  if (min === max) return arguments_(min);
  return max === Number.POSITIVE_INFINITY ? `at least ${arguments_(min)}` : `${min} to ${max} arguments`;
}
