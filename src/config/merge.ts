import type { Block } from './block.ts';
import type { Position } from './errors.ts';
import type { GroupEntry, Merge, Repeat, Row } from './table.ts';
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

/** What a block has: values, and where and how those that are written stand. */
interface Merged {
  readonly settings: Record<string, unknown>;
  readonly origins: Record<string, Position>;
  readonly texts: Record<string, string>;
}

/** The settings of a block, from what it says itself and what the block around it has. */
export function mergeSettings(
  vocabulary: Vocabulary,
  block: { readonly context: Block['context']; readonly outer: Block | null },
  own: ReadonlyMap<string, Written>,
  groups: ReadonlyMap<string, readonly GroupEntry[]>,
): Merged {
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Position> = {};
  const texts: Record<string, string> = {};
  const { context, outer } = block;
  const outerRows = outer === null ? undefined : vocabulary.settings.get(outer.context);
  for (const [name, row] of vocabulary.settings.get(context) ?? []) {
    const written = own.get(name);
    const inherits = outer !== null && outerRows?.get(name) === row && mergeOf(row) !== 'own';
    if (written !== undefined) {
      const around = inherits && mergeOf(row) === 'append' ? outer : null;
      settings[name] =
        around === null
          ? written.value
          : [...(written.value as readonly unknown[]), ...(around.settings[name] as readonly unknown[])];
      origins[name] = written.at;
      texts[name] = joined(written.text, around?.texts[name]);
    } else if (inherits) {
      settings[name] = outer.settings[name];
      const origin = outer.origins[name];
      if (origin !== undefined) {
        origins[name] = origin;
        texts[name] = outer.texts[name]!;
      }
    } else {
      settings[name] = row.initial;
    }
  }
  for (const [group, row] of vocabulary.groups.get(context) ?? []) {
    const inner = groups.get(group) ?? [];
    const merge = mergeOf(row);
    const around =
      outer !== null && vocabulary.groups.get(outer.context)?.has(group)
        ? (outer.settings[group] as readonly GroupEntry[])
        : [];
    if (merge === 'append') settings[group] = [...inner, ...around];
    else settings[group] = merge === 'inner-if-any' && inner.length === 0 ? around : inner;
    const entries = settings[group] as readonly GroupEntry[];
    if (entries.length > 0) texts[group] = entries.map(({ text }) => text).join('; ');
  }
  return { settings, origins, texts };
}

/** The texts of statements of one name in one. */
export function joined(text: string, more: string | undefined): string {
  return more === undefined ? text : `${text}; ${more}`;
}

function mergeOf(row: Row): Merge {
  return row.merge ?? 'inner';
}
