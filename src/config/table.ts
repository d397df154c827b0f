import type { Block } from './block.ts';
import type { Position } from './errors.ts';
import type { Statement, Word } from './statement.ts';

/** Every place a directive can stand in; the names are those of the directive reference. */
export type Context =
  | 'main'
  | 'events'
  | 'rtmp'
  | 'rtmp_server'
  | 'application'
  | 'recorder'
  | 'http'
  | 'server'
  | 'location'
  | 'server_if'
  | 'location_if'
  | 'limit_except'
  | 'upstream'
  | 'types'
  | 'map'
  | 'geo'
  | 'split_clients'
  | 'stream'
  | 'stream_server'
  | 'stream_upstream'
  | 'mail'
  | 'mail_server';

/**
 * The kinds of blocks that settings belong to. A directive of scope `application` may also stand in the blocks
 * around one (`server`, `rtmp`), where it is the default of everything inside.
 */
export type Scope =
  | 'main'
  | 'events'
  | 'rtmp'
  | 'rtmp_server'
  | 'application'
  | 'recorder'
  | 'http'
  | 'server'
  | 'location'
  | 'upstream';

/** What a reader may need to know besides its words. */
export interface ReadContext {
  readonly context: Context;
  /** The directive being read, for messages. */
  readonly name: string;
  /** Where the directive's name stands. */
  readonly at: Position;
  /** The directory that relative `include` paths start from: that of the main file. */
  readonly directory: string;
  /** The installation prefix that relative paths of nginx directives start from. */
  readonly prefix: string;
  /** A file beside the configuration, absolute, whose content counts as much as its text: a change of it asks for a reload. */
  needs(path: string): void;
  /** A remark that does not stop the configuration from being used. */
  warn(message: string, at: Position, help?: string): void;
  /** Throws the diagnostic of a wrong argument; `at` is the argument's position. */
  fail(message: string, at: Position, help?: string, replacement?: string): never;
}

/** Turns the words of one statement into a value of plain data; calls `context.fail` on a wrong one. */
export type Reader<T> = (words: readonly Word[], context: ReadContext) => T;

/**
 * How values of the same directive in nested blocks combine.
 * `inner`: the innermost wins. `append`: inner list first, then the outer one. `inner-if-any`: a list replaces the
 * outer list as a whole. `own`: never inherited.
 */
export type Merge = 'inner' | 'append' | 'inner-if-any' | 'own';

/** What a second statement of the same name in the same block means. */
export type Repeat = 'error' | 'last' | 'list' | 'or';

/** One row of a directive table: a directive that carries a value. */
export interface ValueRow<T> {
  readonly kind: 'value';
  readonly read: Reader<T>;
  readonly min: number;
  readonly max: number;
  /** The value where the directive is written nowhere. */
  readonly initial: T;
  readonly repeat: Repeat;
  readonly merge: Merge;
  /** Contexts it may stand in, where these are not all blocks around the scope. */
  readonly contexts?: readonly Context[];
  /** Statements of one group are kept in the order of the file in one list under the group's name (the rewrite phase). */
  readonly group?: string;
  /** The syntax of the arguments, for the reference: `on | off`. */
  readonly syntax: string;
  /** The default as an admin would write it, for the reference. */
  readonly shown?: string;
  /** One sentence for the reference and `mediad directives`. */
  readonly help: string;
  readonly example?: string;
}

/** One row of a directive table: a directive that opens a block. */
export interface BlockRow<T> {
  readonly kind: 'block';
  /** What the block is: its statements are looked up in this context. */
  readonly opens: Context;
  /** Reads the words between the name and the `{`. */
  readonly read: Reader<T>;
  readonly min: number;
  readonly max: number;
  readonly contexts: readonly Context[];
  /** Names a block among its siblings, for duplicates and for matching across reloads; null: any number alike. */
  readonly key: ((value: T) => string) | null;
  /** What a second block of one key is: a mistake, or left out with a warning. */
  readonly duplicates?: 'error' | 'ignored';
  /**
   * Reads the inside of a data block (`types`, `map`) whose statements are not directives. The block then is the
   * value of a setting of the same name instead of a child block.
   */
  readonly data?: (value: T, statements: readonly Statement[], context: ReadContext) => unknown;
  readonly initial?: unknown;
  readonly merge?: Merge;
  readonly repeat?: Repeat;
  /** As in ValueRow: blocks of a group are kept in the group's list too, as `{ name, value, block }`. */
  readonly group?: string;
  readonly syntax: string;
  readonly help: string;
  readonly example?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the one place where the types of the rows' values are erased
export type Row = ValueRow<any> | BlockRow<any>;

/** The directives of one scope by name. */
export type Table = Readonly<Record<string, Row>>;

/** The settings a table describes: one property per directive that carries a value. */
export type Settings<T extends Table> = {
  readonly [Name in keyof T as T[Name] extends ValueRow<unknown> ? Name : never]: T[Name] extends ValueRow<
    infer Value
  >
    ? Value
    : never;
};

/** One statement of an ordered group, as it stands in `settings[group]`. */
export interface GroupEntry {
  readonly name: string;
  readonly value: unknown;
  readonly block: Block | null;
  readonly at: Position;
  /** As somebody would write it, its block left out. */
  readonly text: string;
}

/** Why a known name has no row that acts on it. */
export interface Inert {
  readonly names: string;
  readonly contexts: readonly Context[];
  readonly min: number;
  readonly max: number;
  readonly block: boolean;
  /** `ignored`: accepted, has no effect here. `unsupported`: an error, since clients would get something else. */
  readonly disposition: 'ignored' | 'unsupported';
  /** Unsupported for now only. */
  readonly later?: true;
  /** Why, and what to use instead. */
  readonly reason: string;
}

/** What the configuration needs of a module: its directives by the scope they configure. */
export interface TableSource {
  readonly name: string;
  readonly tables: Partial<Readonly<Record<Scope, Table>>>;
  readonly inert?: readonly Inert[];
}
