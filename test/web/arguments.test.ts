import { expect, test } from 'vitest';
import { withArguments } from '../../src/web/arguments.ts';

test.each([
  [null, '?sign=1', null],
  ['/live/a.flv', '', '/live/a.flv'],
  ['/live/a.flv', '?', '/live/a.flv'],
  ['/live/a.flv', '?expires=1&sign=a%2Bb_-', '/live/a.flv?expires=1&sign=a%2Bb_-'],
  ['/live?app=x&stream=y', '?sign=1', '/live?app=x&stream=y&sign=1'],
  // What leads to the stream is the server's to say.
  ['/live?app=x&stream=y', '?stream=z&sign=1&app=q', '/live?app=x&stream=y&sign=1'],
  ['/a.m3u8', '?flv=1&hls=2&token', '/a.m3u8?token'],
  ['/a.m3u8?', '?token=1', '/a.m3u8?token=1'],
  ['/a.m3u8', '?a=?&&b', '/a.m3u8?a=?&b'],
])('%s with %s', (address, search, expected) => {
  expect(withArguments(address, search)).toBe(expected);
});
