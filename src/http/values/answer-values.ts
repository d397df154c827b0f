import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseNumber, parseTime } from '../../config/values.ts';
import { readTemplate, type Template } from './template.ts';

/** The page shown in place of an error. */
export interface ErrorPage {
  readonly codes: readonly number[];
  /** The status of the answer instead: a number, that of the target (`=`), or null for the original one. */
  readonly status: number | 'target' | null;
  readonly target: Template;
}

/** One `add_header`. */
export interface AddedHeader {
  readonly name: string;
  readonly value: Template;
  readonly always: boolean;
}

/** What `expires` says; `seconds` is negative for an answer that is stale at once. */
export type Expires =
  | { readonly kind: 'off' | 'epoch' | 'max' }
  | { readonly kind: 'time' | 'modified' | 'daily'; readonly seconds: number };

/** `name value [always]` */
export function readAddedHeader([name, text, always]: readonly Word[], context: ReadContext): AddedHeader {
  if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name!.value)) {
    context.fail(`invalid header name "${name!.value}"`, name!.at);
  }
  if (always !== undefined && always.value !== 'always') {
    context.fail(`invalid parameter "${always.value}"`, always.at, 'only "always" may follow the value');
  }
  return { name: name!.value, value: readTemplate(text!, context), always: always !== undefined };
}

/** `[modified] time | @time | epoch | max | off` */
export function readExpires(words: readonly Word[], context: ReadContext): Expires {
  const [first, second] = words;
  const text = first!.value.toLowerCase();
  if (second === undefined && (text === 'off' || text === 'epoch' || text === 'max')) return { kind: text };
  if (second !== undefined && text !== 'modified') {
    return context.fail(
      `invalid value "${first!.value}"`,
      first!.at,
      'only "modified" may stand before the time',
    );
  }
  const word = second ?? first!;
  const daily = second === undefined && word.value.startsWith('@');
  const signed = /^([+-]?)(.*)$/s.exec(daily ? word.value.slice(1) : word.value)!;
  const seconds = parseTime(signed[2]!, false);
  if (seconds === null)
    return context.fail(`invalid value "${word.value}"`, word.at, 'a time, epoch, max or off');
  return {
    kind: second !== undefined ? 'modified' : daily ? 'daily' : 'time',
    seconds: signed[1] === '-' ? -seconds || -1 : seconds,
  };
}

/** `code ... [=[response]] uri` */
export function readErrorPage(words: readonly Word[], context: ReadContext): ErrorPage {
  const target = words.at(-1)!;
  let codes = words.slice(0, -1);
  let status: number | 'target' | null = null;
  const equals = codes.at(-1)!;
  if (equals.value.startsWith('=')) {
    codes = codes.slice(0, -1);
    if (equals.value === '=') status = 'target';
    else {
      status = parseNumber(equals.value.slice(1));
      if (status === null || status > 999) return context.fail(`invalid value "${equals.value}"`, equals.at);
    }
  }
  if (codes.length === 0)
    return context.fail('no error code is named', equals.at, 'error_page 404 /404.html;');
  const numbers = codes.map((word) => {
    const code = parseNumber(word.value);
    if (code === null || code < 300 || code > 599) {
      return context.fail(`value "${word.value}" must be between 300 and 599`, word.at);
    }
    return code;
  });
  return { codes: numbers, status, target: readTemplate(target, context) };
}

/** `time [header time]`: ms of idleness, and seconds that are told to the client. */
export function readKeepaliveTimeout(
  [idle, announced]: readonly Word[],
  context: ReadContext,
): { idle: number; announced: number | null } {
  const ms = parseTime(idle!.value, true);
  if (ms === null) return context.fail(`invalid value "${idle!.value}"`, idle!.at, 'a time, for example 65s');
  if (announced === undefined) return { idle: ms, announced: null };
  const seconds = parseTime(announced.value, false);
  if (seconds === null) return context.fail(`invalid value "${announced.value}"`, announced.at);
  return { idle: ms, announced: seconds };
}
