import { describe, expect, it } from 'vitest';
import { parse } from '../../src/config/parse.ts';

/** `line:column message | help` of every finding. */
function findings(text: string): string[] {
  return parse(text, 'f').diagnostics.map(
    ({ at, message, help }) =>
      `${at!.line}:${at!.column} ${message}${help === undefined ? '' : ` | ${help}`}`,
  );
}

describe('syntax errors', () => {
  it.each<[string, string[]]>([
    [
      'a',
      [
        '1:2 unexpected end of file, expecting ";" or "}" | the directive before it is not ended: a ";" is missing after "a"',
      ],
    ],
    [
      'a b\n',
      [
        '2:1 unexpected end of file, expecting ";" or "}" | the directive before it is not ended: a ";" is missing after "b"',
      ],
    ],
    [
      'a {\n b;\n',
      ['3:1 unexpected end of file, expecting "}" | the block "a {" opened at 1:1 is not closed'],
    ],
    [
      'a { b',
      ['1:6 unexpected end of file, expecting ";" or "}" | the block "a {" opened at 1:1 is not closed'],
    ],
    [
      'a {\n  b c {\n    d;\n}\n',
      [
        '5:1 unexpected end of file, expecting "}" | the block "b c {" opened at 2:3 is not closed (the "}" at 4:1 was taken for its end)',
      ],
    ],
    [
      'a;\n}',
      ['2:1 unexpected "}" | no block is open here: this "}" is one too many, or a "{" is missing before it'],
    ],
    ['{ a; }', ['1:1 unexpected "{" | the name of a block must stand before "{"']],
    [';', ['1:1 unexpected ";" | there is no directive before it: one ";" too many']],
    ['a;; b;', ['1:3 unexpected ";" | there is no directive before it: one ";" too many']],
    [
      'a {\n  b c\n}',
      [
        '2:6 missing ";" after "c" | the "}" on line 3 ends the block, but the directive before it is not ended',
      ],
    ],
    ['a "b"c;', ['1:6 unexpected "c" | after a closing " a space, ";", "{" or ")" must follow']],
    ['a \'b\'"c";', ['1:6 unexpected """ | after a closing \' a space, ";", "{" or ")" must follow']],
    [
      'a "b',
      [
        '1:3 unexpected end of file, expecting ";" or "}" | the quote that opens here is not closed: a " is missing',
      ],
    ],
    [`a "${'b'.repeat(5000)}`, ['1:3 too long parameter, probably missing terminating """ character']],
    [
      'a \\',
      [
        '1:4 unexpected end of file, expecting ";" or "}" | the directive before it is not ended: a ";" is missing after "a"',
      ],
    ],
  ])('%j', (text, wanted) => {
    expect(findings(text)).toEqual(wanted);
  });

  it('finds several in one run and keeps what is right', () => {
    const { statements, diagnostics } = parse('a;;\nb {\n c\n}\nd "x"y;\ne;', 'f');
    expect(diagnostics.map(({ at }) => at!.line)).toEqual([1, 3, 5]);
    expect(statements.map(({ name }) => name)).toEqual(['a', 'b', 'd', 'e']);
  });

  it('says whether the blocks are those that were meant', () => {
    expect(parse('a;;', 'f').sound).toBe(true);
    expect(parse('a { b }', 'f').sound).toBe(true);
    expect(parse('a {', 'f').sound).toBe(false);
    expect(parse('}', 'f').sound).toBe(false);
    expect(parse('a "', 'f').sound).toBe(false);
  });

  it('gives up after 100 errors', () => {
    const { diagnostics, sound } = parse(';'.repeat(10_000), 'f');
    expect(diagnostics).toHaveLength(100);
    expect(sound).toBe(false);
    expect(findings(`a ${'"b"c '.repeat(10_000)}`)).toHaveLength(100);
  });

  it('takes 64 blocks inside each other and no more', () => {
    const nested = (depth: number) => `${'a { '.repeat(depth)}${'} '.repeat(depth)}`;
    expect(findings(nested(64))).toEqual([]);
    expect(findings(nested(65))).toEqual(['1:259 blocks are nested deeper than 64']);
    expect(findings('a {'.repeat(100_000))).toHaveLength(1);
  });
});

describe('Lua blocks', () => {
  it.each(['ngx.say("}")', 'local t = { a = { 1 } } -- }', '--[[ } ]] x = [[ } ]]', "x = '\\'}' .. \"{\""])(
    'are passed over: %s',
    (code) => {
      const { statements, diagnostics } = parse(`a { content_by_lua_block {\n ${code}\n } b; }\nc;`, 'f');
      expect(diagnostics).toEqual([]);
      expect(statements.map(({ name }) => name)).toEqual(['a', 'c']);
      expect(statements[0]!.block!.map(({ name, at }) => `${name} ${at.line}:${at.column}`)).toEqual([
        'content_by_lua_block 1:5',
        'b 3:4',
      ]);
    },
  );

  it('that do not end are told', () => {
    expect(findings('access_by_lua_block { x = "}"')).toEqual([
      '1:30 unexpected end of file, expecting "}" | the block "access_by_lua_block {" opened at 1:1 is not closed',
    ]);
  });
});
