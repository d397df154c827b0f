import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readMediaPlaylist } from '../../../src/wire/m3u8.ts';
import { checkTransportStream, readTransportStream } from '../../wire/mpegts/checker.ts';
import { checkPlaylist, checkPlaylists } from './rules.ts';
import { disk, OTHER_RECORD, type Publisher, type Run, Studio } from './studio.ts';

const START = Date.UTC(2030, 0, 2, 3, 4, 5);
const fullDisk = { ...disk, write: () => Promise.reject(new Error('ENOSPC: no space left on device')) };
let studios: Studio[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'], now: START });
});

afterEach(async () => {
  for (const studio of studios) await studio.close();
  studios = [];
  vi.useRealTimers();
});

function studio(...args: ConstructorParameters<typeof Studio>): Studio {
  const made = new Studio(...args);
  studios.push(made);
  return made;
}

/** Media, and the disk given time to keep up with them. */
async function run(at: Studio, publisher: Publisher, wanted: Run): Promise<void> {
  publisher.run({ ...wanted, ms: Math.min(wanted.ms, 400) }, (ms) => vi.advanceTimersByTime(ms));
  await at.service.idle();
  if (wanted.ms > 400) {
    publisher.run({ ...wanted, ms: wanted.ms - 400 }, (ms) => vi.advanceTimersByTime(ms));
  }
  await at.service.idle();
}

/** A playlist with its sequence number taken to 0, since it begins with the clock. */
function normalised(text: string, first: number): string {
  return text
    .replace(/(?<=MEDIA-SEQUENCE:)\d+/, (number) => String(Number(number) - first))
    .replace(/(?<=^(?:.*-)?)\d+(?=\.ts$)/gm, (number) => String(Number(number) - first));
}

const FIRST = Math.floor(START / 1000);

describe('a live stream', () => {
  test('the playlist of the first three segments', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 6500 });
    expect(normalised(at.versions().at(-1)!, FIRST)).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-PROGRAM-DATE-TIME:2030-01-02T03:04:05.000Z
#EXTINF:2.000,
s-0.ts
#EXT-X-PROGRAM-DATE-TIME:2030-01-02T03:04:07.000Z
#EXTINF:2.000,
s-1.ts
#EXT-X-PROGRAM-DATE-TIME:2030-01-02T03:04:09.000Z
#EXTINF:2.000,
s-2.ts
`);
  });

  test('the list slides, files in memory and on disk are the same, and those that left are only on disk', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    for (let i = 0; i < 10; i += 1) await run(at, publisher, { ms: 4000 });
    const playlists = checkPlaylists(at.versions());
    const last = playlists.at(-1)!;
    expect(last.segments.length).toBe(6);
    expect(last.mediaSequence).toBe(FIRST + 13);
    for (const { uri } of last.segments) {
      const file = at.files.get(at.path(uri))!;
      expect(file.type).toBe('video/mp2t');
      expect(readFileSync(at.path(uri)).equals(file.body)).toBe(true);
    }
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).toBe(at.versions().at(-1));
    expect(at.files.count).toBe(7);
    expect(readdirSync(at.directory).length).toBe(20);
    const all = Array.from({ length: 19 }, (_, i) => readFileSync(at.path(`s-${FIRST + i}.ts`)));
    checkTransportStream(Buffer.concat(all));
    for (const bytes of all) {
      const { pes } = checkTransportStream(bytes);
      expect(pes[0]!.payload.subarray(0, 12).toString('hex')).toMatch(/^0000000109f00000000167/);
    }
  });

  test.each([
    [
      'hls_fragment 5s, key frames every 2 s',
      { hls_fragment: 5000, hls_playlist_length: 30_000 },
      2000,
      40,
      6,
      5,
    ],
    [
      'hls_fragment 5s, key frames every 5 s',
      { hls_fragment: 5000, hls_playlist_length: 30_000 },
      5000,
      40,
      5,
      6,
    ],
    ['hls_fragment 2s, key frames every 2.002 s', { hls_fragment: 2000 }, 2002, 26, 2, 5],
    ['hls_fragment 2s, key frames every 1.992 s', { hls_fragment: 2000 }, 1992, 24, 2, 6],
    ['hls_fragment 2s, key frames every 10 s', { hls_fragment: 2000 }, 10_000, 40, 10, 3],
    ['hls_fragment 500ms, key frames every 500 ms', { hls_fragment: 500 }, 500, 20, 1, 24],
    ['a playlist shorter than three segments', { hls_playlist_length: 2000 }, 2000, 40, 2, 3],
  ] as const)('%s', async (_, settings, gop, frame, target, listed) => {
    const at = studio(settings);
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 80_000, gop, frame });
    const playlists = checkPlaylists(at.versions());
    expect(playlists[0]!.targetDuration).toBe(target);
    expect(playlists.at(-1)!.segments.length).toBe(listed);
  });

  test('a longer segment raises the target duration, and nothing lowers it again', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 8000 });
    await run(at, publisher, { ms: 6000, gop: 6000 });
    await run(at, publisher, { ms: 30_000 });
    const targets = checkPlaylists(at.versions(), { targetMayGrow: true }).map((p) => p.targetDuration);
    expect([...new Set(targets)]).toEqual([2, 6]);
  });

  test.each([
    ['sound alone', { video: false }, ['audio']],
    ['MP3 alone', { video: false, audio: 'mp3' }, ['audio']],
    ['pictures alone', { audio: false }, ['video']],
    ['MP3 and pictures', { audio: 'mp3' }, ['video', 'audio']],
  ] as const)('%s', async (_, wanted, tracks) => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    for (let i = 0; i < 5; i += 1) await run(at, publisher, { ms: 4000, ...wanted });
    const playlists = checkPlaylists(at.versions());
    expect(playlists.at(-1)!.targetDuration).toBe(2);
    expect(playlists.at(-1)!.segments.some((segment) => segment.discontinuity)).toBe(false);
    expect(playlists.at(-1)!.mediaSequence + playlists.at(-1)!.segments.length).toBeGreaterThan(FIRST + 8);
    for (const { uri } of playlists.at(-1)!.segments) {
      const { streams } = checkTransportStream(at.files.get(at.path(uri))!.body);
      expect([...streams.keys()].map((pid) => (pid === 0x100 ? 'video' : 'audio'))).toEqual(tracks);
    }
  });

  test('event: every segment stays, and the list ends when the publisher stays away', async () => {
    const at = studio({ hls_type: 'event' });
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 40_000 });
    publisher.stop();
    await vi.advanceTimersByTimeAsync(100_000);
    await at.service.idle();
    const versions = at.versions();
    const playlists = checkPlaylists(versions);
    expect(playlists.at(-1)!.segments.length).toBe(20);
    expect(playlists.map((p) => p.ended).lastIndexOf(false)).toBe(playlists.length - 2);
    expect(versions.at(-1)).toContain('#EXT-X-PLAYLIST-TYPE:EVENT\n');
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).toBe(versions.at(-1));
  });

  test.each([
    ['of a long list the newest 15 s are in memory', disk, 8],
    ['of a long list all is in memory that the disk does not take', fullDisk, 20],
  ])('%s', async (_, access, newest) => {
    const at = studio({ hls_playlist_length: 60_000 });
    at.start({}, access);
    const publisher = await at.publish();
    await run(at, publisher, { ms: 40_000 });
    await run(at, publisher, { ms: 2000 });
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    expect(segments.length).toBe(20);
    segments.forEach(({ uri }, index) => {
      const inMemory = at.files.get(at.path(uri)) !== undefined;
      expect(inMemory).toBe(index >= 20 - newest);
      if (!inMemory) checkTransportStream(readFileSync(at.path(uri)));
    });
  });

  test('a live list never ends, and leaves the memory when the publisher stays away', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 10_000 });
    publisher.stop();
    await at.service.idle();
    expect(at.files.count).toBe(6);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(at.files.count).toBe(0);
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).not.toContain('ENDLIST');
  });

  test('dates follow the stream without drift, and can be left out', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 9000, instant: true });
    const [first, second] = checkPlaylist(at.versions().at(-1)!).segments;
    expect(second!.date! - first!.date!).toBe(2000);
    at.reload({ hls_datetime: 'none' });
    await run(at, publisher, { ms: 2000 });
    expect(at.versions().at(-1)).toMatch(/DATE-TIME:[^\n]+\n#EXTINF:2.000,\n[^\n]+\n#EXTINF/);
  });

  test('dates catch up after a publisher was away, and not with a hold-up that is made up for', async () => {
    const at = studio();
    Object.assign(at.live, { publish_gap: 15_000 });
    at.start();
    const before = await at.publish();
    await run(at, before, { ms: 7000 });
    before.stop();
    await vi.advanceTimersByTimeAsync(6000);
    const publisher = await at.publish();
    await run(at, publisher, { ms: 8000 });
    const listed = () => readMediaPlaylist(at.versions().at(-1)!)!.segments;
    const age = () => Date.now() - listed().at(-1)!.date! - listed().at(-1)!.duration;
    expect(age()).toBeLessThan(2500);
    expect(listed().some(({ discontinuity }) => discontinuity)).toBe(false);
    const steps = () =>
      listed().flatMap(({ date }, i, all) =>
        i === 0 ? [] : [date! - all[i - 1]!.date! - all[i - 1]!.duration],
      );
    expect(steps().filter((step) => step !== 0)).toEqual([expect.closeTo(6000, -3)]);
    await vi.advanceTimersByTimeAsync(3000);
    await run(at, publisher, { ms: 3000, instant: true });
    await run(at, publisher, { ms: 9000 });
    expect(steps()).toEqual(steps().map(() => 0));
    expect(age()).toBeLessThan(2500);
  });
});

describe('cutting', () => {
  test('aligned segments begin where the time passes a multiple', async () => {
    const at = studio({
      hls_fragment: 4000,
      hls_fragment_slicing: 'aligned',
      hls_fragment_naming: 'timestamp',
    });
    at.start();
    const publisher = await at.publish();
    publisher.time = 1000;
    await run(at, publisher, { ms: 40_000, gop: 1000 });
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    for (const { uri } of segments) expect((Number(/\d+/.exec(uri)![0]) / 90) % 4000).toBe(0);
  });

  test('without key frames a segment ends at hls_max_fragment, and is not called independent', async () => {
    const at = studio({ hls_max_fragment: 6000 });
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 20_000, gop: 100_000 });
    const versions = at.versions();
    const { segments } = checkPlaylists(versions, { targetMayGrow: true }).at(-1)!;
    expect(segments.map((segment) => segment.duration)).toEqual([6040, 6040, 6040]);
    expect(segments.some((segment) => segment.discontinuity)).toBe(false);
    expect(versions.map((text) => text.includes('INDEPENDENT'))).toEqual([true, false, false]);
  });

  test('other parameters begin a segment at the next key frame, with a discontinuity', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 5000 });
    publisher.videoHeader();
    publisher.videoHeader(OTHER_RECORD);
    await run(at, publisher, { ms: 8000 });
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    expect(segments.map((segment) => segment.discontinuity)).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(segments[2]!.duration).toBe(1000);
    const bytes = at.files.get(at.path(segments[3]!.uri))!.body;
    expect(bytes.includes(OTHER_RECORD.subarray(8, 20))).toBe(true);
  });

  test('a track that comes late or goes makes a discontinuity, and the tables follow', async () => {
    const at = studio({ hls_playlist_length: 120_000 });
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 6000, audio: false });
    await run(at, publisher, { ms: 12_000 });
    await run(at, publisher, { ms: 16_000, video: false });
    await run(at, publisher, { ms: 8000 });
    const { segments } = checkPlaylists(at.versions(), { targetMayGrow: true }).at(-1)!;
    const kinds = segments.map(({ uri, discontinuity }) => {
      const { streams } = readTransportStream(readFileSync(at.path(uri)));
      return `${discontinuity ? '!' : ''}${[...streams.keys()].map((pid) => (pid === 0x100 ? 'v' : 'a')).join('')}`;
    });
    const changes = kinds.filter((kind, i) => kind !== kinds[i - 1]?.replace('!', ''));
    expect(changes.map((kind) => kind.replace('!', ''))).toEqual(['v', 'va', 'a', 'va']);
    expect(kinds.filter((kind) => kind.startsWith('!'))).toEqual(['!va', '!a', '!va']);
  });

  test('a hole in time ends the segment before it', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 5000 });
    publisher.time += 9000;
    vi.advanceTimersByTime(9000);
    await run(at, publisher, { ms: 7000 });
    const playlists = checkPlaylists(at.versions());
    const { segments } = playlists.at(-1)!;
    expect(segments.map((s) => s.duration)).toEqual([2000, 2000, 1000, 2000, 2000]);
    expect(segments.map((s) => s.discontinuity)).toEqual([false, false, false, true, false]);
    expect(segments[3]!.date! - segments[2]!.date!).toBeGreaterThan(9000);
  });

  test('a slide show of one picture in ten seconds is no row of holes', async () => {
    const at = studio({ hls_fragment: 5000, hls_playlist_length: 60_000 });
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 150_000, frame: 10_000, gop: 10_000, audio: false });
    const { segments, targetDuration } = checkPlaylists(at.versions(), { targetMayGrow: true }).at(-1)!;
    expect(targetDuration).toBe(10);
    expect(segments.some((segment) => segment.discontinuity)).toBe(false);
  });

  test('media that begin without a key frame wait for one', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    publisher.videoHeader();
    publisher.audioHeader();
    for (let i = 0; i < 25; i += 1) {
      publisher.picture(false);
      publisher.sound();
      publisher.time += 40;
    }
    await run(at, publisher, { ms: 5000 });
    expect(
      checkPlaylists(at.versions())
        .at(-1)!
        .segments.map((s) => s.duration),
    ).toEqual([2000, 2000]);
  });

  test('codecs that do not fit are told once, and make no segments or no sound', async () => {
    const at = studio();
    at.start();
    const hevc = await at.publish('h');
    for (let i = 0; i < 50; i += 1) {
      hevc.publication.push(
        9,
        i * 40,
        Buffer.from([0x90 | (i === 0 ? 0 : 1), 0x68, 0x76, 0x63, 0x31, 0, 0, 0, 1]),
        0,
      );
      hevc.publication.push(8, i * 40, Buffer.from([0xaf, i === 0 ? 0 : 1, 0x12, 0x10]), 0);
    }
    hevc.stop();
    const opus = await at.publish('o');
    for (let i = 0; i < 300; i += 1) {
      opus.publication.push(8, opus.time, Buffer.from([0x91, 0x4f, 0x70, 0x75, 0x73, 1, 2]), 0);
      opus.run({ ms: 40, audio: false }, (ms) => vi.advanceTimersByTime(ms));
    }
    await at.service.idle();
    expect(at.versions('h.m3u8')).toEqual([]);
    const { segments } = checkPlaylists(at.versions('o.m3u8')).at(-1)!;
    expect(segments.some((segment) => segment.discontinuity)).toBe(false);
    const told = at.lines.filter((line) => line['issue'] === 'codec-not-for-hls');
    expect(told.map((line) => [line['stream'], line['codec']])).toEqual([
      ['h', 'hvc1'],
      ['o', 'opus'],
    ]);
  });
});

describe('numbers over a stream’s whole life', () => {
  test('a new publisher goes on, with one discontinuity that is counted when it leaves', async () => {
    const at = studio();
    at.start();
    const first = await at.publish();
    await run(at, first, { ms: 9000 });
    first.stop();
    vi.advanceTimersByTime(3000);
    const second = await at.publish();
    await run(at, second, { ms: 30_000 });
    const playlists = checkPlaylists(at.versions());
    const tags = playlists.map((p) => p.segments.filter((s) => s.discontinuity).length);
    expect(Math.max(...tags)).toBe(1);
    expect(tags.at(-1)).toBe(0);
    expect(playlists.at(-1)!.discontinuitySequence).toBe(1);
    // While it is the oldest of the list it is not yet counted.
    const oldest = playlists.find((p) => p.segments[0]!.discontinuity)!;
    expect(oldest.discontinuitySequence).toBe(0);
  });

  test('a list that everybody has played to its end begins anew, with numbers that go on', async () => {
    const at = studio();
    at.start();
    const first = await at.publish();
    await run(at, first, { ms: 8000, gop: 4000 });
    first.stop();
    await vi.advanceTimersByTimeAsync(20_000);
    const second = await at.publish();
    await run(at, second, { ms: 8000 });
    const playlists = checkPlaylists(at.versions(), { newTarget: true });
    expect(playlists.map((p) => [p.mediaSequence - FIRST, p.segments.length, p.targetDuration])).toEqual([
      [0, 1, 4],
      [0, 2, 4],
      [2, 1, 2],
      [2, 2, 2],
      [2, 3, 2],
    ]);
    expect(playlists.at(-1)!.segments[0]!.discontinuity).toBe(true);
  });

  test('across a restart of the server', async () => {
    const at = studio();
    at.start();
    const first = await at.publish();
    await run(at, first, { ms: 30_000 });
    first.stop();
    const before = at.versions();
    await at.restart();
    vi.advanceTimersByTime(2000);
    const second = await at.publish();
    await run(at, second, { ms: 30_000 });
    const playlists = checkPlaylists([...before, ...at.versions()]);
    expect(playlists.at(-1)!.discontinuitySequence).toBe(1);
  });

  test('across a restart with hls_continuous off: an empty list, and numbers that go on', async () => {
    const at = studio({ hls_continuous: false });
    at.start();
    const first = await at.publish();
    await run(at, first, { ms: 10_000 });
    first.stop();
    const before = at.versions();
    await at.restart();
    const second = await at.publish();
    await run(at, second, { ms: 10_000 });
    const playlists = checkPlaylists([...before, ...at.versions()], { newTarget: true });
    expect(playlists[before.length]!.segments.length).toBe(1);
    expect(playlists[before.length]!.segments[0]!.discontinuity).toBe(true);
  });

  test('a restart after every file was lost goes on above by the clock', async () => {
    const at = studio();
    at.start();
    const first = await at.publish();
    await run(at, first, { ms: 30_000 });
    const last = checkPlaylist(at.versions().at(-1)!);
    first.stop();
    at.stop();
    const other = studio();
    other.start();
    const second = await other.publish();
    await run(other, second, { ms: 10_000 });
    expect(checkPlaylist(other.versions()[0]!).mediaSequence).toBeGreaterThan(
      last.mediaSequence + last.segments.length,
    );
  });

  test('a list of the C servers is taken over; entries without a file are not', async () => {
    const at = studio();
    const { mkdirSync, writeFileSync } = await import('node:fs');
    mkdirSync(at.path('s'), { recursive: true });
    for (const id of [512, 513, 515]) writeFileSync(at.path(`s-${id}.ts`), Buffer.alloc(188, 0x47));
    writeFileSync(
      at.path('s.m3u8'),
      '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:512\n#EXT-X-TARGETDURATION:3\n#EXT-X-DISCONTINUITY\n' +
        [512, 513, 514, 515].map((id) => `#EXTINF:2.520,\ns-${id}.ts\n`).join(''),
    );
    vi.setSystemTime(Date.now() + 0);
    const { utimesSync } = await import('node:fs');
    utimesSync(at.path('s.m3u8'), new Date(), new Date());
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 4500 });
    const { segments, ...playlist } = checkPlaylist(at.versions().at(-1)!);
    expect(playlist).toMatchObject({ mediaSequence: 515, discontinuitySequence: 1, targetDuration: 3 });
    expect(segments.map((s) => [s.uri, s.discontinuity])).toEqual([
      ['s-515.ts', false],
      ['s-516.ts', true],
      ['s-517.ts', false],
    ]);
  });

  test('a file in the playlist’s place that is none does no harm', async () => {
    const { writeFileSync } = await import('node:fs');
    for (const text of [
      '',
      'hello',
      '#EXTM3U\n',
      '#EXTM3U\n#EXT-X-TARGETDURATION:x\n',
      '#EXTM3U\ns-1.ts\n',
    ]) {
      const at = studio();
      writeFileSync(at.path('s.m3u8'), text);
      at.start();
      const publisher = await at.publish();
      await run(at, publisher, { ms: 4500 });
      checkPlaylists(at.versions());
    }
  });
});

describe('names', () => {
  test.each([
    ['flat', {}, 's', 's.m3u8', /^s-\d+\.ts$/, 's-'],
    ['nested', { hls_nested: true }, 's', 's/index.m3u8', /^\d+\.ts$/, 's/'],
    [
      'nested, own index name',
      { hls_nested: true, hls_nested_index_filename: 'live' },
      's',
      's/live.m3u8',
      /^\d+\.ts$/,
      's/',
    ],
    [
      'flat, base URL',
      { hls_base_url: 'http://cdn/x/' },
      's',
      's.m3u8',
      /^http:\/\/cdn\/x\/s-\d+\.ts$/,
      's-',
    ],
    [
      'nested, base URL',
      { hls_base_url: '/x/', hls_nested: true },
      's',
      's/index.m3u8',
      /^\/x\/s\/\d+\.ts$/,
      's/',
    ],
    ['flat, name with slashes', {}, 'a/b c/s', 'a/b c/s.m3u8', /^s-\d+\.ts$/, 'a/b c/s-'],
    ['nested, name with slashes', { hls_nested: true }, 'a/s', 'a/s/index.m3u8', /^\d+\.ts$/, 'a/s/'],
  ] as const)('%s', async (_, settings, name, playlist, uri, stem) => {
    const at = studio(settings);
    at.start();
    const publisher = await at.publish(name);
    await run(at, publisher, { ms: 9000 });
    publisher.stop();
    await at.service.idle();
    const before = at.versions(playlist);
    const { segments } = checkPlaylists(before).at(-1)!;
    for (const segment of segments) {
      expect(segment.uri).toMatch(uri);
      const file = at.path(`${stem}${/(\d+)\.ts$/.exec(segment.uri)![1]}.ts`);
      expect(existsSync(file)).toBe(true);
      expect(at.files.get(file)).toBeDefined();
    }
    await at.restart();
    const again = await at.publish(name);
    await run(at, again, { ms: 3000 });
    checkPlaylists([...before, ...at.versions(playlist)]);
  });

  test.each([
    ['sequential', 0, [0, 1, 2]],
    ['timestamp', 0, [0, 180_000, 360_000]],
    ['system', 0, [START, START + 2000, START + 4000]],
    ['timestamp', 50_000, [0, 150_000, 350_000]],
    ['sequential', 1_000_000_000_000, [0, 1_000_000_000_000, 2_000_000_000_000]],
  ] as const)('%s with granularity %i', async (naming, granularity, ids) => {
    const at = studio({ hls_fragment_naming: naming, hls_fragment_naming_granularity: granularity });
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 6500 });
    const { segments, mediaSequence } = checkPlaylists(at.versions()).at(-1)!;
    const base = naming === 'sequential' && granularity === 0 ? mediaSequence : 0;
    expect(segments.map((segment) => Number(/(\d+)\.ts/.exec(segment.uri)![1]) - base)).toEqual(ids);
  });

  test('a number that is in use is not given again', async () => {
    const at = studio({ hls_fragment_naming: 'timestamp' });
    at.start();
    for (let i = 0; i < 3; i += 1) {
      const publisher = await at.publish();
      await run(at, publisher, { ms: 3000 });
      publisher.stop();
    }
    await at.service.idle();
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    expect(new Set(segments.map((segment) => segment.uri)).size).toBe(segments.length);
  });
});

describe('reload', () => {
  test('lengths change from the next cut on', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 8500, gop: 1000 });
    expect(at.reload({ hls_fragment: 1000, hls_playlist_length: 8000 })).toBe('updated');
    await run(at, publisher, { ms: 20_000, gop: 1000 });
    const { segments, targetDuration } = checkPlaylists(at.versions(), { least: 6000 }).at(-1)!;
    expect(targetDuration).toBe(2);
    expect(segments.map((segment) => segment.duration)).toEqual(Array(8).fill(1000));
  });

  test('a longer fragment raises the target duration', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 8000 });
    at.reload({ hls_fragment: 4000 });
    await run(at, publisher, { ms: 16_000 });
    const playlists = checkPlaylists(at.versions(), { targetMayGrow: true });
    expect(playlists.at(-1)!.targetDuration).toBe(4);
  });

  test('another naming begins again in the same list, from the cached group of pictures', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 9000 });
    expect(at.reload({ hls_fragment_naming: 'system' })).toBe('restarted');
    await run(at, publisher, { ms: 8000 });
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    expect(segments.filter((segment) => segment.discontinuity).length).toBe(1);
    expect(segments.at(-1)!.uri.length).toBeGreaterThan(segments[0]!.uri.length);
  });

  test('turned on in mid-stream it begins with the cached group of pictures, sound included', async () => {
    const at = studio();
    const publisher = await at.publish();
    publisher.run({ ms: 5000 }, (ms) => vi.advanceTimersByTime(ms));
    at.start();
    await run(at, publisher, { ms: 1500 });
    const [segment] = checkPlaylists(at.versions()).at(-1)!.segments;
    expect(segment).toMatchObject({ duration: 2000, discontinuity: false, date: START + 4000 });
    const { streams } = checkTransportStream(at.files.get(at.path(segment!.uri))!.body);
    expect(streams.size).toBe(2);
  });

  test('turned off, files leave the memory after a while, and stay on disk', async () => {
    const at = studio();
    at.start();
    const publisher = await at.publish();
    await run(at, publisher, { ms: 9000 });
    at.stop();
    await at.service.idle();
    publisher.run({ ms: 1000 }, (ms) => vi.advanceTimersByTime(ms));
    expect(at.files.count).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(at.files.count).toBe(0);
    expect(existsSync(at.path('s.m3u8'))).toBe(true);
  });
});

test('no pattern of key frames, tracks and publishers makes a wrong playlist', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          ms: fc.integer({ min: 100, max: 9000 }),
          gop: fc.constantFrom(40, 480, 1000, 2000, 3320, 7000),
          video: fc.boolean(),
          audio: fc.boolean(),
          after: fc.constantFrom('go on', 'go on', 'go on', 'publisher', 'hole', 'header', 'server'),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      fc.constantFrom(500, 1000, 2000, 5000),
      fc.constantFrom(3000, 10_000),
      async (parts, hls_fragment, hls_playlist_length) => {
        const at = new Studio({ hls_fragment, hls_playlist_length });
        let versions: readonly string[] = [];
        try {
          at.start();
          let publisher = await at.publish();
          for (const { after, ...part } of parts) {
            await run(at, publisher, part);
            if (after === 'publisher' || after === 'server') {
              publisher.stop();
              if (after === 'server') {
                await at.service.idle();
                versions = [...versions, ...at.versions()];
                await at.restart();
              }
              publisher = await at.publish();
            } else if (after === 'hole') {
              publisher.time += 7000;
              vi.advanceTimersByTime(7000);
            } else if (after === 'header') publisher.videoHeader(OTHER_RECORD);
          }
          publisher.stop();
          await at.service.idle();
          versions = [...versions, ...at.versions()];
          if (versions.length > 0)
            checkPlaylists(versions, { targetMayGrow: true, newTarget: true, least: 3000 });
          for (const text of versions.slice(-1)) {
            for (const { uri } of checkPlaylist(text).segments) {
              checkTransportStream(readFileSync(at.path(uri)));
            }
          }
        } finally {
          await at.close();
        }
      },
    ),
    { seed: 11, numRuns: 25 },
  );
});
