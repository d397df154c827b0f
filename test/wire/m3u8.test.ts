import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type MediaPlaylist,
  readMediaPlaylist,
  writeMasterPlaylist,
  writeMediaPlaylist,
} from '../../src/wire/m3u8.ts';

const segment = { uri: 's-1.ts', duration: 2000, discontinuity: false, date: null, key: null };
const plain: MediaPlaylist = {
  targetDuration: 2,
  mediaSequence: 1,
  discontinuitySequence: 0,
  type: 'live',
  independent: false,
  allowCache: null,
  ended: false,
  segments: [segment],
};

describe('media playlists', () => {
  test('every tag in its place', () => {
    const key = { uri: 'k-2.key', iv: '0000000000000000000000000000000A' };
    const text = writeMediaPlaylist({
      ...plain,
      type: 'event',
      independent: true,
      allowCache: false,
      ended: true,
      segments: [
        { ...segment, date: 0 },
        { ...segment, uri: 's-2.ts', discontinuity: true, key },
        { ...segment, uri: 's-3.ts', duration: 1499, key },
        { ...segment, uri: 's-4.ts' },
      ],
    });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-ALLOW-CACHE:NO
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00.000Z
#EXTINF:2.000,
s-1.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI="k-2.key",IV=0x0000000000000000000000000000000A
#EXTINF:2.000,
s-2.ts
#EXTINF:1.499,
s-3.ts
#EXT-X-KEY:METHOD=NONE
#EXTINF:2.000,
s-4.ts
#EXT-X-ENDLIST
`);
  });

  test('what is written is read back', () => {
    const key = fc.record({
      uri: fc.stringMatching(/^[a-z0-9-]{1,8}\.key$/),
      iv: fc.stringMatching(/^[0-9A-F]{32}$/),
    });
    fc.assert(
      fc.property(
        fc.record({
          targetDuration: fc.nat(100),
          mediaSequence: fc.nat(),
          discontinuitySequence: fc.nat(),
          type: fc.constantFrom('live', 'event'),
          independent: fc.boolean(),
          allowCache: fc.constantFrom(true, false, null),
          ended: fc.boolean(),
          segments: fc.array(
            fc.record({
              uri: fc
                .stringMatching(/^[A-Za-z0-9_ /:.-]{0,20}[a-z0-9]\.ts$/)
                .filter((uri) => uri.trim() === uri),
              duration: fc.nat(1e8),
              discontinuity: fc.boolean(),
              date: fc.option(fc.nat(2 ** 31)),
              key: fc.option(key),
            }),
          ),
        }),
        (playlist) => {
          expect(readMediaPlaylist(writeMediaPlaylist(playlist))).toEqual(playlist);
        },
      ),
      { seed: 12, numRuns: 300 },
    );
  });

  test.each([
    [
      'of the C servers',
      '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE: EVENT\n#EXTINF:2.000,\ns-1.ts\n',
      { mediaSequence: 5, type: 'event' },
    ],
    [
      'with CR LF and a title',
      '#EXTM3U\r\n#EXT-X-TARGETDURATION:2\r\n# comment\r\n#EXTINF:2,a title\r\ns-1.ts\r\n',
      { mediaSequence: 0 },
    ],
  ])('%s', (_, text, facts) => {
    expect(readMediaPlaylist(text)).toEqual({ ...plain, ...facts });
  });

  test.each([
    '',
    'x',
    '#EXTM3U\n',
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\ns.ts\n',
    '#EXTM3U\n#EXT-X-TARGETDURATION:two\n',
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:-1\n',
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DISCONTINUITY-SEQUENCE:9999999999999999\n',
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:-1,\ns.ts\n',
  ])('none in %j', (text) => {
    expect(readMediaPlaylist(text)).toBeNull();
  });
});

test('master playlists', () => {
  const attributes = [
    ['BANDWIDTH', '1'],
    ['CODECS', '"a,b"'],
  ] as const;
  expect(writeMasterPlaylist([{ uri: 'a.m3u8', attributes }], false)).toBe(
    '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="a,b"\na.m3u8\n',
  );
});
