import assert from 'node:assert/strict';
import { aacCodecString, readAacConfig, writeAdtsHeader } from '../../src/media/aac.ts';
import { readAv1Config } from '../../src/media/av1.ts';
import { avcCodecString, readAvcConfig, readAvcSps } from '../../src/media/avc.ts';
import { MediaError } from '../../src/media/bits.ts';
import { streamFacts } from '../../src/media/facts.ts';
import { readHevcConfig } from '../../src/media/hevc.ts';
import { readMp3Header } from '../../src/media/mp3.ts';
import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from '../../src/media/packet.ts';
import { readAudioPayload, readVideoPayload } from '../../src/media/payload.ts';
import { HEADER, KEY, tagFacts } from '../../src/media/tag.ts';
import { Timeline } from '../../src/media/timeline.ts';
import { Segmenter } from '../../src/modules/hls/segmenter.ts';
import { flvFormat, flvHeader } from '../../src/wire/flv/format.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { TransportMuxer } from '../../src/wire/mpegts/muxer.ts';
import { PACKET } from '../../src/wire/mpegts/tables.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { rtmpFormat } from '../../src/wire/rtmp/format.ts';
import { AAC_CONFIGS, AV1_RECORDS, AVC_RECORDS, HEVC_RECORD } from '../media/records.ts';
import { hex } from '../wire/splits.ts';
import type { Target } from './target.ts';

const MB = 1024 * 1024;
const AVC_BYTES = AVC_RECORDS.map(([, text]) => hex(text));
const AAC_BYTES = AAC_CONFIGS.map(([, text]) => hex(text));

const OPENING: Opening = { version: 1, metadata: null, headers: [], hasAudio: true, hasVideo: true };

function packet(kind: Kind, time: number, body: Buffer): MediaPacket {
  const facts = tagFacts(kind, body);
  return { kind, time, key: (facts & KEY) !== 0, config: (facts & HEADER) !== 0, body };
}

/** A tag body: a video or audio header in hex, and what follows it. */
const tagBody = (header: string, ...rest: readonly Buffer[]): Buffer => Buffer.concat([hex(header), ...rest]);
const nals = (...sizes: readonly number[]): Buffer =>
  Buffer.concat(
    sizes.map((size) => {
      const nal = Buffer.alloc(4 + size, 0x41);
      nal.writeUInt32BE(size);
      return nal;
    }),
  );

/** A stream of two tracks as FLV: headers, and frames of `sound` every 23 ms and pictures every 40 ms. */
function flvOf(video: Buffer | null, audio: Buffer | null, sound: Buffer, step: number): Buffer {
  const packets: MediaPacket[] = [];
  if (video !== null) packets.push(packet(VIDEO, 0, tagBody('1700000000', video)));
  if (audio !== null) packets.push(packet(AUDIO, 0, tagBody('af00', audio)));
  for (let i = 0; i < 24; i += 1) {
    const head = i % 12 === 0 ? '1701000000' : '2701000028';
    if (video !== null) packets.push(packet(VIDEO, i * step, tagBody(head, nals(40, 7))));
    packets.push(packet(AUDIO, i * step + 3, sound));
  }
  return Buffer.concat([flvHeader(true, true), flvFormat().muxer().encode(packets, 0, 0)]);
}

const AAC_FRAME = tagBody('af01', Buffer.alloc(20, 0x21));
const MP3_FRAME = tagBody('2f', hex('fffb9064'), Buffer.alloc(413, 0x55));
const STREAMS = [
  flvOf(AVC_BYTES[0]!, AAC_BYTES[0]!, AAC_FRAME, 40),
  flvOf(AVC_BYTES[1]!, AAC_BYTES[6]!, AAC_FRAME, 400),
  flvOf(null, AAC_BYTES[9]!, AAC_FRAME, 93),
  flvOf(AVC_BYTES[2]!, null, MP3_FRAME, 26),
];

/** The way of media from a publisher's bytes into segments and players' batches. */
function segment(input: Buffer): void {
  const timeline = new Timeline();
  const opening = OPENING;
  let segments = 0;
  const segmenter = new Segmenter(
    new TransportMuxer(),
    () => ({ fragment: 300, longest: 900, aligned: false, sync: 2, audioDelay: 300, audioBytes: MB }),
    { settled: true, opening },
    {
      segment: ({ bytes, duration, start }) => {
        segments += 1;
        assert.equal(bytes.length % PACKET, 0);
        for (let at = 0; at < bytes.length; at += PACKET) assert.equal(bytes[at], 0x47);
        assert.ok(duration > 0 && Number.isFinite(start));
      },
      unfit: () => undefined,
    },
  );
  const muxers = [flvFormat().muxer(), rtmpFormat(4096).muxer()];
  let now = 0;
  new FlvReader({ maxTag: MB }).push(input, {
    header: () => undefined,
    tag: (kind, timestamp, body) => {
      now += 20;
      const placed = packet(kind, timeline.place(timestamp, kind === AUDIO, now), body);
      segmenter.packet(placed);
      for (const muxer of muxers) assert.ok(muxer.encode([placed], 0, 0).length >= body.length);
    },
  });
  segmenter.finish();
  // A segment is longer than `fragment`, or ends where the stream makes a jump, of which each needs a packet.
  assert.ok(segments <= input.length / 11);
}

function placeTimes(input: Buffer): void {
  const timeline = new Timeline();
  const last = [-1, -1];
  let now = 0;
  for (let at = 0; at + 6 <= input.length; at += 6) {
    const audio = input[at]! & 1;
    now += input[at + 1]!;
    const time = timeline.place(input.readUInt32BE(at + 2), audio === 1, now);
    assert.ok(
      Number.isSafeInteger(time) && time >= 0 && time >= last[audio]!,
      `${time} after ${last[audio]}`,
    );
    last[audio] = time;
    if (input[at] === 0xfe) timeline.restart();
  }
}

function times(...values: readonly number[]): Buffer {
  return Buffer.concat(
    values.map((value, index) => {
      const one = Buffer.from([index & 1, 20, 0, 0, 0, 0]);
      one.writeUInt32BE(value >>> 0, 2);
      return one;
    }),
  );
}

/** What looks into codecs and times. */
export const mediaTargets: readonly Target[] = [
  {
    name: 'avcC and SPS',
    seeds: AVC_BYTES,
    share: 10,
    errors: [MediaError],
    feed: (input) => {
      const config = readAvcConfig(input);
      avcCodecString(config);
      for (const sps of config.sps) readAvcSps(sps);
    },
  },
  {
    name: 'SPS',
    seeds: AVC_BYTES.map((record) => readAvcConfig(record).sps[0]!),
    share: 10,
    errors: [MediaError],
    feed: (input) => {
      const { width, height } = readAvcSps(input);
      assert.ok(width > 0 && height > 0 && width <= 65_536 && height <= 65_536);
    },
  },
  {
    name: 'hvcC',
    seeds: [hex(HEVC_RECORD)],
    share: 6,
    errors: [MediaError],
    feed: (input) => readHevcConfig(input),
  },
  {
    name: 'av1C',
    seeds: AV1_RECORDS.map(([text]) => hex(text)),
    share: 5,
    errors: [MediaError],
    feed: (input) => readAv1Config(input),
  },
  {
    name: 'AudioSpecificConfig',
    seeds: AAC_BYTES,
    share: 6,
    errors: [MediaError],
    feed: (input) => {
      const config = readAacConfig(input);
      aacCodecString(config);
      writeAdtsHeader(Buffer.alloc(7), 0, config, 100);
    },
  },
  {
    name: 'tags',
    seeds: [
      ...AVC_BYTES.map((record) => tagBody('1700000000', record)),
      tagBody('1c00000000', hex(HEVC_RECORD)),
      tagBody('9068766331', hex(HEVC_RECORD)),
      tagBody('97 00 0000 90 61766331', AVC_BYTES[0]!),
      tagBody('96 01 61766331 00', AVC_BYTES[0]!),
      ...AV1_RECORDS.map(([text]) => tagBody('9061763031', hex(text))),
      ...AAC_BYTES.map((config) => tagBody('af00', config)),
      tagBody('90 4f707573', hex('4f707573486561640102')),
      AAC_FRAME,
      MP3_FRAME,
    ],
    share: 10,
    errors: [],
    feed: (input) => {
      for (const kind of [VIDEO, AUDIO] as const) {
        assert.ok(tagFacts(kind, input) >= 0);
        const { offset } = kind === VIDEO ? readVideoPayload(input) : readAudioPayload(input);
        assert.ok(offset <= input.length);
        const header = packet(kind, 0, input);
        streamFacts({ ...OPENING, headers: [header] }, { audio: input[0] ?? -1, video: input[0] ?? -1 });
      }
      readMp3Header(input);
    },
  },
  { name: 'media to TS, FLV, RTMP', seeds: STREAMS, share: 4, errors: [ProtocolError], feed: segment },
  {
    name: 'timestamps',
    seeds: [
      times(0, 0, 23, 40, 46, 80, 69, 120),
      times(0xffffff, 0x1000000, 0x7ffffff0, 0x80000010, 0xfffffff0, 10, 30, 40),
      times(100_000, 100_000, 5, 5, 200_000, 200_000),
    ],
    share: 8,
    errors: [],
    feed: placeTimes,
  },
];
