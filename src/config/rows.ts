import { closestMatch } from 'leven';
import type { Word } from './statement.ts';
import type { Context, Merge, ReadContext, Reader, Repeat, ValueRow } from './table.ts';
import { parseFlag, parseNumber, parseSize, parseTime } from './values.ts';

/** What a row may say besides its kind, default and help. */
export interface RowOptions {
  readonly contexts?: readonly Context[];
  readonly merge?: Merge;
  readonly repeat?: Repeat;
  readonly group?: string;
  readonly syntax?: string;
  /** The default as written in a file, where it is not plain from the value. */
  readonly shown?: string;
  readonly example?: string;
}

/** Any row with one value; the other builders are made of it. */
export function value<T>(
  read: Reader<T>,
  initial: T,
  help: string,
  syntax: string,
  options: RowOptions & { readonly min?: number; readonly max?: number } = {},
): ValueRow<T> {
  return {
    kind: 'value',
    read,
    initial,
    help,
    min: options.min ?? 1,
    max: options.max ?? 1,
    repeat: options.repeat ?? 'error',
    merge: options.merge ?? 'inner',
    syntax: options.syntax ?? syntax,
    ...(options.contexts === undefined ? {} : { contexts: options.contexts }),
    ...(options.group === undefined ? {} : { group: options.group }),
    ...(options.shown === undefined ? {} : { shown: options.shown }),
    ...(options.example === undefined ? {} : { example: options.example }),
  };
}

/** A directive that stands for a list: each statement adds an entry. `merge` says what an inner list does to an outer. */
export function list<T>(
  read: Reader<T>,
  help: string,
  syntax: string,
  options: RowOptions & { readonly min?: number; readonly max?: number } = {},
): ValueRow<readonly T[]> {
  return value(
    ((words, context) => [read(words, context)]) as Reader<readonly T[]>,
    [] as readonly T[],
    help,
    syntax,
    { merge: 'inner-if-any', repeat: 'list', ...options },
  );
}

export function flag(initial: boolean, help: string, options: RowOptions = {}): ValueRow<boolean> {
  return value(
    ([word], context) =>
      parseFlag(word!.value) ??
      context.fail(
        `invalid value "${word!.value}" in "${context.name}" directive, it must be "on" or "off"`,
        word!.at,
        undefined,
        /^(true|yes|1|enable|enabled)$/i.test(word!.value) ? 'on' : undefined,
      ),
    initial,
    help,
    'on | off',
    { shown: initial ? 'on' : 'off', ...options },
  );
}

export interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

/** Decimal digits, no unit. */
export function number(initial: number, help: string, options: RowOptions & Bounds = {}): ValueRow<number> {
  return value(
    ([word], context) => bounded(parseNumber(word!.value), word!, context, 'a whole number', options),
    initial,
    help,
    'number',
    { shown: String(initial), ...options },
  );
}

/** Bytes, with `k` and `m`. */
export function size(initial: number, help: string, options: RowOptions & Bounds = {}): ValueRow<number> {
  return value(
    ([word], context) =>
      bounded(parseSize(word!.value), word!, context, 'a size, for example 512, 64k, 1m', options),
    initial,
    help,
    'size',
    options,
  );
}

/** Bytes, with `k`, `m` and `g`. */
export function offset(initial: number, help: string, options: RowOptions & Bounds = {}): ValueRow<number> {
  return value(
    ([word], context) =>
      bounded(parseSize(word!.value, true), word!, context, 'a size, for example 64k, 1m, 2g', options),
    initial,
    help,
    'size',
    options,
  );
}

/** A time in ms; a bare number means seconds. */
export function msec(initial: number, help: string, options: RowOptions & Bounds = {}): ValueRow<number> {
  return value(([word], context) => readMsec(word!, context, options), initial, help, 'time', options);
}

/** A time in ms, or `off`, which is null. */
export function msecOrOff(
  initial: number | null,
  help: string,
  options: RowOptions & Bounds = {},
): ValueRow<number | null> {
  return value<number | null>(
    ([word], context) => (word!.value.toLowerCase() === 'off' ? null : readMsec(word!, context, options)),
    initial,
    help,
    'time | off',
    options,
  );
}

/** A time in whole seconds. */
export function sec(initial: number, help: string, options: RowOptions & Bounds = {}): ValueRow<number> {
  return value(
    ([word], context) =>
      bounded(parseTime(word!.value, false), word!, context, 'a time, for example 2s, 1m, 1h30m', options),
    initial,
    help,
    'time',
    options,
  );
}

/** One word as it is. */
export function text(initial: string, help: string, options: RowOptions = {}): ValueRow<string> {
  return value(([word]) => word!.value, initial, help, 'string', options);
}

/** One of some words, in any letter case. */
export function oneOf<const T extends string>(
  choices: readonly T[],
  initial: T,
  help: string,
  options: RowOptions = {},
): ValueRow<T> {
  return value(([word], context) => choose(choices, word!, context), initial, help, choices.join(' | '), {
    shown: initial,
    ...options,
  });
}

/** Any of some words, each an argument; several statements add up. */
export function anyOf<const T extends string>(
  choices: readonly T[],
  initial: readonly T[],
  help: string,
  options: RowOptions & { readonly max?: number } = {},
): ValueRow<readonly T[]> {
  return value<readonly T[]>(
    (words, context) => [...new Set(words.map((word) => choose(choices, word, context)))],
    initial,
    help,
    `${choices.join(' | ')} ...`,
    { max: choices.length, repeat: 'or', merge: 'inner-if-any', ...options },
  );
}

/** The choice a word names; fails with the nearest one otherwise. */
export function choose<const T extends string>(choices: readonly T[], word: Word, context: ReadContext): T {
  const lower = word.value.toLowerCase();
  const found = choices.find((choice) => choice.toLowerCase() === lower);
  if (found !== undefined) return found;
  const near = closestMatch(lower, [...choices], { maxDistance: 3 });
  return context.fail(
    `invalid value "${word.value}" in "${context.name}" directive`,
    word.at,
    `${near === undefined ? '' : `did you mean "${near}"? `}allowed: ${choices.join(', ')}`,
    near,
  );
}

/** A time in ms. */
export function readMsec(word: Word, context: ReadContext, bounds: Bounds = {}): number {
  return bounded(parseTime(word.value, true), word, context, 'a time, for example 2s, 500ms, 1m', bounds);
}

function bounded(
  parsed: number | null,
  word: Word,
  context: ReadContext,
  what: string,
  bounds: Bounds,
): number {
  const message = `"${context.name}" directive invalid value "${word.value}"`;
  if (parsed === null) return context.fail(message, word.at, what);
  if (bounds.least !== undefined && parsed < bounds.least) {
    return context.fail(message, word.at, `the least is ${bounds.least}`);
  }
  if (bounds.most !== undefined && parsed > bounds.most) {
    return context.fail(message, word.at, `the most is ${bounds.most}`);
  }
  return parsed;
}
