import { describe, expect, test } from 'vitest';
import { AUDIO, type Kind, VIDEO } from '../../src/media/packet.ts';
import { MEDIA, tagFacts } from '../../src/media/tag.ts';
import { captureFfmpeg, captureRtmpdump, probe, tagsOf } from './capture.ts';
import { type Child, start, until } from './children.ts';
import { plainConf, startMediad } from './harness.ts';
import { type FixtureName, fixture, publishFile, publishTest } from './media.ts';
import { frames, playFlv, playRtmp, steps, untilReceived } from './players.ts';

const GSTREAMER_VIDEO = [
  ...['videotestsrc', 'is-live=true', '!', 'video/x-raw,width=320,height=240,framerate=25/1', '!'],
  ...['openh264enc', 'gop-size=25', '!', 'h264parse', '!', 'queue', '!', 'mux.'],
];
const GSTREAMER_AUDIO = [
  ...[
    'audiotestsrc',
    'is-live=true',
    '!',
    'audioconvert',
    '!',
    'avenc_aac',
    '!',
    'aacparse',
    '!',
    'queue',
    '!',
    'mux.',
  ],
];

/** Frames of one kind as text that two captures can be compared by. */
function bodies(
  list: readonly { readonly kind: Kind; readonly body: Buffer | undefined }[],
  kind: Kind,
): string[] {
  return list.filter((tag) => tag.kind === kind).map(({ body }) => body!.toString('base64'));
}

describe('what is published comes out as it went in', async () => {
  const mediad = await startMediad((place) =>
    plainConf(place, '', 'location /wait { flv_live on; flv_live_wait 20s; }'),
  );

  test('byte by byte, over RTMP and HTTP-FLV, whatever tracks there are', async () => {
    const names: readonly FixtureName[] = ['plain', 'bframes', 'mp3', 'audioOnly', 'videoOnly'];
    await Promise.all(names.map(publishAndCompare));
  });

  async function publishAndCompare(name: FixtureName): Promise<void> {
    const file = await fixture(name);
    const sent = tagsOf(file).filter(({ kind, body }) => (tagFacts(kind, body) & MEDIA) !== 0);
    // Whoever waits for a stream gets it from its beginning.
    const players = [
      playRtmp(mediad.rtmpUrl('live', name), { bodies: true }),
      playFlv(mediad.httpUrl(`/wait?app=live&stream=${name}`), { bodies: true }),
    ];
    await expect.poll(() => players[0]!.status).toBe('NetStream.Play.Start');
    const publisher = await publishFile(file, mediad.rtmpUrl('live', name));
    const last = sent.at(-1)!.body;
    for (const player of players) {
      await until(
        `${name} comes to its end`,
        () => player.received.some(({ body }) => body?.equals(last)),
        30_000,
      );
      player.close();
      for (const kind of [AUDIO, VIDEO] as const) {
        const before = bodies(sent, kind);
        const after = bodies(frames(player, kind), kind);
        // Sound before the first picture, or before the tracks are known, may be left out.
        expect(before.length - after.length).toBeLessThanOrEqual(kind === AUDIO ? 20 : 0);
        expect(after).toEqual(before.slice(before.length - after.length));
      }
    }
    await publisher.ended;
  }
});

describe('other clients than ffmpeg', async () => {
  const mediad = await startMediad(plainConf);

  function gstreamer(...pipeline: readonly string[]): Promise<Child> {
    return start('gst-launch-1.0', ['-q', ...pipeline]);
  }

  test.each(['rtmp2sink', 'rtmpsink'])('GStreamer publishes by %s', async (sink) => {
    const url = mediad.rtmpUrl('live', sink);
    const location = sink === 'rtmpsink' ? `location=${url} live=1` : `location=${url}`;
    const mux = ['flvmux', 'name=mux', 'streamable=true', '!', sink, location];
    const publisher = await gstreamer(...mux, ...GSTREAMER_VIDEO, ...GSTREAMER_AUDIO);
    const player = playRtmp(url);
    await untilReceived(player, 150, 20_000);
    player.close();
    expect(frames(player, VIDEO)[0]!.key).toBe(true);
    expect(frames(player, AUDIO).length).toBeGreaterThan(20);
    for (const kind of [AUDIO, VIDEO] as const) {
      expect(steps(player, kind).smallest).toBeGreaterThanOrEqual(0);
      expect(steps(player, kind).largest).toBeLessThan(250);
    }
    await publisher.stop('SIGINT');
  });

  test.each(['rtmp2src', 'rtmpsrc'])('GStreamer plays by %s', async (source) => {
    const name = `to-${source}`;
    const url = mediad.rtmpUrl('live', name);
    const publisher = await publishTest(url);
    const watched = playFlv(mediad.httpUrl(`/live?app=live&stream=${name}`));
    await expect.poll(() => watched.received.length + (watched.ended ?? '').length).toBeGreaterThan(0);
    const file = mediad.place.path(`${source}.flv`);
    const location = source === 'rtmpsrc' ? `location=${url} live=1` : `location=${url}`;
    const player = await gstreamer(source, location, 'num-buffers=200', '!', 'filesink', `location=${file}`);
    expect(await player.ended).toEqual({ code: 0, signal: null });
    const codecs = (await probe(file)).map(({ codec_name }) => codec_name);
    expect(codecs).toEqual(expect.arrayContaining(['h264', 'aac']));
    expect(tagsOf(file).length).toBeGreaterThan(100);
    await publisher.stop();
  });

  test('rtmpdump and ffmpeg record the same frames', async () => {
    const url = mediad.rtmpUrl('live', 'recorded');
    const publisher = await publishFile(await fixture('longGop'), url, { loop: true });
    const early = playRtmp(url);
    await untilReceived(early, 20);
    const [byFfmpeg, byRtmpdump] = ['f.flv', 'r.flv'].map((file) => mediad.place.path(file));
    await Promise.all([captureFfmpeg(url, byFfmpeg!, 4), captureRtmpdump(url, byRtmpdump!, 4)]);
    const byBoth = new Set(bodies(tagsOf(byRtmpdump!), VIDEO));
    const common = bodies(tagsOf(byFfmpeg!), VIDEO).filter((body) => byBoth.has(body));
    expect(common.length).toBeGreaterThan(75);
    early.close();
    await publisher.stop();
  });
});
