import type { Position } from './errors.ts';
import type { Statement, Word } from './statement.ts';

/** What the grammar is made of. A word token carries its value with quotes and escapes taken off. */
export interface Token extends Word {
  readonly type: 'word' | 'semi' | 'lbrace' | 'rbrace' | 'eof';
  /** The token as it stands in the file. */
  readonly text: string;
}

/** The end of a statement: its block, or null where a `;` stood. */
export interface Tail {
  readonly block: readonly Statement[] | null;
  readonly end: Position;
}

/** The statement that some words, of which the first is the name, and an end make. */
export function statementOf(words: readonly Token[], tail: Tail): Statement {
  const [name, ...args] = words as [Token, ...Token[]];
  return { name: name.value, at: name.at, args, block: tail.block, end: tail.end };
}

/** A new list of words; the grammar grows it in place. */
export function wordsOf(word: Token): Token[] {
  return [word];
}

/** A symbol of the grammar that stands for tokens of one type. */
export interface Terminal {
  readonly type: Token['type'];
  test(token: Token): boolean;
}

export function terminal(type: Token['type']): Terminal {
  return { type, test: (token) => token.type === type };
}
