import nearley from 'nearley';
import type { Diagnostic, Position } from './errors.ts';
import { Lexer, type OpenBlock, type Report } from './lexer.ts';
import grammar from './nginx.generated.ts';
import { atOnce, type Sliced } from './slices.ts';
import type { Statement } from './statement.ts';
import type { Terminal, Token } from './syntax.ts';

/** Bytes one file may have. */
export const MAX_FILE = 16 * 1024 * 1024;
/** Tokens of one step of a parse: a fraction of a millisecond. */
const STEP = 64;
/** Syntax errors after which the rest of a file is not looked at. */
const MAX_ERRORS = 100;

/** What a text says: its statements as far as they could be read, and every syntax error. */
export interface Parsed {
  readonly statements: readonly Statement[];
  readonly diagnostics: readonly Diagnostic[];
  /** False where braces do not match, so that the blocks may not be the ones that were meant. */
  readonly sound: boolean;
}

const compiled = nearley.Grammar.fromCompiled(grammar as unknown as nearley.CompiledRules);

/** The parts of nearley's parser that recovery needs and its types leave out. */
interface Internals {
  reportError: (token: unknown) => string;
  readonly table: {
    readonly scannable: readonly {
      readonly rule: { readonly symbols: readonly (Terminal | string)[] };
      readonly dot: number;
    }[];
  }[];
}

/** Reads the text of one file, `file` being its name in positions. Goes on behind syntax errors as far as it can. */
export function parse(text: string, file: string): Parsed {
  return atOnce(parsing(text, file));
}

/** The same in slices. */
export function* parsing(text: string, file: string): Sliced<Parsed> {
  const diagnostics: Diagnostic[] = [];
  let sound = true;
  const report: Report = (code, message, at, options = {}) => {
    if (diagnostics.length >= MAX_ERRORS) return;
    if (options.structure === true) {
      if (!sound && code === 'unexpected-end') return;
      sound = false;
    }
    diagnostics.push({
      severity: 'error',
      code,
      message,
      at,
      ...(options.help === undefined ? {} : { help: options.help }),
      ...(options.replacement === undefined ? {} : { replacement: options.replacement }),
    });
    if (diagnostics.length === MAX_ERRORS) {
      sound = false;
      lexer.stop();
    }
  };
  const lexer = new Lexer(text.startsWith('\ufeff') ? text.slice(1) : text, file, report);
  const parser = new nearley.Parser(compiled, { lexer: lexer as unknown as nearley.Lexer });
  const internals = parser as unknown as Internals;
  internals.reportError = () => '';

  for (;;) {
    lexer.allow(STEP);
    try {
      parser.feed('');
      if (lexer.done) break;
    } catch (error) {
      const token = (error as { token?: Token }).token;
      if (token === undefined) throw error;
      internals.table.pop();
      recover(token, expected(internals), lexer, report);
    }
    yield;
  }
  if (parser.results.length !== 1) throw new Error(`${parser.results.length} readings of ${file}`);
  return { statements: parser.results[0] as Statement[], diagnostics, sound };
}

function expected(parser: Internals): ReadonlySet<Token['type']> {
  const types = new Set<Token['type']>();
  for (const state of parser.table.at(-1)!.scannable) {
    const symbol = state.rule.symbols[state.dot];
    if (typeof symbol === 'object') types.add(symbol.type);
  }
  return types;
}

/** Tells what is wrong with a token and gives the parser something it can go on with. */
function recover(token: Token, wanted: ReadonlySet<Token['type']>, lexer: Lexer, report: Report): void {
  lexer.retract(token);
  const inStatement = wanted.has('semi');
  switch (token.type) {
    case 'eof':
      unexpectedEnd(token, inStatement, lexer, report);
      lexer.replay(synthetic(inStatement ? 'semi' : 'rbrace', token.at), token);
      return;
    case 'rbrace':
      if (inStatement) {
        const before = lexer.before!;
        report('missing-semicolon', `missing ";" after "${shorten(before.text)}"`, after(before), {
          help: `the "}" on line ${token.at.line} ends the block, but the directive before it is not ended`,
          replacement: ';',
        });
        lexer.replay(synthetic('semi', token.at), token);
        return;
      }
      report('unexpected-brace', 'unexpected "}"', token.at, {
        help: 'no block is open here: this "}" is one too many, or a "{" is missing before it',
        structure: true,
      });
      return;
    case 'lbrace':
      report('unexpected-brace', 'unexpected "{"', token.at, {
        help: 'the name of a block must stand before "{"',
        structure: true,
      });
      lexer.replay(synthetic('word', token.at), token);
      return;
    default:
      report('unexpected-semicolon', 'unexpected ";"', token.at, {
        help: 'there is no directive before it: one ";" too many',
      });
  }
}

function unexpectedEnd(token: Token, inStatement: boolean, lexer: Lexer, report: Report): void {
  const { mismatch } = lexer;
  const block = mismatch?.block ?? lexer.open.at(-1);
  const at = token.at;
  if (inStatement && block === undefined) {
    const before = lexer.before!;
    report('unexpected-end', 'unexpected end of file, expecting ";" or "}"', at, {
      help: `the directive before it is not ended: a ";" is missing after "${shorten(before.text)}"`,
      structure: true,
    });
    return;
  }
  if (block === undefined) return;
  const opened = (block.opener ?? block.brace).at;
  const taken =
    mismatch === undefined
      ? ''
      : ` (the "}" at ${mismatch.closer.at.line}:${mismatch.closer.at.column} was taken for its end)`;
  report('unexpected-end', `unexpected end of file, expecting ${inStatement ? '";" or "}"' : '"}"'}`, at, {
    help: `the block "${title(block)}" opened at ${opened.line}:${opened.column} is not closed${taken}`,
    structure: true,
  });
}

function title(block: OpenBlock): string {
  return shorten(`${block.words.map((word) => word.text).join(' ')} {`.replace(/\s+/g, ' '));
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function synthetic(type: Token['type'], at: Position): Token {
  return { type, value: '', text: '', quoted: false, at };
}

/** Just behind a token. */
function after(token: Token): Position {
  const lines = token.text.split('\n');
  return {
    file: token.at.file,
    line: token.at.line + lines.length - 1,
    column: lines.length === 1 ? token.at.column + token.text.length : lines.at(-1)!.length + 1,
    length: 1,
  };
}
