import { expect, test } from 'vitest';
import type { Block } from '../../../src/config/block.ts';
import { streamsOf } from '../../../src/modules/sign/names.ts';
import { withArguments } from '../../../src/modules/sign/playlist.ts';

const application = (settings: Readonly<Record<string, unknown>>): Block =>
  ({ key: 'live', settings }) as unknown as Block;
const VARIANTS = [{ suffix: '_720p' }, { suffix: '_360p' }];
const FLAT = application({ hls_nested: false, hls_variant: VARIANTS });
const NESTED = application({ hls_nested: true, hls_nested_index_filename: 'index', hls_variant: VARIANTS });

test.each<readonly [string, readonly string[]]>([
  ['cam.m3u8', ['cam']],
  ['cam-12.ts', ['cam']],
  ['cam-12.key', ['cam']],
  ['cam-1.m3u8', ['cam-1']],
  ['cam-1-12.ts', ['cam-1']],
  ['site/cam.m3u8', ['site/cam']],
  ['site/cam-12.ts', ['site/cam']],
  ['cam_720p.m3u8', ['cam_720p', 'cam']],
  ['cam_720p-3.ts', ['cam_720p', 'cam']],
  ['_720p.m3u8', ['_720p']],
  ['cam.mpd', ['cam']],
  ['cam-init.mp4', ['cam']],
  ['cam.ts', []],
  ['cam-x.ts', []],
  ['cam', []],
  ['.m3u8', []],
  ['-12.ts', []],
  ['', []],
])('%s belongs to %j', (path, streams) => {
  expect(streamsOf(path, FLAT)).toEqual(streams);
});

test.each<readonly [string, readonly string[]]>([
  ['cam/index.m3u8', ['cam']],
  ['cam/12.ts', ['cam']],
  ['cam/12.key', ['cam']],
  ['site/cam/12.ts', ['site/cam']],
  ['site/cam/index.m3u8', ['site/cam']],
  ['cam_720p/index.m3u8', ['cam_720p', 'cam']],
  ['cam.m3u8', ['cam']],
  ['site/cam.m3u8', ['site/cam']],
  ['index.m3u8', ['index']],
  ['12.ts', []],
  ['cam/', []],
  ['cam/index.html', []],
])('nested, %s belongs to %j', (path, streams) => {
  expect(streamsOf(path, NESTED)).toEqual(streams);
});

test('every URI of a playlist gets the arguments', () => {
  const playlist = [
    '#EXTM3U',
    '#EXT-X-KEY:METHOD=AES-128,URI="cam-1.key",IV=0x01',
    '#EXT-X-MAP:URI="init.mp4?v=1"',
    '#EXT-X-SESSION-KEY:URI="data:text/plain,x"',
    '#EXTINF:2.000,a title with URI=x',
    'cam-1.ts',
    '#EXT-X-DISCONTINUITY\r',
    'https://cdn.example/cam-2.ts?a=b#part\r',
    '',
  ].join('\n');
  expect(withArguments(playlist, 'e=1&s=x').split('\n')).toEqual([
    '#EXTM3U',
    '#EXT-X-KEY:METHOD=AES-128,URI="cam-1.key?e=1&s=x",IV=0x01',
    '#EXT-X-MAP:URI="init.mp4?v=1&e=1&s=x"',
    '#EXT-X-SESSION-KEY:URI="data:text/plain,x"',
    '#EXTINF:2.000,a title with URI=x',
    'cam-1.ts?e=1&s=x',
    '#EXT-X-DISCONTINUITY\r',
    'https://cdn.example/cam-2.ts?a=b&e=1&s=x#part\r',
    '',
  ]);
});
