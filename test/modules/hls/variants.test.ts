import { createDecipheriv } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Word } from '../../../src/config/statement.ts';
import type { ReadContext } from '../../../src/config/table.ts';
import { readVariant, type Variant, variantOf } from '../../../src/modules/hls/variant.ts';
import { checkTransportStream } from '../../wire/mpegts/checker.ts';
import { checkPlaylists } from './rules.ts';
import { type Publisher, Studio } from './studio.ts';

let at: Studio;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  at = new Studio();
});

afterEach(async () => {
  await at.close();
  vi.useRealTimers();
});

async function run(publishers: readonly Publisher[], ms: number): Promise<void> {
  for (let done = 0; done < ms; done += 1000) {
    for (const publisher of publishers) publisher.run({ ms: 1000 }, () => undefined);
    vi.advanceTimersByTime(1000);
    await at.service.idle();
  }
}

const warnings: string[] = [];

function variant(...words: readonly string[]): Variant {
  const context = {
    name: 'hls_variant',
    warn: (message: string) => void warnings.push(message),
  } as unknown as ReadContext;
  return readVariant(
    words.map((value) => ({ value }) as Word),
    context,
  );
}

describe('hls_variant', () => {
  test.each([
    [['_hi', 'BANDWIDTH=640000'], '_hi', 'BANDWIDTH=640000'],
    [['_720', 'BANDWIDTH=2628000,RESOLUTION=1280x720'], '_720', 'BANDWIDTH=2628000,RESOLUTION=1280x720'],
    [
      ['_a', 'BANDWIDTH=1', 'CODECS="avc1.64001f,mp4a.40.2"'],
      '_a',
      'BANDWIDTH=1,CODECS="avc1.64001f,mp4a.40.2"',
    ],
    [['_a', 'CODECS=avc1.64001f,mp4a.40.2,BANDWIDTH=1'], '_a', 'CODECS="avc1.64001f,mp4a.40.2",BANDWIDTH=1'],
    [['_a', 'bandwidth=1,', ' AUDIO=x'], '_a', 'BANDWIDTH=1,AUDIO="x"'],
    [['_a', 'CLOSED-CAPTIONS=NONE'], '_a', 'CLOSED-CAPTIONS=NONE'],
    [['_a'], '_a', ''],
  ])('%j', (words, suffix, attributes) => {
    const read = variant(...words);
    expect(read.suffix).toBe(suffix);
    expect(read.attributes.map(([name, value]) => `${name}=${value}`).join(',')).toBe(attributes);
  });

  test('words that are no attributes are told', () => {
    warnings.length = 0;
    expect(variant('_a', 'fast', 'BANDWIDTH=1').attributes.length).toBe(1);
    expect(warnings.length).toBe(1);
  });

  test.each([
    ['s_hi', 's', '_hi'],
    ['a/s_low', 'a/s', '_low'],
    ['_hi', null, null],
    ['a/_hi', null, null],
    ['s', null, null],
  ])('%s', (name, base, suffix) => {
    const found = variantOf(name, [variant('_hi'), variant('_low')]);
    expect(found === null ? [null, null] : [found.base, found.variant.suffix]).toEqual([base, suffix]);
  });
});

describe('master playlists', () => {
  const variants = [variant('_hi', 'BANDWIDTH=3000000,RESOLUTION=1920x1080'), variant('_low')];

  test('appear when every rendition has a segment, with measured facts where none are written', async () => {
    at.start({ hls_variant: variants });
    const hi = await at.publish('s_hi');
    await run([hi], 3000);
    expect(at.versions('s.m3u8')).toEqual([]);
    const low = await at.publish('s_low');
    await run([hi, low], 10_000);
    expect(at.versions('s.m3u8')).toEqual([
      `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1920x1080,CODECS="avc1.640028,mp4a.40.2"
s_hi.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=1920x1080,CODECS="avc1.640028,mp4a.40.2"
s_low.m3u8
`,
    ]);
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).toBe(at.versions('s.m3u8')[0]);
    checkPlaylists(at.versions('s_hi.m3u8'));
    checkPlaylists(at.versions('s_low.m3u8'));
  });

  test('a rendition that does not come is not waited for longer than three segments', async () => {
    at.start({ hls_variant: variants, hls_nested: true, hls_base_url: 'http://cdn/' });
    const low = await at.publish('a/s_low');
    await run([low], 7000);
    const [text, ...others] = at.versions('a/s.m3u8');
    expect(others).toEqual([]);
    expect(text!.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      'http://cdn/a/s_low/index.m3u8',
      '',
    ]);
  });

  test('do not take the place of a stream of that name', async () => {
    at.start({ hls_variant: variants });
    const both = [await at.publish('s'), await at.publish('s_low')];
    await run(both, 9000);
    checkPlaylists(at.versions('s.m3u8'));
  });
});

describe('hls_keys', () => {
  function decrypt(key: Buffer, iv: string, body: Buffer): Buffer {
    const cipher = createDecipheriv('aes-128-cbc', key, Buffer.from(iv, 'hex'));
    return Buffer.concat([cipher.update(body), cipher.final()]);
  }

  test.each([
    ['one key per publisher', {}, [1, 1, 1, 1, 2, 2, 2]],
    ['a key for two segments', { hls_fragments_per_key: 2, hls_nested: true }, [1, 1, 2, 2, 3, 3, 4]],
    ['elsewhere', { hls_key_path: 'keys', hls_key_url: 'https://k/' }, [1, 1, 1, 1, 2, 2, 2]],
  ] as const)('%s', async (_, settings, pattern) => {
    at.start({ hls_keys: true, hls_playlist_length: 60_000, ...settings });
    const first = await at.publish();
    await run([first], 7000);
    first.stop();
    const second = await at.publish();
    await run([second], 5000);
    second.stop();
    await at.service.idle();
    const nested = 'hls_nested' in settings;
    const { segments } = checkPlaylists(at.versions(nested ? 's/index.m3u8' : 's.m3u8')).at(-1)!;
    expect(new Set(segments.map((segment) => segment.key!.iv)).size).toBe(segments.length);
    const uris = [...new Set(segments.map((segment) => segment.key!.uri))];
    expect(segments.map((segment) => uris.indexOf(segment.key!.uri) + 1)).toEqual(pattern);
    for (const { uri, key } of segments) {
      const url = 'hls_key_url' in settings;
      if (url) expect(key!.uri).toMatch(/^https:\/\/k\/s-\d+\.key$/);
      const keyFile = url ? `keys/${key!.uri.slice(10)}` : nested ? `s/${key!.uri}` : key!.uri;
      const bytes = readFileSync(at.path(keyFile));
      expect(statSync(at.path(keyFile)).mode & 0o077).toBe(0);
      expect(at.files.get(at.path(keyFile))!.body.equals(bytes)).toBe(true);
      checkTransportStream(decrypt(bytes, key!.iv, readFileSync(at.path(nested ? `s/${uri}` : uri))));
    }
  });
});
