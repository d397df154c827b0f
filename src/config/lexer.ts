import moo from 'moo';
import type { Position } from './errors.ts';
import { endOfLua } from './lua.ts';
import type { Token } from './syntax.ts';
import { invisibleIn, MAX_WORD, tooLong, unescapeWord } from './words.ts';

/** Blocks that may be open at one time. */
const MAX_DEPTH = 64;

/** Tells one syntax error. `structure` means that blocks may have been taken apart wrongly from here on. */
export type Report = (
  code: string,
  message: string,
  at: Position,
  options?: { readonly help?: string; readonly replacement?: string; readonly structure?: boolean },
) => void;

/*
 * The word rules of nginx's ngx_conf_read_token: quotes only count at the start of a word, `#` too; `${` does not open
 * a block; a backslash protects any next character; only space, tab, CR and LF separate. The counts are bounded so
 * that a huge word cannot exhaust the stack of the regular expression engine.
 */
const rules = moo.compile({
  space: { match: /[ \t\r\n]+/, lineBreaks: true },
  comment: /#[^\n]*/,
  lbrace: '{',
  rbrace: '}',
  semi: ';',
  dquoted: {
    match: /"(?:\\[\s\S]|[^"\\]){0,4097}"(?![^ \t\r\n;{)])/,
    lineBreaks: true,
  },
  squoted: {
    match: /'(?:\\[\s\S]|[^'\\]){0,4097}'(?![^ \t\r\n;{)])/,
    lineBreaks: true,
  },
  word: {
    match: /(?:\\[\s\S]|\$\{{1,4097}|[^ \t\r\n;{}"'#\\])(?:\\[\s\S]|\$\{{1,4097}|[^ \t\r\n;{\\]){0,4097}/,
    lineBreaks: true,
  },
  bad: { error: true, lineBreaks: false },
});

/** A block that is open where the lexer stands. */
export interface OpenBlock {
  readonly brace: Token;
  /** The first word of the statement that opened it. */
  readonly opener: Token | null;
  /** The words of that statement. */
  readonly words: readonly Token[];
}

/** A closing brace that starts its line at another column than the statement whose block it closes. */
export interface Mismatch {
  readonly closer: Token;
  readonly block: OpenBlock;
}

/**
 * The tokens of one file, for nearley: white space and comments are left out, and one `eof` token stands at the end.
 * Bad words are reported and then left out or cut, so that what follows can be read.
 */
export class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #report: Report;
  readonly #replay: Token[] = [];
  readonly #open: OpenBlock[] = [];
  #closed: OpenBlock | undefined;
  #mismatch: Mismatch | undefined;
  #words: Token[] = [];
  #last: Token | null = null;
  #before: Token | null = null;
  /** What of the text moo has been given starts here. */
  #base = 0;
  #ended = false;
  #done = false;
  /** Tokens that `next` may give before it pauses. */
  #allowed = Number.POSITIVE_INFINITY;
  readonly #rules = (rules as moo.Lexer & { clone(): moo.Lexer }).clone();

  constructor(text: string, file: string, report: Report) {
    this.#text = text;
    this.#file = file;
    this.#report = report;
    this.#rules.reset(text);
  }

  /** The token before the one that came last. */
  get before(): Token | null {
    return this.#before;
  }

  get open(): readonly OpenBlock[] {
    return this.#open;
  }

  /** The first closing brace that seems to close another block than it was meant for. */
  get mismatch(): Mismatch | undefined {
    return this.#mismatch;
  }

  /** Gives these tokens before it goes on. */
  replay(...tokens: readonly Token[]): void {
    this.#replay.unshift(...tokens);
    this.#done = false;
  }

  /** Takes back what an unexpected token did to the list of open blocks. */
  retract(token: Token): void {
    if (token.type === 'lbrace') this.#open.pop();
    if (token.type === 'rbrace' && this.#closed !== undefined) this.#open.push(this.#closed);
  }

  /** Ends the file here. */
  stop(): void {
    this.#ended = true;
    this.#replay.length = 0;
  }

  /** Whether the end of the file has been given. */
  get done(): boolean {
    return this.#done;
  }

  /** Lets `next` give so many tokens, and then nothing until it is called again. */
  allow(tokens: number): void {
    this.#allowed = tokens;
  }

  next(): Token | undefined {
    if (this.#done || this.#allowed === 0) return undefined;
    this.#allowed -= 1;
    const token = this.#replay.shift() ?? this.#read();
    if (token.type === 'eof') this.#done = true;
    this.#track(token);
    return token;
  }

  #track(token: Token): void {
    if (token.type === 'word') {
      this.#words.push(token);
    } else if (token.type === 'lbrace') {
      if (this.#open.length === MAX_DEPTH) {
        this.#report('too-deep', `blocks are nested deeper than ${MAX_DEPTH}`, token.at, { structure: true });
        this.stop();
      }
      this.#open.push({ brace: token, opener: this.#words[0] ?? null, words: this.#words });
      this.#words = [];
    } else if (token.type === 'rbrace') {
      this.#closed = this.#open.pop();
      if (this.#mismatch === undefined && this.#closed !== undefined) this.#compare(token, this.#closed);
      this.#words = [];
    } else if (token.type === 'semi') {
      this.#words = [];
    }
    this.#before = this.#last;
    this.#last = token;
  }

  #compare(closer: Token, block: OpenBlock): void {
    const opener = (block.opener ?? block.brace).at;
    if (opener.line === closer.at.line || opener.column === closer.at.column) return;
    if (this.#last?.at.line !== closer.at.line) this.#mismatch = { closer, block };
  }

  #read(): Token {
    for (;;) {
      const raw = this.#ended ? undefined : this.#rules.next();
      if (raw === undefined) return this.#eof();
      switch (raw.type) {
        case 'space':
        case 'comment':
          continue;
        case 'bad': {
          const token = this.#bad(this.#base + raw.offset, raw.line, raw.col);
          if (token === undefined) continue;
          return token;
        }
        case 'word': {
          const token = this.#word(raw.text, this.#base + raw.offset, raw.line, raw.col);
          if (token === undefined) continue;
          return token;
        }
        case 'dquoted':
        case 'squoted': {
          const at = this.#at(raw.line, raw.col, raw.text.length);
          if (tooLong(raw.text)) this.#tooLong(raw.text.slice(1), at);
          return {
            type: 'word',
            value: unescapeWord(raw.text.slice(1, -1)),
            text: raw.text,
            quoted: true,
            at,
          };
        }
        default:
          if (raw.type === 'lbrace' && this.#words[0]?.value.endsWith('_by_lua_block') === true) {
            this.#skipLua(this.#base + raw.offset + 1, raw.line, raw.col + 1);
          }
          return {
            type: raw.type as 'semi' | 'lbrace' | 'rbrace',
            value: raw.text,
            text: raw.text,
            quoted: false,
            at: this.#at(raw.line, raw.col, 1),
          };
      }
    }
  }

  #word(text: string, offset: number, line: number, column: number): Token | undefined {
    const at = this.#at(line, column, text.length);
    if (tooLong(text)) {
      this.#tooLong(text, at);
      const end = this.#endOfWord(offset + text.length);
      this.#restart(end, line, column + end - offset);
      return undefined;
    }
    const invisible = invisibleIn(text);
    if (invisible !== null) {
      const before = text.slice(0, invisible.index).split('\n');
      const from = before.length === 1 ? column : 1;
      const place = this.#at(line + before.length - 1, from + before.at(-1)!.length, 1);
      this.#report('invisible-character', `invisible character ${invisible.name}`, place, {
        help: 'type a plain space, or put the word in quotes if the character is meant',
      });
    }
    return { type: 'word', value: unescapeWord(text), text, quoted: false, at };
  }

  /** Handles what no rule matched: a quote without its end, or one that something follows at once, or a lone `\`. */
  #bad(offset: number, line: number, column: number): Token | undefined {
    const quote = this.#text[offset]!;
    if (quote !== '"' && quote !== "'") {
      this.#ended = true;
      return undefined;
    }
    let end = offset + 1;
    while (end < this.#text.length && this.#text[end] !== quote) end += this.#text[end] === '\\' ? 2 : 1;
    const closed = end < this.#text.length;
    const inside = this.#text.slice(offset + 1, Math.min(end, offset + MAX_WORD + 2));
    const at = this.#at(line, column, closed ? end + 1 - offset : 1);
    if (!closed) {
      if (this.#text.length - offset > MAX_WORD) {
        this.#report(
          'too-long-parameter',
          `too long parameter, probably missing terminating "${quote}" character`,
          at,
          { structure: true },
        );
      } else {
        this.#report('unexpected-end', 'unexpected end of file, expecting ";" or "}"', at, {
          help: `the quote that opens here is not closed: a ${quote} is missing`,
          structure: true,
        });
      }
      this.#ended = true;
      return this.#eof();
    }
    const lines = this.#text.slice(offset, end + 1).split('\n');
    const endLine = line + lines.length - 1;
    const endColumn = lines.length === 1 ? column + end + 1 - offset : lines.at(-1)!.length + 1;
    let rest = end + 1;
    if (tooLong(this.#text.slice(offset, Math.min(rest, offset + MAX_WORD + 3)))) {
      this.#tooLong(inside, at);
    } else {
      const next = this.#text[rest]!;
      this.#report('unexpected-character', `unexpected "${next}"`, this.#at(endLine, endColumn, 1), {
        help: `after a closing ${quote} a space, ";", "{" or ")" must follow`,
      });
      rest = this.#endOfWord(rest);
    }
    this.#restart(rest, endLine, endColumn + rest - end - 1);
    return {
      type: 'word',
      value: unescapeWord(inside),
      text: this.#text.slice(offset, end + 1),
      quoted: true,
      at,
    };
  }

  /** The next offset at which a word ends. */
  #endOfWord(offset: number): number {
    let end = offset;
    while (end < this.#text.length && !/[ \t\r\n;{]/.test(this.#text[end]!)) end += 1;
    return end;
  }

  #tooLong(text: string, at: Position): void {
    this.#report('too-long-parameter', `too long parameter "${text.slice(0, 10)}..." started`, at, {
      help: `a word has at most ${MAX_WORD} bytes`,
    });
  }

  #skipLua(offset: number, line: number, column: number): void {
    const end = endOfLua(this.#text, offset);
    const lines = this.#text.slice(offset, end).split('\n');
    const last = lines.at(-1)!.length;
    this.#restart(end, line + lines.length - 1, lines.length === 1 ? column + last : last + 1);
  }

  #restart(offset: number, line: number, column: number): void {
    this.#base = offset;
    this.#rules.reset(this.#text.slice(offset), { line, col: column, state: 'start' });
  }

  #eof(): Token {
    const lines = this.#text.split('\n');
    const at = this.#at(lines.length, lines.at(-1)!.length + 1, 0);
    return { type: 'eof', value: '', text: '', quoted: false, at };
  }

  #at(line: number, column: number, length: number): Position {
    return { file: this.#file, line, column, length };
  }

  // What nearley asks of a lexer besides next().
  reset(): void {}

  save(): undefined {
    return undefined;
  }

  formatError(): string {
    return '';
  }

  has(): boolean {
    return true;
  }
}
