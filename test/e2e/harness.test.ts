import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { captureFfmpeg, captureRtmpdump, decodingErrors, packetsOf, probe, tagsOf } from './capture.ts';
import { plainConf, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { frames, playFlv, playRtmp, steps, untilReceived } from './players.ts';

describe('a stream from publisher to players', async () => {
  const mediad = await startMediad(plainConf);
  const publisher = await publishFile(await fixture('plain'), mediad.rtmpUrl('live', 'cam'), { loop: true });
  const url = mediad.rtmpUrl('live', 'cam');
  const flvUrl = mediad.httpUrl('/live?app=live&stream=cam');

  test('RTMP and HTTP-FLV players get both tracks without gaps', async () => {
    const first = playRtmp(url);
    await untilReceived(first, 50);
    const second = playFlv(flvUrl);
    await untilReceived(second, 150);
    for (const player of [first, second]) {
      expect(frames(player, VIDEO)[0]!.key).toBe(true);
      expect(steps(player, VIDEO)).toEqual({ largest: 40, smallest: 40 });
      expect(steps(player, AUDIO).largest).toBeLessThanOrEqual(24);
      player.close();
    }
  });

  test('ffmpeg and rtmpdump record what can be decoded', async () => {
    const [byFfmpeg, byRtmpdump, byHttp] = ['f.flv', 'r.flv', 'h.flv'].map((name) => mediad.place.path(name));
    await Promise.all([
      captureFfmpeg(url, byFfmpeg!, 3),
      captureRtmpdump(url, byRtmpdump!, 3),
      captureFfmpeg(flvUrl, byHttp!, 3),
    ]);
    for (const file of [byFfmpeg!, byRtmpdump!, byHttp!]) {
      const streams = (await probe(file)).filter(
        ({ codec_type }) => codec_type !== 'data' && codec_type !== 'subtitle',
      );
      expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
      expect(streams.find(({ codec_name }) => codec_name === 'h264')).toMatchObject({
        width: 640,
        height: 360,
      });
      expect(tagsOf(file).length).toBeGreaterThan(100);
      expect(await decodingErrors(file)).toBe('');
    }
  });

  test('HLS has segments that begin with key frames', async () => {
    const file = mediad.place.path('hls/cam.m3u8');
    await expect
      .poll(() => existsSync(file) && readFileSync(file, 'utf8'), { timeout: 10_000 })
      .toMatch(/\.ts\n/);
    const packets = await packetsOf(mediad.httpUrl('/hls/cam.m3u8'), 2);
    const video = packets.filter(({ codec_type }) => codec_type === 'video');
    expect(video.length).toBeGreaterThan(25);
    expect(video[0]!.flags).toContain('K');
  });

  test('nothing is left when it is told to stop', async () => {
    await mediad.stop();
    await publisher.stop();
    expect(mediad.child.running).toBe(false);
  });
});
