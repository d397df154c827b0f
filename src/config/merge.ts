import type { Block } from './block.ts';
import type { Position } from './errors.ts';
import { deepFreeze } from './freeze.ts';
import { sameValue, sameValues } from './same.ts';
import type { Context, GroupEntry, Merge, Repeat, Row } from './table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A value as a block's own statements gave it. */
export interface Written {
  readonly value: unknown;
  readonly at: Position;
  readonly text: string;
}

/** What a further statement of the same name makes of the value so far; lists and bit sets grow. */
export function repeated(repeat: Repeat, before: unknown, next: unknown): unknown {
  if (repeat === 'list') return [...(before as readonly unknown[]), ...(next as readonly unknown[])];
  if (repeat !== 'or') return next;
  if (Array.isArray(before)) return [...new Set([...before, ...(next as readonly unknown[])])];
  if (typeof before === 'number') return before | (next as number);
  return { ...(before as object), ...(next as object) };
}

/** What a block has, frozen but for the entries of its groups: values, and where and how those that are written stand. */
interface Merged {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly origins: Readonly<Record<string, Position>>;
  readonly texts: Readonly<Record<string, string>>;
}

/** What the statements of a block gave: its values, frozen, and the lists of its groups. */
export interface Own {
  readonly written: ReadonlyMap<string, Written>;
  readonly groups: ReadonlyMap<string, readonly GroupEntry[]>;
}

/** A block that is being made: the one around it, and the two they take the place of in the configuration before. */
export interface Place {
  readonly context: Context;
  readonly outer: Block | null;
  readonly before: Block | undefined;
  readonly outerBefore: Block | undefined;
}

/** How a block came by its settings, for the next configuration. */
interface Making {
  readonly own: Own;
  readonly base: Merged;
  /** What blocks inside have that say nothing themselves. */
  readonly bases: Map<Context, Merged>;
}

const makings = new WeakMap<Block, Making>();

/**
 * The settings of blocks, from what they say themselves and what the blocks around them have. Where they come out as in
 * the configuration before, the very object of then is used again: most of a file stays as it is, and whoever compares
 * the two finds that at a glance.
 */
export class Inheritance {
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** Merges for the block that `make` makes of it. */
  merged(place: Place, own: Own, make: (merged: Merged) => Block): Block {
    const base = this.#base(place);
    const before = place.before === undefined ? undefined : makings.get(place.before);
    const again =
      before !== undefined && before.base.settings === base.settings && sameOwn(before.own, own)
        ? place.before
        : undefined;
    const block = make(this.#with(place, base, own, again?.settings));
    makings.set(block, { own, base, bases: new Map() });
    return block;
  }

  #base(place: Place): Merged {
    const { context, outer, before, outerBefore } = place;
    const bases = outer === null ? undefined : makings.get(outer)?.bases;
    const known = bases?.get(context);
    if (known !== undefined) return known;
    const then =
      outerBefore === undefined
        ? before && makings.get(before)?.base
        : makings.get(outerBefore)?.bases.get(context);
    const fresh = this.#inherited(context, outer);
    const base =
      then !== undefined && sameValues(then.settings, fresh.settings)
        ? { ...fresh, settings: then.settings }
        : fresh;
    Object.freeze(base.settings);
    bases?.set(context, base);
    return base;
  }

  /** What a block has that says nothing itself. */
  #inherited(context: Context, outer: Block | null): Merged {
    const settings: Record<string, unknown> = {};
    const origins: Record<string, Position> = {};
    const texts: Record<string, string> = {};
    for (const [name, row] of this.#vocabulary.settings.get(context) ?? []) {
      if (!this.#inherits(name, row, outer)) {
        settings[name] = deepFreeze(row.initial);
        continue;
      }
      settings[name] = outer.settings[name];
      const origin = outer.origins[name];
      if (origin === undefined) continue;
      origins[name] = origin;
      texts[name] = outer.texts[name]!;
    }
    for (const [group, row] of this.#vocabulary.groups.get(context) ?? []) {
      const merge = mergeOf(row);
      const around =
        outer !== null &&
        this.#vocabulary.groups.get(outer.context)?.has(group) === true &&
        (merge === 'append' || merge === 'inner-if-any')
          ? (outer.settings[group] as readonly GroupEntry[])
          : Object.freeze([]);
      settings[group] = around;
      if (around.length > 0) texts[group] = textOf(around);
    }
    return { settings, origins: Object.freeze(origins), texts: Object.freeze(texts) };
  }

  /** What a block has by its own statements; `settings` where that is known to be theirs. */
  #with(place: Place, base: Merged, { written, groups }: Own, known: Merged['settings'] | undefined): Merged {
    if (written.size === 0 && groups.size === 0) return base;
    const { context, outer } = place;
    const settings: Record<string, unknown> = known === undefined ? { ...base.settings } : {};
    const origins: Record<string, Position> = { ...base.origins };
    const texts: Record<string, string> = { ...base.texts };
    for (const [name, { value, at, text }] of written) {
      const row = this.#vocabulary.settings.get(context)?.get(name);
      if (row === undefined) continue;
      const appends = mergeOf(row) === 'append' && this.#inherits(name, row, outer);
      settings[name] = appends
        ? Object.freeze([...(value as readonly unknown[]), ...(base.settings[name] as readonly unknown[])])
        : value;
      origins[name] = at;
      texts[name] = joined(text, appends ? base.texts[name] : undefined);
    }
    for (const [group, inner] of groups) {
      const row = this.#vocabulary.groups.get(context)?.get(group);
      if (row === undefined) continue;
      const around = base.settings[group] as readonly GroupEntry[];
      const entries = mergeOf(row) === 'append' ? Object.freeze([...inner, ...around]) : inner;
      settings[group] = entries;
      texts[group] = textOf(entries);
    }
    return {
      settings: known ?? Object.freeze(settings),
      origins: Object.freeze(origins),
      texts: Object.freeze(texts),
    };
  }

  #inherits(name: string, row: Row, outer: Block | null): outer is Block {
    if (outer === null || mergeOf(row) === 'own') return false;
    return this.#vocabulary.settings.get(outer.context)?.get(name) === row;
  }
}

/** Whether two blocks say the same; those with groups, whose entries know their places, are not looked at. */
function sameOwn(a: Own, b: Own): boolean {
  if (a.groups.size + b.groups.size > 0 || a.written.size !== b.written.size) return false;
  for (const [name, { value }] of a.written) {
    const other = b.written.get(name);
    if (other === undefined || !sameValue(value, other.value)) return false;
  }
  return true;
}

function textOf(entries: readonly GroupEntry[]): string {
  return entries.map(({ text }) => text).join('; ');
}

/** The texts of statements of one name in one. */
export function joined(text: string, more: string | undefined): string {
  return more === undefined ? text : `${text}; ${more}`;
}

function mergeOf(row: Row): Merge {
  return row.merge ?? 'inner';
}
