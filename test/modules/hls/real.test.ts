import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AUDIO, DATA, VIDEO } from '../../../src/media/packet.ts';
import { makeFlv, type ProbedPacket, readFlvTags, run, type Tag } from '../../ffmpeg.ts';
import { checkTransportStream } from '../../wire/mpegts/checker.ts';
import { checkPlaylists } from './rules.ts';
import { Studio } from './studio.ts';

let at: Studio;
let small: readonly Tag[];
let large: readonly Tag[];

beforeAll(async () => {
  small = readFlvTags(await makeFlv(7, '-g', '25', '-bf', '2', '-b:v', '1M'));
  large = readFlvTags(await makeFlv(5, '-g', '50', '-s', '640x360', '-b:v', '2M', '-ar', '48000'));
}, 60_000);

beforeEach(() => {
  at = new Studio({ hls_playlist_length: 60_000 });
});

afterEach(() => at.close());

/** Everything that ffprobe finds by way of the playlist, and what ffmpeg says when it decodes it. */
async function play(
  file: string,
): Promise<{ readonly packets: readonly ProbedPacket[]; readonly words: string }> {
  const ended = at.path(`${file}.ended.m3u8`);
  writeFileSync(ended, `${readFileSync(at.path(file), 'utf8')}#EXT-X-ENDLIST\n`);
  const from = ['-v', 'warning', '-allowed_extensions', 'ALL', '-i', ended];
  const probe = await run('ffprobe', [...from, '-show_packets', '-of', 'json']);
  const decode = await run('ffmpeg', [...from, '-f', 'null', '-']);
  const { packets } = JSON.parse(probe.stdout.toString()) as { packets: ProbedPacket[] };
  return { packets, words: probe.stderr + decode.stderr };
}

async function publish(tags: readonly Tag[], only?: number): Promise<void> {
  const publisher = await at.publish();
  for (const tag of tags) if (tag.kind !== DATA && (only ?? tag.kind) === tag.kind) publisher.tag(tag);
  publisher.stop();
  await at.service.idle();
}

function frames(tags: readonly Tag[], kind: number): readonly Tag[] {
  return tags.filter((tag) => tag.kind === kind && tag.body[1] === 1);
}

test.each([
  ['picture and sound', undefined],
  ['picture alone', VIDEO],
  ['sound alone', AUDIO],
])('%s: every frame of an encoder arrives, in time', async (_, only) => {
  at.start();
  await publish(small, only);
  const playlists = checkPlaylists(at.versions());
  expect(playlists.at(-1)!.segments.length).toBe(4);
  for (const { uri } of playlists.at(-1)!.segments) checkTransportStream(readFileSync(at.path(uri)));
  const { packets, words } = await play('s.m3u8');
  expect(words).toBe('');
  const video = packets.filter((packet) => packet.codec_type === 'video');
  const expected = only === AUDIO ? [] : frames(small, VIDEO);
  expect(video.map((packet) => Math.round((packet.dts - video[0]!.dts) / 90))).toEqual(
    expected.map((tag) => tag.time - expected[0]!.time),
  );
  const audio = packets.filter((packet) => packet.codec_type === 'audio');
  // Sound from before the first picture is not part of the first segment.
  const sounds =
    only === VIDEO
      ? []
      : frames(small, AUDIO).filter((tag) => only === AUDIO || tag.time >= expected[0]!.time);
  expect(Math.abs(audio.length - sounds.length)).toBeLessThanOrEqual(only === undefined ? 1 : 0);
});

test('a publisher of another size and rate after the first: all frames of both', async () => {
  at.start();
  await publish(small);
  await publish(large);
  const { segments } = checkPlaylists(at.versions()).at(-1)!;
  expect(segments.filter((segment) => segment.discontinuity).length).toBe(1);
  const { packets, words } = await play('s.m3u8');
  expect(words).toBe('');
  const video = packets.filter((packet) => packet.codec_type === 'video');
  expect(video.length).toBe(frames(small, VIDEO).length + frames(large, VIDEO).length);
});

test('an encrypted stream plays', async () => {
  at.start({ hls_keys: true });
  await publish(small);
  const { packets, words } = await play('s.m3u8');
  expect(words).toBe('');
  expect(packets.filter((packet) => packet.codec_type === 'video').length).toBe(frames(small, VIDEO).length);
});
