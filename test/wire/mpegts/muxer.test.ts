import { beforeAll, describe, expect, test } from 'vitest';
import { readAacConfig } from '../../../src/media/aac.ts';
import { readAvcConfig } from '../../../src/media/avc.ts';
import { readMp3Header } from '../../../src/media/mp3.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { readAudioPayload, readVideoPayload } from '../../../src/media/payload.ts';
import { tagFacts } from '../../../src/media/tag.ts';
import { AudioGatherer } from '../../../src/wire/mpegts/audio.ts';
import { annexB, TransportMuxer } from '../../../src/wire/mpegts/muxer.ts';
import { AUDIO_PID, type Tracks, VIDEO_PID } from '../../../src/wire/mpegts/tables.ts';
import { decodeErrors, makeFlv, probePackets, readFlvTags, type Tag } from '../../ffmpeg.ts';
import { checkTransportStream, readTransportStream } from './checker.ts';

interface Muxed {
  readonly bytes: Buffer;
  readonly video: readonly { readonly dts: number; readonly pts: number; readonly key: boolean }[];
  readonly audio: readonly number[];
}

/** Packs all tags into one segment, times moved by `shift` ms. */
function mux(tags: readonly Tag[], tracks: Tracks, shift = 0, sync = 2, lengthSize = 4): Muxed {
  const muxer = new TransportMuxer();
  const audio = new AudioGatherer(muxer, () => ({ delay: 300, sync, bytes: 1 << 20 }));
  const video: { dts: number; pts: number; key: boolean }[] = [];
  const audioTimes: number[] = [];
  let aac = null;
  let avc = null;
  let sets = Buffer.alloc(0);
  muxer.start(tracks, true);
  for (const tag of tags) {
    const time = (tag.time + shift) * 90;
    if (tag.kind === VIDEO && tracks.video !== null) {
      const payload = readVideoPayload(tag.body);
      if (payload.type === 'config') {
        avc = readAvcConfig(tag.body.subarray(payload.offset));
        sets = Buffer.from(annexB([...avc.sps, ...avc.pps]));
      } else if (payload.type === 'frames') {
        audio.before(time);
        const unit = {
          dts: time,
          pts: time + payload.composition * 90,
          key: (tagFacts(VIDEO, tag.body) & 1) !== 0,
          data: relength(tag.body, payload.offset, lengthSize),
          offset: lengthSize === 4 ? payload.offset : 0,
          lengthSize,
          parameterSets: sets,
        };
        expect(muxer.video(unit)).toBe(true);
        video.push(unit);
      }
    } else if (tag.kind === AUDIO && tracks.audio !== null) {
      const payload = readAudioPayload(tag.body);
      if (payload.type === 'config') aac = readAacConfig(tag.body.subarray(payload.offset));
      else if (payload.codec === '.mp3') {
        audio.mp3(time, tag.body, payload.offset, readMp3Header(tag.body, payload.offset)!);
        audioTimes.push(time);
      } else if (aac !== null) {
        audio.aac(time, tag.body, payload.offset, aac);
        audioTimes.push(time);
      }
    }
  }
  audio.flush();
  expect(muxer.damaged).toBe(0);
  return { bytes: muxer.finish(), video, audio: audioTimes };
}

/** The same NAL units with lengths of another size; units that do not fit are cut short. */
function relength(body: Buffer, offset: number, lengthSize: number): Buffer {
  if (lengthSize === 4) return body;
  const parts: Buffer[] = [];
  for (let at = offset; at < body.length; ) {
    const size = body.readUInt32BE(at);
    const head = Buffer.alloc(lengthSize);
    head.writeUIntBE(size, 0, lengthSize);
    parts.push(head, body.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return Buffer.concat(parts);
}

const BOTH: Tracks = { video: 'avc', audio: 'aac' };
const WRAP = 2 ** 33;
const DELAY = 63_000;

let flv: readonly Tag[];

beforeAll(async () => {
  flv = readFlvTags(await makeFlv(4, '-bf', '2', '-g', '25', '-b:v', '2M'));
}, 30_000);

describe('a segment made of an FLV file', () => {
  test.each([
    ['picture and sound', BOTH],
    ['picture alone', { video: 'avc', audio: null }],
    ['sound alone', { video: null, audio: 'aac' }],
  ] as const)('%s: decodes without a word, with every frame and time', async (_, tracks) => {
    const muxed = mux(flv, tracks);
    checkTransportStream(muxed.bytes);
    const packets = await probePackets(muxed.bytes);
    const video = packets.filter((packet) => packet.codec_type === 'video');
    const audio = packets.filter((packet) => packet.codec_type === 'audio');
    expect(video.map((p) => [p.dts, p.pts, p.flags.startsWith('K')])).toEqual(
      tracks.video === null ? [] : muxed.video.map((v) => [v.dts + DELAY, v.pts + DELAY, v.key]),
    );
    expect(audio.length).toBe(tracks.audio === null ? 0 : muxed.audio.length);
    // FLV rounds to ms; the sample clock does not.
    audio.forEach((packet, i) => {
      expect(Math.abs(packet.pts - muxed.audio[i]! - DELAY)).toBeLessThanOrEqual(2 * 90);
    });
    // ffprobe adds up whole ticks within a PES packet, so the true fraction is made up for at the next one.
    const steps = audio.slice(1).map((packet, i) => packet.pts - audio[i]!.pts);
    for (const step of steps) expect(Math.abs(step - (1024 * 90_000) / 44_100)).toBeLessThanOrEqual(8);
    expect(await decodeErrors(muxed.bytes)).toBe('');
  });

  test('MP3 sound', async () => {
    const tags = readFlvTags(await makeFlv(2, '-g', '25', '-c:a', 'libmp3lame'));
    const muxed = mux(tags, { video: 'avc', audio: 'mp3' });
    checkTransportStream(muxed.bytes);
    const packets = await probePackets(muxed.bytes);
    expect(packets.filter((p) => p.codec_type === 'audio').length).toBe(muxed.audio.length);
    expect(await decodeErrors(muxed.bytes)).toBe('');
  });

  test('NAL lengths of three bytes give the same segment as of four', () => {
    expect(mux(flv, BOTH, 0, 2, 3).bytes.equals(mux(flv, BOTH).bytes)).toBe(true);
  });

  test('times go on over the wrap of 33 bits', async () => {
    const shift = Math.floor(WRAP / 90) - 2000;
    const muxed = mux(flv, BOTH, shift);
    const { pes, clocks } = readTransportStream(muxed.bytes);
    const got = pes.filter((p) => p.pid === VIDEO_PID);
    expect(got.map((p) => [p.dts, p.pts])).toEqual(
      muxed.video.map((v) => [(v.dts + DELAY) % WRAP, (v.pts + DELAY) % WRAP]),
    );
    expect(new Set(got.map((p) => p.pts > WRAP / 2)).size).toBe(2);
    expect(clocks.some((c, i) => i > 0 && c.time < clocks[i - 1]!.time)).toBe(true);
    expect(await decodeErrors(muxed.bytes)).toBe('');
  });
});

/** All payloads of a segment, which unlike its bytes hold no counters. */
function payloads(bytes: Buffer): Buffer {
  return Buffer.concat(readTransportStream(bytes).pes.map(({ payload }) => payload));
}

/** An access unit of NAL units with a length of one byte. */
function unit(
  nals: readonly number[][],
  time: number,
  key = true,
  lengthSize = 1,
): Parameters<TransportMuxer['video']>[0] {
  const parts = nals.map((nal) => {
    const head = Buffer.alloc(lengthSize);
    head.writeUIntBE(nal.length, 0, lengthSize);
    return Buffer.concat([head, Buffer.from(nal)]);
  });
  return {
    dts: time,
    pts: time,
    key,
    data: Buffer.concat(parts),
    offset: 0,
    lengthSize,
    parameterSets: annexB([Buffer.from([0x67, 1]), Buffer.from([0x68, 2])]),
  };
}

describe('access units', () => {
  const cases: readonly [string, number[][], boolean, string][] = [
    [
      'a key frame gets delimiter and sets',
      [[0x65, 9]],
      true,
      '00000001 09f0 00000001 6701 00000001 6802 00000001 6509',
    ],
    ['another frame gets the delimiter', [[0x41, 9]], false, '00000001 09f0 00000001 4109'],
    [
      'an own delimiter is replaced',
      [
        [9, 0x10],
        [0x41, 9],
      ],
      false,
      '00000001 09f0 00000001 4109',
    ],
    [
      'own sets stay and are not doubled',
      [
        [0x67, 7],
        [0x68, 7],
        [0x65, 9],
      ],
      true,
      '00000001 09f0 00000001 6707 00000001 6807 00000001 6509',
    ],
    ['empty NAL units vanish', [[], [0x41, 9], []], false, '00000001 09f0 00000001 4109'],
  ];
  for (const lengthSize of [1, 2, 3, 4]) {
    test.each(cases)(`%s (lengths of ${lengthSize} bytes)`, (_, nals, key, bytes) => {
      const muxer = new TransportMuxer();
      muxer.start({ video: 'avc', audio: null }, false);
      expect(muxer.video(unit(nals, 0, key, lengthSize))).toBe(true);
      const [pes] = readTransportStream(muxer.finish()).pes;
      expect(pes!.payload.toString('hex')).toBe(bytes.replaceAll(' ', ''));
    });
  }

  test('a NAL length beyond the end loses the rest, and is counted', () => {
    const muxer = new TransportMuxer();
    muxer.start({ video: 'avc', audio: null }, false);
    const whole = unit([[0x41, 9]], 0, false);
    expect(muxer.video({ ...whole, data: Buffer.concat([whole.data, Buffer.from([200, 1])]) })).toBe(true);
    expect(muxer.video({ ...whole, data: Buffer.from([200, 1]) })).toBe(false);
    expect(muxer.damaged).toBe(2);
    expect(readTransportStream(muxer.finish()).pes.length).toBe(1);
  });

  test('any size of payload fills whole packets', () => {
    for (let size = 1; size < 600; size += 1) {
      const muxer = new TransportMuxer();
      muxer.start({ video: 'avc', audio: 'aac' }, false);
      const nal = Array.from({ length: size }, (_, i) => (i % 200) + 1);
      nal[0] = 0x41;
      muxer.video(unit([nal], 0, size % 2 === 0, 2));
      muxer.audio(0, Buffer.from(nal), size);
      muxer.video({ ...unit([nal], 900, false, 2), pts: 1800 });
      const bytes = muxer.finish();
      checkTransportStream(bytes);
      const { pes } = readTransportStream(bytes);
      expect(pes.map((p) => p.pid)).toEqual([VIDEO_PID, AUDIO_PID, VIDEO_PID]);
      expect(pes[0]!.payload.subarray(-size).equals(Buffer.from(nal))).toBe(true);
      expect(pes[1]!.payload.equals(Buffer.from(nal))).toBe(true);
      expect(pes[2]!.payload.subarray(-size).equals(Buffer.from(nal))).toBe(true);
    }
  });

  test('a segment larger or smaller than the one before has the same bytes as from a muxer of its own', () => {
    const used = new TransportMuxer();
    const kept: { readonly bytes: Buffer; readonly copy: Buffer }[] = [];
    for (const pictures of [3, 40, 41, 39, 400, 2, 2, 1, 90, 380]) {
      const fresh = new TransportMuxer();
      for (const muxer of [used, fresh]) {
        muxer.start({ video: 'avc', audio: null }, true);
        for (let i = 0; i < pictures; i += 1) {
          muxer.video(unit([Array(997).fill(0x41)], i * 3600, i === 0, 2));
        }
      }
      expect(used.length).toBe(fresh.length);
      const bytes = used.finish();
      expect(payloads(bytes).equals(payloads(fresh.finish()))).toBe(true);
      checkTransportStream(bytes);
      kept.push({ bytes, copy: Buffer.from(bytes) });
    }
    for (const { bytes, copy } of kept) expect(bytes.equals(copy)).toBe(true);
  });

  test('a picture of more than 64 kB has no length in its header, a smaller one has', () => {
    const muxer = new TransportMuxer();
    muxer.start({ video: 'avc', audio: null }, false);
    for (const size of [60_000, 70_000]) muxer.video(unit([Array(size).fill(0x41)], 0, false, 3));
    expect(readTransportStream(muxer.finish()).pes.map((p) => p.length > 0)).toEqual([true, false]);
  });
});

describe('tables and counters', () => {
  test('each segment begins with PAT and PMT; counters go on; the version follows the tracks', () => {
    const muxer = new TransportMuxer();
    const segments = (
      [
        [BOTH, false],
        [BOTH, false],
        [{ video: 'avc', audio: null }, true],
        [BOTH, true],
      ] as const
    ).map(([tracks, discontinuity], i) => {
      muxer.start(tracks, discontinuity);
      for (let frame = 0; frame < 20; frame += 1) {
        muxer.video(unit([[0x65, frame]], i * 90_000 + frame * 3600));
        if (tracks.audio !== null) muxer.audio(i * 90_000 + frame * 3600, Buffer.alloc(300, 1), 300);
      }
      return muxer.finish();
    });
    const versions = segments.map((segment) => readTransportStream(segment).version);
    expect(versions).toEqual([0, 0, 1, 2]);
    checkTransportStream(Buffer.concat(segments));
  });

  test.each([
    ['pictures of 5 per second', 200],
    ['one picture in 3 s', 3000],
  ])('the clock comes at least every 100 ms: %s', (_, step) => {
    const muxer = new TransportMuxer();
    muxer.start({ video: 'avc', audio: null }, false);
    for (let time = 0; time < 12_000; time += step) muxer.video(unit([[0x65, 1]], time * 90));
    const { clocks } = readTransportStream(muxer.finish());
    clocks.forEach((clock, i) => {
      if (i > 0) {
        expect(clock.time - clocks[i - 1]!.time).toBeLessThanOrEqual(9000);
        expect(clock.time - clocks[i - 1]!.time).toBeGreaterThan(0);
      }
    });
    expect(clocks.at(-1)!.time).toBeGreaterThan(8000 * 90);
  });

  test('sound alone carries the clock', () => {
    const muxer = new TransportMuxer();
    const audio = new AudioGatherer(muxer, () => ({ delay: 600, sync: 2, bytes: 1 << 20 }));
    const config = readAacConfig(Buffer.from([0x12, 0x10]));
    muxer.start({ video: null, audio: 'aac' }, true);
    for (let i = 0; i < 200; i += 1)
      audio.aac(Math.round((i * 1024 * 1000) / 44_100) * 90, Buffer.alloc(99, i), 0, config);
    audio.flush();
    const bytes = muxer.finish();
    checkTransportStream(bytes);
    const { clocks } = readTransportStream(bytes);
    expect(clocks.every((clock) => clock.pid === AUDIO_PID)).toBe(true);
    clocks.forEach((clock, i) => {
      if (i > 0) expect(clock.time - clocks[i - 1]!.time).toBeLessThanOrEqual(9000);
    });
  });

  test('sound goes on driving the clock while pictures pause', () => {
    const muxer = new TransportMuxer();
    muxer.start(BOTH, false);
    muxer.video(unit([[0x65, 1]], 0));
    for (let time = 0; time < 4000; time += 300) muxer.audio(time * 90, Buffer.alloc(50, 1), 50);
    const bytes = muxer.finish();
    checkTransportStream(bytes);
    expect(readTransportStream(bytes).clocks.at(-1)!.time).toBeGreaterThan(3000 * 90);
  });
});

describe('gathering sound', () => {
  const config = readAacConfig(Buffer.from([0x12, 0x10]));

  function packets(times: readonly number[], limits: { delay: number; sync: number; bytes: number }) {
    const muxer = new TransportMuxer();
    const audio = new AudioGatherer(muxer, () => limits);
    muxer.start({ video: null, audio: 'aac' }, false);
    for (const time of times) expect(audio.aac(time * 90, Buffer.alloc(100, 1), 0, config)).toBe(true);
    audio.flush();
    return readTransportStream(muxer.finish()).pes.map((p) => [p.pts - DELAY, p.payload.length / 107]);
  }

  const regular = Array.from({ length: 60 }, (_, i) => Math.round((i * 1024 * 1000) / 44_100));

  test('half the delay ends a packet', () => {
    const got = packets(regular, { delay: 400, sync: 2, bytes: 1 << 20 });
    expect(got.map(([, frames]) => frames)).toEqual([10, 10, 10, 10, 10, 10]);
    expect(got.map(([time]) => time)).toEqual(
      got.map((_, i) => Math.round((i * 10 * 1024 * 90_000) / 44_100)),
    );
  });

  test('the size ends a packet', () => {
    expect(packets(regular.slice(0, 9), { delay: 10_000, sync: 2, bytes: 350 }).map(([, n]) => n)).toEqual([
      3, 3, 3,
    ]);
  });

  test('a hole in time ends a packet and sets the sample clock anew', () => {
    const holed = regular.slice(0, 10).map((time, i) => (i < 5 ? time : time + 500));
    const got = packets(holed, { delay: 10_000, sync: 2, bytes: 1 << 20 });
    expect(got).toEqual([
      [0, 5],
      [(regular[5]! + 500) * 90, 5],
    ]);
  });

  test('without sync every packet has its own timestamp', () => {
    const got = packets(regular, { delay: 40, sync: 0, bytes: 1 << 20 });
    for (const [time] of got) expect(regular).toContain(time! / 90);
  });

  test('a frame that ADTS cannot announce is refused', () => {
    const muxer = new TransportMuxer();
    const audio = new AudioGatherer(muxer, () => ({ delay: 300, sync: 2, bytes: 1 << 20 }));
    expect(audio.aac(0, Buffer.alloc(8185), 0, config)).toBe(false);
    expect(audio.aac(0, Buffer.alloc(0), 0, config)).toBe(false);
    expect(audio.waiting).toBe(false);
  });
});
