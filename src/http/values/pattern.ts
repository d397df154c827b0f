import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';

/** A regular expression of the configuration as plain data, in the syntax of JavaScript. */
export interface Pattern {
  readonly source: string;
  /** `i`, `s`, `m` in any combination. */
  readonly flags: string;
  /** As written. */
  readonly text: string;
}

/** What could not be said in JavaScript. */
class Untranslatable extends Error {}

const compiled = new Map<string, RegExp>();

/** The expression of a pattern; equal patterns share one. */
export function regExpOf(pattern: Pattern): RegExp {
  const key = `${pattern.flags}/${pattern.source}`;
  let regExp = compiled.get(key);
  if (regExp === undefined) {
    if (compiled.size > 10_000) compiled.clear();
    regExp = new RegExp(pattern.source, pattern.flags);
    compiled.set(key, regExp);
  }
  return regExp;
}

/** The names of its named groups. */
export function groupNames(pattern: Pattern): readonly string[] {
  return [...pattern.source.matchAll(/(?<!\\)\(\?<([A-Za-z_]\w*)>/g)].map((match) => match[1]!);
}

/** Reads a PCRE pattern; fails at the word where it is wrong, or uses what JavaScript has not. */
export function readPattern(
  word: Word,
  context: ReadContext,
  insensitive: boolean,
  text = word.value,
): Pattern {
  try {
    const { source, flags } = translate(text);
    const all = insensitive && !flags.includes('i') ? `${flags}i` : flags;
    const pattern = { source, flags: all, text };
    regExpOf(pattern);
    return pattern;
  } catch (error) {
    const what = error instanceof Untranslatable ? error.message : 'it is not a regular expression';
    return context.fail(`invalid regular expression "${text}" in "${context.name}" directive`, word.at, what);
  }
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
};

/** Rewrites the common constructs of PCRE that JavaScript spells otherwise; throws on those it lacks. */
function translate(text: string): { source: string; flags: string } {
  let flags = '';
  let rest = text;
  for (let match = /^\(\?([a-z]+)\)/.exec(rest); match !== null; match = /^\(\?([a-z]+)\)/.exec(rest)) {
    for (const flag of match[1]!) {
      if (!'ims'.includes(flag)) throw new Untranslatable(`the option "(?${flag})" is not offered`);
      if (!flags.includes(flag)) flags += flag;
    }
    rest = rest.slice(match[0].length);
  }
  let source = '';
  for (let at = 0; at < rest.length; ) {
    const [part, length] = translateAt(rest, at);
    source += part;
    at += length;
  }
  return { source, flags };
}

/** The translation of what stands at an offset, and how long it is. */
function translateAt(text: string, at: number): readonly [string, number] {
  const rest = text.slice(at, at + 200);
  const char = rest[0]!;
  if (char === '\\') return translateEscape(text, at);
  if (char === '[') return translateClass(text, at);
  if (char === '(' && rest[1] === '?') return translateGroup(text, at);
  const quantifier = /^(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})/.exec(rest);
  if (quantifier !== null) {
    if (rest[quantifier[0].length] === '+') {
      throw new Untranslatable('possessive quantifiers are not offered: leave out the second "+"');
    }
    return [quantifier[0], quantifier[0].length];
  }
  return [char, 1];
}

function translateGroup(text: string, at: number): readonly [string, number] {
  const rest = text.slice(at);
  const named = /^\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
  if (named !== null) return [`(?<${named[1] ?? named[2]}>`, named[0].length];
  const back = /^\(\?P=([A-Za-z_]\w*)\)/.exec(rest);
  if (back !== null) return [`\\k<${back[1]}>`, back[0].length];
  const comment = /^\(\?#[^)]*\)/.exec(rest);
  if (comment !== null) return ['', comment[0].length];
  const known = /^\(\?(?:[:=!]|<[=!])/.exec(rest);
  if (known !== null) return [known[0], known[0].length];
  throw new Untranslatable(`the construct "${rest.slice(0, 4)}" is not offered`);
}

function translateEscape(text: string, at: number): readonly [string, number] {
  const rest = text.slice(at);
  const quoted = /^\\Q(.*?)(?:\\E|$)/s.exec(rest);
  if (quoted !== null) return [quoted[1]!.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), quoted[0].length];
  const hex = /^\\x\{([0-9A-Fa-f]{1,4})\}/.exec(rest);
  if (hex !== null) return [`\\u${hex[1]!.padStart(4, '0')}`, hex[0].length];
  const letter = rest[1] ?? '';
  const simple: Readonly<Record<string, string>> = {
    A: '^',
    z: '$',
    Z: '$',
    h: '[ \\t]',
    a: '\\x07',
    e: '\\x1b',
  };
  if (letter in simple) return [simple[letter]!, 2];
  if (/[GKRXCQEpP]/.test(letter)) throw new Untranslatable(`the construct "\\${letter}" is not offered`);
  return [rest.slice(0, 2), 2];
}

function translateClass(text: string, start: number): readonly [string, number] {
  let at = start + 1;
  let out = '[';
  if (text[at] === '^') {
    out += '^';
    at += 1;
  }
  if (text[at] === ']') {
    out += '\\]';
    at += 1;
  }
  while (at < text.length && text[at] !== ']') {
    const posix = /^\[:([a-z]+):\]/.exec(text.slice(at, at + 12));
    if (posix !== null) {
      const members = POSIX_CLASSES[posix[1]!];
      if (members === undefined) throw new Untranslatable(`there is no class "${posix[0]}"`);
      out += members;
      at += posix[0].length;
    } else if (text[at] === '\\') {
      out += text[at + 1] === 'h' ? ' \\t' : text.slice(at, at + 2);
      at += 2;
    } else {
      out += text[at] === '[' ? '\\[' : text[at];
      at += 1;
    }
  }
  if (at >= text.length) throw new Untranslatable('a "[" is not closed');
  return [`${out}]`, at + 1 - start];
}
