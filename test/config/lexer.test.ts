// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of nginx
import { describe, expect, it } from 'vitest';
import { parse } from '../../src/config/parse.ts';
import type { Statement } from '../../src/config/statement.ts';

/** A statement as words, with its block as a list behind them. */
function plain(statement: Statement): unknown[] {
  const words = [statement.name, ...statement.args.map((word) => word.value)];
  return statement.block === null ? words : [...words, statement.block.map(plain)];
}

function read(text: string): unknown[] {
  const { statements, diagnostics } = parse(text, 'f');
  expect(diagnostics).toEqual([]);
  return statements.map(plain);
}

describe('words', () => {
  // What nginx makes of the same texts.
  it.each<[string, unknown[]]>([
    ['', []],
    ['  \t\r\n ', []],
    ['a;', [['a']]],
    [
      'a b;c\td\r\n;',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['a{}', [['a', []]]],
    ['a b{c;}d;', [['a', 'b', [['c']]], ['d']]],
    ['# only a comment', []],
    ['a # b;\n;', [['a']]],
    ['a b#c;', [['a', 'b#c']]],
    ['a "#b" #c\n;', [['a', '#b']]],
    ['a "b c";', [['a', 'b c']]],
    ["a 'b c';", [['a', 'b c']]],
    ['a "";', [['a', '']]],
    [
      '"" 1; \'\' x;',
      [
        ['', '1'],
        ['', 'x'],
      ],
    ],
    ['"a b" c;', [['a b', 'c']]],
    ['a "b;{}c";', [['a', 'b;{}c']]],
    ['a "b\nc";', [['a', 'b\nc']]],
    [`a "it's" 'say "x"';`, [['a', "it's", 'say "x"']]],
    ['a -%d"x".flv;', [['a', '-%d"x".flv']]],
    ["a b'c d';", [['a', "b'c", "d'"]]],
    ['a "b\\"c" \'d\\\'e\';', [['a', 'b"c', "d'e"]]],
    ['a \\t\\r\\n;', [['a', '\t\r\n']]],
    ['a "\\t";', [['a', '\t']]],
    ['a \\.m3u8$ \\d+ \\\\x;', [['a', '\\.m3u8$', '\\d+', '\\x']]],
    ['a b\\ c;', [['a', 'b\\ c']]],
    ['a b\\;c;', [['a', 'b\\;c']]],
    ['a b\\{c;', [['a', 'b\\{c']]],
    ['a \\#b \\"c;', [['a', '\\#b', '"c']]],
    ['a ${b}c $d{e;}', [['a', '${b}c', '$d', [['e']]]]],
    ['a $b${c};', [['a', '$b${c}']]],
    ['a ${{b;', [['a', '${{b']]],
    ['a ${{{;', [['a', '${{{']]],
    ['a $;', [['a', '$']]],
    ['a b}c;', [['a', 'b}c']]],
    ['a b{c}d;}', [['a', 'b', [['c}d']]]]],
    ['if ($a = "b") {c;}', [['if', '($a', '=', 'b', ')', [['c']]]]],
    ['a "b")c;', [['a', 'b', ')c']]],
    ['a "b"{c;}', [['a', 'b', [['c']]]]],
    ['a "b"\n"c";', [['a', 'b', 'c']]],
  ])('%j', (text, wanted) => {
    expect(read(text)).toEqual(wanted);
  });

  it('leaves out a byte order mark', () => {
    const { statements, diagnostics } = parse('\ufeffa b;', 'f');
    expect(diagnostics).toEqual([]);
    expect(statements[0]).toMatchObject({ name: 'a', at: { line: 1, column: 1, length: 1 } });
  });

  it('knows where everything stands', () => {
    const [statement] = parse('\n\t a  "b c"\r\n  ${d}{\n}', 'f').statements;
    expect(statement).toMatchObject({
      at: { file: 'f', line: 2, column: 3, length: 1 },
      args: [
        { at: { line: 2, column: 6, length: 5 }, quoted: true },
        { at: { line: 3, column: 3, length: 4 } },
      ],
      end: { line: 4, column: 1 },
    });
  });

  it('counts columns in UTF-16 units behind words of several lines', () => {
    const [first, second] = parse('a "é😀\nb" c; d;', 'f').statements;
    expect(first!.args[1]!.at).toMatchObject({ line: 2, column: 4 });
    expect(second!.at).toMatchObject({ line: 2, column: 7 });
  });

  it.each([4095, 4096])('takes a word of %d bytes', (length) => {
    expect(read(`a ${'x'.repeat(length)};`)).toEqual([['a', 'x'.repeat(length)]]);
  });

  it.each([
    ['ASCII', 'x'.repeat(4097)],
    ['two bytes each', 'é'.repeat(2049)],
    ['very long', 'x'.repeat(1_000_000)],
  ])('refuses a word of too many bytes (%s) and goes on behind it', (_, word) => {
    const { statements, diagnostics } = parse(`a ${word} b;\nc;`, 'f');
    expect(diagnostics).toMatchObject([
      {
        code: 'too-long-parameter',
        message: `too long parameter "${word.slice(0, 10)}..." started`,
        at: { line: 1, column: 3 },
      },
    ]);
    expect(statements.map(plain)).toEqual([['a', 'b'], ['c']]);
  });

  it('refuses a long quoted word and goes on behind it', () => {
    const { statements, diagnostics } = parse(`a "${'x y\n'.repeat(2000)}" b;\nc;`, 'f');
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'too long parameter "x y\nx y\nx ..." started',
    ]);
    expect(statements.map((statement) => statement.name)).toEqual(['a', 'c']);
    expect(statements[1]!.at.line).toBe(2002);
  });

  it.each([
    ['\u00a0', 'U+00A0 (no-break space)'],
    ['\u200b', 'U+200B (zero width space)'],
    ['\ufeff', 'U+FEFF (byte order mark)'],
    ['\u0000', 'U+0000 (NUL)'],
    ['\u0007', 'U+0007 (control character)'],
    ['\u2028', 'U+2028 (line separator)'],
  ])('names the invisible character %j in a plain word, and leaves quoted ones alone', (char, name) => {
    expect(parse(`ab${char}c;`, 'f').diagnostics).toMatchObject([
      { message: `invisible character ${name}`, at: { line: 1, column: 3, length: 1 } },
    ]);
    expect(read(`a "b${char}c";`)).toEqual([['a', `b${char}c`]]);
  });
});
