import { describe, expect, it } from 'vitest';
import { parseFlag, parseNumber, parseSize, parseTime } from '../../src/config/values.ts';

describe('value syntaxes', () => {
  it.each([
    ['on', true],
    ['OFF', false],
    ['On', true],
    ['true', null],
    ['1', null],
    ['yes', null],
    ['', null],
  ])('flag %j', (text, value) => {
    expect(parseFlag(text)).toBe(value);
  });

  it.each([
    ['0', 0],
    ['00012', 12],
    ['4096', 4096],
    ['-1', null],
    ['+1', null],
    ['1k', null],
    ['1.5', null],
    ['', null],
    [' 1', null],
    ['9999999999999999999', null],
  ])('number %j', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it.each([
    ['512', 512, 512],
    ['1k', 1024, 1024],
    ['8K', 8192, 8192],
    ['2m', 2 * 1024 ** 2, 2 * 1024 ** 2],
    ['2M', 2 * 1024 ** 2, 2 * 1024 ** 2],
    ['1g', null, 1024 ** 3],
    ['1G', null, 1024 ** 3],
    ['1t', null, null],
    ['k', null, null],
    ['1kb', null, null],
    ['-1', null, null],
    ['999999999999999g', null, null],
  ])('size %j', (text, value, offset) => {
    expect(parseSize(text)).toBe(value);
    expect(parseSize(text, true)).toBe(offset);
  });

  it.each([
    ['3', 3000, 3],
    ['3s', 3000, 3],
    ['500ms', 500, null],
    ['1s500ms', 1500, null],
    ['1h30m', 5_400_000, 5400],
    ['1m30', 90_000, 90],
    ['1m 30s', 90_000, 90],
    ['1d', 86_400_000, 86_400],
    ['1w', 604_800_000, 604_800],
    ['1M', null, 2_592_000],
    ['1y', null, 31_536_000],
    ['1.5s', null, null],
    ['30s1m', null, null],
    ['1s1s', null, null],
    ['1 1', null, null],
    ['s', null, null],
    ['-1', null, null],
    ['', null, null],
    ['2sec', null, null],
  ])('time %j', (text, ms, seconds) => {
    expect(parseTime(text, true)).toBe(ms);
    expect(parseTime(text, false)).toBe(seconds);
  });
});
