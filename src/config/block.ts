import type { Position } from './errors.ts';
import type { Context, GroupEntry, Settings, Table } from './table.ts';

/**
 * A block of the resolved configuration: plain, deeply frozen data. `settings` holds the merged value of every
 * directive of the block's own scope and of all scopes inside it, so `server.settings` also answers for requests that
 * match no location. Positions and texts stand apart from the values: `at`, `origins` and `texts` are not enumerable, so
 * comparisons and JSON pass over them, and moving a line changes no setting.
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
  /** The arguments of each written setting, as somebody would write them: `2s`; of several statements `a; b`. */
  readonly texts: Readonly<Record<string, string>>;
}

/** The children that `name` opened, in the order of the file. */
export function childrenOf(block: Block | undefined, name: string): readonly Block[] {
  return block === undefined ? [] : block.children.filter((child) => child.name === name);
}

/** One statement of an ordered group, without its place in the file. */
export interface OrderedSetting {
  readonly name: string;
  readonly value: unknown;
}

/**
 * The part of a block's settings that a table describes, typed by it: the one place where values get their types back.
 * The lists of the table's groups are part of it, for comparison; `orderedSettings` reads them.
 */
export function settingsOf<T extends Table>(block: Block, table: T): Settings<T> {
  const settings: Record<string, unknown> = {};
  for (const [name, group] of namesIn(table)) {
    if (group !== undefined) settings[group] ??= ordered(block.settings[group]);
    else if (name in block.settings) settings[name] = block.settings[name];
  }
  return Object.freeze(settings) as Settings<T>;
}

const names = new WeakMap<Table, readonly (readonly [name: string, group: string | undefined])[]>();

/** The names of a table, and the groups of those that have one. */
function namesIn(table: Table): readonly (readonly [name: string, group: string | undefined])[] {
  let known = names.get(table);
  if (known === undefined) {
    known = Object.entries(table).map(([name, { group }]) => [name, group] as const);
    names.set(table, known);
  }
  return known;
}

function ordered(entries: unknown): readonly OrderedSetting[] {
  return ((entries ?? []) as readonly GroupEntry[]).map(({ name, value }) => ({ name, value }));
}

/** The blocks inside one that `name` opens, and which of their settings are wanted. */
export interface Within<T extends Table = Table> {
  readonly name: string;
  readonly table: T;
}

/** The settings of a block, and by key those of the blocks inside it. */
export type SettingsWithin<T extends Table, Inner extends Table> = Settings<T> & {
  readonly within: Readonly<Record<string, Settings<Inner>>>;
};

/** As `settingsOf`, with what the blocks inside say. */
export function settingsWithin<T extends Table, Inner extends Table>(
  block: Block,
  table: T,
  { name, table: inner }: Within<Inner>,
): SettingsWithin<T, Inner> {
  const blocks = childrenOf(block, name).map((child) => [child.key, settingsOf(child, inner)] as const);
  const within = Object.freeze(Object.fromEntries(blocks));
  return Object.freeze({ ...(settingsOf(block, table) as object), within }) as SettingsWithin<T, Inner>;
}

/** The statements of a group among settings that `settingsOf` gave. */
export function orderedSettings(settings: object, group: string): readonly OrderedSetting[] {
  return ((settings as Record<string, unknown>)[group] ?? []) as readonly OrderedSetting[];
}
