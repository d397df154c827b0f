import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { escapeName, numberedPath, recordingPath } from '../../../src/modules/record/names.ts';
import { strftime } from '../../../src/modules/record/strftime.ts';
import { selectionOf } from '../../../src/modules/record/table.ts';
import { run } from '../../ffmpeg.ts';

const zone = process.env['TZ'];

beforeAll(() => {
  process.env['TZ'] = 'Europe/Berlin';
});

afterAll(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('a recording is called', () => {
  const at = new Date('2026-03-04T05:06:07Z');
  const plain = { record_path: '/rec', record_suffix: '.flv', record_unique: false };
  test.each([
    ['cam', {}, '/rec/cam.flv'],
    ['a/b', {}, '/rec/a%2Fb.flv'],
    ['a b+c!(x)', {}, '/rec/a%20b%2Bc%21%28x%29.flv'],
    ['ü', {}, '/rec/%C3%BC.flv'],
    ['A-z_.~9', {}, '/rec/A-z_.~9.flv'],
    ['a/../b', {}, '/rec/a.flv'],
    ['..', { record_suffix: '' }, '/rec/%2E%2E'],
    ['cam', { record_unique: true }, '/rec/cam-1772600767.flv'],
    ['cam', { record_suffix: '-%Y%m%d-%H%M%S.flv' }, '/rec/cam-20260304-060607.flv'],
    ['100%d', { record_suffix: '-%d.flv' }, '/rec/100%25d-04.flv'],
    ['cam', { record_suffix: '/%Y/%j.flv' }, '/rec/cam/2026/063.flv'],
    ['cam', { record_path: '' }, '/cam.flv'],
    ['cam', { record_path: 'rec/' }, 'rec/cam.flv'],
  ])('%s with %o: %s', (name, conf, path) => {
    expect(recordingPath({ ...plain, ...conf }, name, at)).toBe(path);
  });

  test('with a number where the name is taken', () => {
    expect([0, 1, 12].map((count) => numberedPath('/rec/a.b.flv', count))).toEqual([
      ...['/rec/a.b.flv', '/rec/a.b-1.flv', '/rec/a.b-12.flv'],
    ]);
    expect(escapeName('\ud800')).toBe('%EF%BF%BD');
  });
});

test.each([
  '2026-03-04T05:06:07Z',
  '2026-07-05T22:30:00Z',
  '2024-12-30T12:00:00Z',
  '2021-01-01T00:00:00Z',
  '2020-12-31T23:30:00Z',
])('strftime says of %s what the C library says', async (moment) => {
  const pattern = [...'aAbBCdeFgGHIjklmMnprRsStTuUVwWxXyYzZcD%'].map((letter) => `%${letter}`).join('|');
  const { stdout } = await run('env', ['LC_ALL=C', 'TZ=Europe/Berlin', 'date', '-d', moment, `+${pattern}`]);
  // It writes the name of the zone as CET, where ours has the offset from Greenwich in most languages.
  const parts = (text: string): readonly string[] => text.replace(/\b(CET|CEST|GMT[+]\d)\b/, 'Z').split('|');
  expect(parts(strftime(pattern, new Date(moment)))).toEqual(parts(stdout.toString().replace(/\n$/, '')));
});

test.each([
  [[], null],
  [['off'], null],
  [['all', 'off'], null],
  [['all'], { audio: true, video: 'all', data: false, manual: false }],
  [['av', 'data'], { audio: true, video: 'all', data: true, manual: false }],
  [['audio'], { audio: true, video: 'none', data: false, manual: false }],
  [['keyframes'], { audio: false, video: 'keyframes', data: false, manual: false }],
  [['video', 'keyframes'], { audio: false, video: 'all', data: false, manual: false }],
  [['manual'], { audio: true, video: 'all', data: false, manual: true }],
  [['audio', 'manual'], { audio: true, video: 'none', data: false, manual: true }],
] as const)('record %s', (record, selection) => {
  expect(selectionOf({ record })).toEqual(selection);
});
