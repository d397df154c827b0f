import type { Block } from './block.ts';
import type { Position } from './errors.ts';
import type { GroupEntry, Merge, Repeat, Row } from './table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A value as a block's own statements gave it. */
export interface Written {
  readonly value: unknown;
  readonly at: Position;
}

/** What a further statement of the same name makes of the value so far; lists and bit sets grow. */
export function repeated(repeat: Repeat, before: unknown, next: unknown): unknown {
  if (repeat === 'list') return [...(before as readonly unknown[]), ...(next as readonly unknown[])];
  if (repeat !== 'or') return next;
  if (Array.isArray(before)) return [...new Set([...before, ...(next as readonly unknown[])])];
  if (typeof before === 'number') return before | (next as number);
  return { ...(before as object), ...(next as object) };
}

/** The settings of a block, from what it says itself and what the block around it has. */
export function mergeSettings(
  vocabulary: Vocabulary,
  block: { readonly context: Block['context']; readonly outer: Block | null },
  own: ReadonlyMap<string, Written>,
  groups: ReadonlyMap<string, readonly GroupEntry[]>,
): { readonly settings: Record<string, unknown>; readonly origins: Record<string, Position> } {
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Position> = {};
  const { context, outer } = block;
  const outerRows = outer === null ? undefined : vocabulary.settings.get(outer.context);
  for (const [name, row] of vocabulary.settings.get(context) ?? []) {
    const written = own.get(name);
    const inherits = outer !== null && outerRows?.get(name) === row && mergeOf(row) !== 'own';
    if (written !== undefined) {
      settings[name] =
        inherits && mergeOf(row) === 'append'
          ? [...(written.value as readonly unknown[]), ...(outer.settings[name] as readonly unknown[])]
          : written.value;
      origins[name] = written.at;
    } else if (inherits) {
      settings[name] = outer.settings[name];
      const origin = outer.origins[name];
      if (origin !== undefined) origins[name] = origin;
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
  }
  return { settings, origins };
}

function mergeOf(row: Row): Merge {
  return row.merge ?? 'inner';
}
