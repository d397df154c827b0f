import type { Position } from './errors.ts';
import type { Context, Settings, Table } from './table.ts';

/**
 * A block of the resolved configuration: plain, deeply frozen data. `settings` holds the merged value of every
 * directive of the block's own scope and of all scopes inside it, so `server.settings` also answers for requests that
 * match no location. Positions stand apart from the values: `at` and `origins` are not enumerable, so comparisons and
 * JSON pass over them, and moving a line changes no setting.
 */
export interface Block {
  readonly context: Context;
  /** The directive that opened it: `application`, `location`, … */
  readonly name: string;
  /** The value of the opening directive's arguments, as its table row read them. */
  readonly value: unknown;
  /** Names it among its siblings. */
  readonly key: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly children: readonly Block[];
  readonly at: Position;
  /** Where the winning value of each written setting stands. */
  readonly origins: Readonly<Record<string, Position>>;
}

/** The children that `name` opened, in the order of the file. */
export function childrenOf(block: Block | undefined, name: string): readonly Block[] {
  return block === undefined ? [] : block.children.filter((child) => child.name === name);
}

/** The part of a block's settings that a table describes, typed by it: the one place where values get their types back. */
export function settingsOf<T extends Table>(block: Block, table: T): Settings<T> {
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(table)) {
    if (name in block.settings) settings[name] = block.settings[name];
  }
  return Object.freeze(settings) as Settings<T>;
}
