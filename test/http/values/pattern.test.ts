import { describe, expect, it } from 'vitest';
import type { ReadContext } from '../../../src/config/table.ts';
import { groupNames, readPattern, regExpOf } from '../../../src/http/values/pattern.ts';
import { constantOf, render, templateOf, templatesIn } from '../../../src/http/values/template.ts';
import {
  argument,
  escapePath,
  isHidden,
  normalizePath,
  parseTarget,
  percentDecode,
} from '../../../src/http/values/uri.ts';

const context = {
  name: 'location',
  fail: (message: string, _at: unknown, help?: string): never => {
    throw new Error(`${message}: ${help}`);
  },
} as unknown as ReadContext;

const pattern = (text: string, insensitive = false) =>
  readPattern(
    { value: text, quoted: false, at: { file: '', line: 1, column: 1, length: 1 } },
    context,
    insensitive,
  );

describe('patterns of PCRE', () => {
  it.each([
    ['^/a$', '/a', true],
    ['(?i)^/A', '/a', true],
    ['(?<app>\\w+)', 'live', true],
    ['(?P<app>\\w+)x(?P=app)', 'axa', true],
    ["(?'app'\\w)", 'a', true],
    ['\\A/x\\z', '/x', true],
    ['[[:alpha:]]+[[:digit:]]$', 'ab1', true],
    ['^[^[:space:]]+$', 'a b', false],
    ['^[]a]$', ']', true],
    ['^[a[]$', '[', true],
    ['\\Qa.b\\E$', 'axb', false],
    ['\\Qa.b\\E$', 'a.b', true],
    ['a(?#comment)b', 'ab', true],
    ['\\x{41}', 'A', true],
    ['a\\hb', 'a\tb', true],
    ['(?:a|b){2,3}?', 'ab', true],
    ['(?<!x)y', 'xy', false],
    ['\\.(m3u8|ts)$', '/a.ts', true],
  ])('%s on %s is %s', (text, subject, matches) => {
    expect(regExpOf(pattern(text)).test(subject)).toBe(matches);
  });

  it.each(['a++', '(?>a)', '(?x)a', '\\Ka', '(?R)', '(', '[a', 'a{2}+', '[[:nope:]]', '\\pL'])(
    'refuses %s with a reason',
    (text) => {
      expect(() => pattern(text)).toThrow(/invalid regular expression/);
    },
  );

  it('knows its names and its case', () => {
    expect(groupNames(pattern('(?<a>x)(?P<b>y)\\(?<c>'))).toEqual(['a', 'b']);
    expect(regExpOf(pattern('abc', true)).test('ABC')).toBe(true);
    expect(regExpOf(pattern('abc')).test('ABC')).toBe(false);
  });
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the templates of the configuration
describe('templates', () => {
  it.each([
    ['plain', ['plain']],
    ['', []],
    ['$a', [{ variable: 'a' }]],
    ['x${a}b$c_d-$1', ['x', { variable: 'a' }, 'b', { variable: 'c_d' }, '-', { variable: '1' }]],
    ['$10', [{ variable: '1' }, '0']],
    ['a$', null],
    ['${a', null],
  ])('%s', (text, parts) => {
    expect(templateOf(text)?.parts ?? null).toEqual(parts);
  });

  it('render, are found in values, and may be constant', () => {
    const template = templateOf('<$a>')!;
    expect(render(template, (name) => name.toUpperCase())).toBe('<A>');
    expect(constantOf(template)).toBeNull();
    expect(constantOf(templateOf('x')!)).toBe('x');
    expect([...templatesIn([{ value: template }, 'x', null, { deep: { value: template } }])]).toHaveLength(2);
  });
});

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the templates of the configuration
describe('request targets', () => {
  it.each([
    ['/a?b=c#d', { uri: '/a', args: 'b=c', authority: null }],
    ['/a%3Fb?c', { uri: '/a?b', args: 'c', authority: null }],
    ['/a//b/./c/../d', { uri: '/a/b/d', args: '', authority: null }],
    ['http://h:1/x?y', { uri: '/x', args: 'y', authority: 'h:1' }],
    ['http://h?y', { uri: '/', args: 'y', authority: 'h' }],
    ['/%C3%BC', { uri: '/ü', args: '', authority: null }],
    ['/..', null],
    ['/a/../..', null],
    ['/%2e%2E', null],
    ['/a%2f..%2f..%2fb', null],
    ['/%00', null],
    ['/%g1', null],
    ['*', null],
    ['', null],
  ])('%s', (text, expected) => {
    expect(parseTarget(text, true)).toEqual(expected);
  });

  it('keeps slashes where they are not merged', () => {
    expect(parseTarget('/a//b', false)?.uri).toBe('/a//b');
    expect(normalizePath('/a/b/.', true)).toBe('/a/b/');
  });

  it('never leaves the root, whatever is thrown at it', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    const pieces = ['/', '.', '..', '%2e', '%2f', '%5c', '\\', 'a', '%00', '//', '%', '?', '#', '%252e'];
    for (let i = 0; i < 20_000; i++) {
      const text = `/${Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join('')}`;
      const target = parseTarget(text, true);
      if (target === null) continue;
      expect(target.uri.startsWith('/')).toBe(true);
      expect(target.uri.split('/')).not.toContain('..');
      expect(target.uri).not.toContain('\0');
    }
  });

  it.each([
    ['a=1&b=2', 'b', '2'],
    ['A=1', 'a', '1'],
    ['a=1&a=2', 'a', '1'],
    ['a=b=c', 'a', 'b=c'],
    ['a', 'a', undefined],
    ['', 'a', undefined],
    ['xa=1', 'a', undefined],
  ])('finds in %s the argument %s', (args, name, expected) => {
    expect(argument(args, name)).toBe(expected);
  });

  it('decodes, escapes and hides', () => {
    expect(percentDecode('%41%zz')).toBeNull();
    expect(escapePath('/ü a?b#c%')).toBe('/%C3%BC%20a%3Fb%23c%25');
    expect(['/.a', '/a/.b', '/.well-known/x', '/.well-knownx', '/a.b'].map(isHidden)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });
});
