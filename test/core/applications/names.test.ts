import { describe, expect, test } from 'vitest';
import { checkName } from '../../../src/core/applications/names.ts';
import { maskedName } from '../../../src/core/logs/log.ts';
import { chooseByName, hostOf } from '../../../src/core/net/server-names.ts';

describe('a stream name', () => {
  test.each([
    's',
    'camera-1',
    'live/room/1',
    'a..b',
    'mp4:film',
    'über',
    '日本',
    'x'.repeat(255),
    'a b',
    'C:x',
  ])('%j can be used', (name) => {
    expect(() => checkName(name)).not.toThrow();
  });

  test.each([
    '',
    '.',
    '..',
    '/',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a/../b',
    'a/./b',
    '.hidden',
    'a/.hidden',
    'a\\b',
    'a\u0000',
    'a\nb',
    'a\u007f',
    'a\u0085b',
    'a\u2028b',
    'x'.repeat(256),
    'ü'.repeat(128),
  ])('%j is refused', (name) => {
    expect(() => checkName(name)).toThrow(expect.objectContaining({ reason: 'bad-name' }));
  });

  test('is masked in logs where it is long enough to be a key', () => {
    expect(maskedName('camera-1')).toBe('camera-1');
    expect(maskedName('a8f5f167f44f4964e6c998dee827110c')).toBe('a8f5***');
    expect(maskedName('room/a8f5f167f44f4964e6c998dee827110c')).toBe('room/a8f5***');
  });
});

describe('servers by host', () => {
  const server = (...names: string[]) => ({ names });
  const servers = [
    server('~^re[0-9]+\\.example$'),
    server('*.example'),
    server('*.deep.example'),
    server('www.*'),
    server('www.deep.*'),
    server('Exact.example'),
    server('.both.example'),
    server('~^re'),
  ];

  test.each<[string, number | undefined]>([
    ['exact.example', 5],
    ['EXACT.example.', 5],
    ['a.example', 1],
    ['a.deep.example', 2],
    ['example', undefined],
    ['www.other', 3],
    ['www.deep.other', 4],
    ['www.deep.example', 2],
    ['both.example', 6],
    ['x.both.example', 6],
    ['re1.example', 1],
    ['rest', 7],
    ['elsewhere', undefined],
  ])('%s', (host, expected) => {
    const found = chooseByName(servers, host);
    expect(found === undefined ? undefined : servers.indexOf(found)).toBe(expected);
  });

  test.each<[string, string | null]>([
    ['Host.example:80', 'host.example'],
    ['[::1]:8080', '[::1]'],
    ['[::1]', '[::1]'],
    ['host.', 'host'],
    ['a..b', null],
    ['::1', null],
    ['a b', null],
  ])('host of %j', (text, host) => {
    expect(hostOf(text)).toBe(host);
  });
});
