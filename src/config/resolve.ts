import type { Block } from './block.ts';
import { apart, inertStatement, shape, unknown } from './check.ts';
import type { Diagnostic, Position } from './errors.ts';
import { Findings, type Ignored, type ResolveOptions } from './findings.ts';
import { deepFreeze, hide } from './freeze.ts';
import { Inheritance, joined, repeated, type Written } from './merge.ts';
import type { Sliced } from './slices.ts';
import { argumentText, type Statement } from './statement.ts';
import type { BlockRow, Context, GroupEntry, Row, ValueRow } from './table.ts';
import type { Entry, Vocabulary } from './vocabulary.ts';

export interface Resolved {
  readonly tree: Block;
  readonly diagnostics: readonly Diagnostic[];
  readonly ignored: readonly Ignored[];
  /** Files that readers need besides, absolute. */
  readonly needs: readonly string[];
}

/**
 * Checks statements against the vocabulary and makes the frozen tree of blocks, in slices; every finding is in
 * `diagnostics`. Settings that come out as they are in `before`, a tree of the same vocabulary, are its very objects.
 */
export function* resolving(
  statements: readonly Statement[],
  vocabulary: Vocabulary,
  options: ResolveOptions,
  before?: Block,
): Sliced<Resolved> {
  const findings = new Findings(options);
  const start: Position = statements[0]?.at ?? { file: '', line: 1, column: 1, length: 0 };
  const tree = yield* new Resolver(vocabulary, findings).block(
    { context: 'main', name: 'main', value: null, key: 'main', at: start, outer: null, before },
    statements,
  );
  return { tree, diagnostics: findings.diagnostics, ignored: findings.ignored, needs: [...findings.needs] };
}

/** What a block is before its inside has been looked at. */
interface Head {
  readonly context: Context;
  readonly name: string;
  readonly value: unknown;
  readonly key: string;
  readonly at: Position;
  readonly outer: Block | null;
  /** The block of that place in the configuration before, and the one around it. */
  readonly before?: Block | undefined;
  readonly outerBefore?: Block | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A block whose inside waits until the settings around it are known. */
interface Pending {
  readonly statement: Statement;
  readonly row: BlockRow<unknown>;
  readonly value: unknown;
  readonly key: string;
  /** Its entry in a group's list, which gets the block once that is made. */
  readonly entry: Writable<GroupEntry> | undefined;
}

/** What the statements of one block have given so far. */
interface Scratch {
  readonly context: Context;
  readonly written: Map<string, Written>;
  /** Where each setting stood first. */
  readonly first: Map<string, Position>;
  readonly groups: Map<string, GroupEntry[]>;
  /** Where each block stood first, by name and key. */
  readonly keys: Map<string, Position>;
  readonly counts: Map<string, number>;
  readonly pending: Pending[];
}

class Resolver {
  readonly #vocabulary: Vocabulary;
  readonly #findings: Findings;
  readonly #inheritance: Inheritance;

  constructor(vocabulary: Vocabulary, findings: Findings) {
    this.#vocabulary = vocabulary;
    this.#findings = findings;
    this.#inheritance = new Inheritance(vocabulary);
  }

  *block(head: Head, statements: readonly Statement[]): Sliced<Block> {
    const { context, name, value, key, outer, before, outerBefore } = head;
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
      for (const part of apart(statement, context, this.#vocabulary, this.#findings)) {
        yield* this.#statement(part, scratch);
      }
      yield;
    }
    const children: Block[] = [];
    const block = this.#inheritance.merged(
      { context, outer, before, outerBefore },
      scratch,
      ({ settings, origins, texts }) => {
        const plain = hide({ context, name, value, key, settings, children }, 'at', Object.freeze(head.at));
        return Object.freeze(hide(hide(plain, 'origins', origins), 'texts', texts));
      },
    );
    const counterparts = new Map(before?.children.map((child) => [known(child), child]));
    for (const { statement, row, value, key, entry } of scratch.pending) {
      const { name, at } = statement;
      const child = yield* this.block(
        {
          context: row.opens,
          name,
          value,
          key,
          at,
          outer: block,
          before: counterparts.get(known({ name, key })),
          outerBefore: before,
        },
        statement.block!,
      );
      children.push(child);
      if (entry !== undefined) entry.block = child;
    }
    Object.freeze(children);
    for (const list of scratch.groups.values()) deepFreeze(list);
    return block;
  }

  *#statement(statement: Statement, scratch: Scratch): Sliced<void> {
    const entry = this.#vocabulary.entries.get(scratch.context)?.get(statement.name);
    if (entry === undefined) {
      yield* this.#inside(statement, unknown(statement, scratch.context, this.#vocabulary, this.#findings));
    } else if (entry.kind === 'inert') {
      inertStatement(statement, entry.inert, this.#findings);
    } else {
      const { row } = entry;
      const { min, max } = row;
      if (!shape(statement, { block: row.kind === 'block', min, max }, this.#findings)) {
        yield* this.#inside(statement, entry);
      } else if (row.kind === 'value') {
        this.#value(statement, row, scratch);
      } else if (row.data === undefined) {
        yield* this.#openBlock(statement, row, scratch);
      } else {
        this.#dataBlock(statement, row, row.data, scratch);
      }
    }
  }

  /** Checks the inside of a block that cannot be opened as what it was most likely meant to be. */
  *#inside(statement: Statement, entry: Entry | undefined): Sliced<void> {
    if (statement.block === null || entry?.kind !== 'row') return;
    const { row } = entry;
    if (row.kind !== 'block' || row.data !== undefined) return;
    yield* this.#apartFromTree(statement, row);
  }

  *#apartFromTree(statement: Statement, row: BlockRow<unknown>): Sliced<void> {
    const { name, at } = statement;
    yield* this.block({ context: row.opens, name, value: null, key: '', at, outer: null }, statement.block!);
  }

  #value(statement: Statement, row: ValueRow<unknown>, scratch: Scratch): void {
    if (row.group === undefined && this.#duplicate(statement, row, scratch)) return;
    const read = this.#findings.read(statement, scratch.context, (context) =>
      row.read(statement.args, context),
    );
    if (read === undefined) return;
    if (row.group === undefined) write(scratch, statement, row, read.value);
    else groupOf(scratch, row.group).push(groupEntry(statement, read.value));
  }

  #dataBlock(
    statement: Statement,
    row: BlockRow<unknown>,
    data: NonNullable<BlockRow<unknown>['data']>,
    scratch: Scratch,
  ): void {
    if (this.#duplicate(statement, row, scratch)) return;
    const read = this.#findings.read(statement, scratch.context, (context) =>
      data(row.read(statement.args, context), statement.block!, context),
    );
    if (read !== undefined) write(scratch, statement, row, read.value);
  }

  *#openBlock(statement: Statement, row: BlockRow<unknown>, scratch: Scratch): Sliced<void> {
    const { name } = statement;
    const read = this.#findings.read(statement, scratch.context, (context) =>
      row.read(statement.args, context),
    );
    if (read === undefined) {
      yield* this.#apartFromTree(statement, row);
      return;
    }
    const value = deepFreeze(read.value);
    const count = scratch.counts.get(name) ?? 0;
    scratch.counts.set(name, count + 1);
    const key = row.key === null ? String(count) : row.key(value);
    if (row.key !== null && this.#duplicateBlock(statement, row, key, scratch)) {
      yield* this.#apartFromTree(statement, row);
      return;
    }
    const entry = row.group === undefined ? undefined : groupEntry(statement, value);
    if (entry !== undefined) groupOf(scratch, row.group!).push(entry);
    scratch.pending.push({ statement, row, value, key, entry });
  }

  #duplicate(statement: Statement, row: Row, scratch: Scratch): boolean {
    const { name, at } = statement;
    const first = scratch.first.get(name);
    if (first === undefined) scratch.first.set(name, at);
    if (first === undefined || (row.repeat ?? 'error') !== 'error') return false;
    this.#findings.error('duplicate', `"${name}" directive is duplicate`, at, { help: stands(first, at) });
    return true;
  }

  #duplicateBlock(statement: Statement, row: BlockRow<unknown>, key: string, scratch: Scratch): boolean {
    const { name, at, args } = statement;
    const first = scratch.keys.get(known({ name, key }));
    if (first === undefined) {
      scratch.keys.set(known({ name, key }), at);
      return false;
    }
    const written = args.map((word) => word.value).join(' ');
    const message = written === '' ? `"${name}" directive is duplicate` : `duplicate ${name} "${written}"`;
    const help = stands(first, at);
    if (row.duplicates === 'ignored') this.#findings.warn('duplicate', `${message}, ignored`, at, { help });
    else this.#findings.error('duplicate', message, at, { help });
    return true;
  }
}

function write(scratch: Scratch, statement: Statement, row: Row, value: unknown): void {
  const before = scratch.written.get(statement.name);
  const text = argumentText(statement);
  scratch.written.set(statement.name, {
    value: deepFreeze(before === undefined ? value : repeated(row.repeat ?? 'error', before.value, value)),
    at: Object.freeze(statement.at),
    text: row.repeat === 'last' || before === undefined ? text : joined(before.text, text),
  });
}

/** What a block is known by among its siblings. */
function known({ name, key }: Pick<Block, 'name' | 'key'>): string {
  return `${name} ${key}`;
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
  const text = `${statement.name} ${argumentText(statement)}`.trimEnd();
  return hide(hide({ name: statement.name, value, block: null }, 'at', statement.at), 'text', text);
}

function stands(first: Position, at: Position): string {
  return `the first one stands on line ${first.line}${first.file === at.file ? '' : ` of ${first.file}`}`;
}
