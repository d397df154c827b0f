import { describe, expect, test } from 'vitest';
import { AUDIO, DATA, type Kind, type MediaPacket, type Opening, VIDEO } from '../../../src/media/packet.ts';
import { ChunkReader } from '../../../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter, messageSize, writeMessage } from '../../../src/wire/rtmp/chunk-writer.ts';
import { rtmpFormat, type Tracks } from '../../../src/wire/rtmp/format.ts';
import { setChunkSize } from '../../../src/wire/rtmp/messages.ts';
import { hex } from '../splits.ts';

function packet(kind: Kind, time: number, body: Buffer): MediaPacket {
  return { kind, time, key: false, config: false, body };
}

function readAll(bytes: Buffer, chunkSize: number): unknown[] {
  const reader = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 65_600 });
  const seen: unknown[] = [];
  reader.push(new ChunkWriter().encode(setChunkSize(chunkSize)), () => undefined);
  reader.push(bytes, (message) => {
    const { type, streamId, timestamp, body } = message;
    seen.push([type, streamId, timestamp, body.toString('hex')]);
  });
  return seen;
}

describe('writeMessage', () => {
  test.each([
    ['a short message', 3, 0, 'aa', 128, '03 000000 000001 14 02010000 aa'],
    ['a body of one chunk', 3, 1, 'aabb', 2, '03 000001 000002 14 02010000 aabb'],
    ['more chunks', 3, 0xfffffe, 'aabbcc', 2, '03 fffffe 000003 14 02010000 aabb c3 cc'],
    [
      'an extended timestamp',
      4,
      0xffffff,
      'aabbcc',
      1,
      '04 ffffff 000003 14 02010000 00ffffff aa c4 00ffffff bb c4 00ffffff cc',
    ],
    ['the largest timestamp', 4, 0xffffffff, 'aa', 1, '04 ffffff 000001 14 02010000 ffffffff aa'],
    ['a chunk stream id of two bytes', 319, 0, 'aabb', 1, '00ff 000000 000002 14 02010000 aa c0ff bb'],
    [
      'a chunk stream id of three bytes',
      65_599,
      0,
      'aabb',
      1,
      '01ffff 000000 000002 14 02010000 aa c1ffff bb',
    ],
    ['no body', 3, 0, '', 128, '03 000000 000000 14 02010000'],
  ])('%s', (_, csid, timestamp, body, chunkSize, bytes) => {
    const expected = hex(bytes);
    expect(messageSize(hex(body).length, timestamp, csid, chunkSize)).toBe(expected.length);
    const out = Buffer.alloc(expected.length + 2, 0xee);
    expect(writeMessage(out, 1, csid, 20, 0x102, timestamp, hex(body), chunkSize)).toBe(1 + expected.length);
    expect(out).toEqual(Buffer.concat([hex('ee'), expected, hex('ee')]));
  });

  test('what is written is read again, whatever the sizes', () => {
    for (const chunkSize of [1, 2, 127, 128, 129, 4096, 65_536]) {
      for (const length of [0, 1, 127, 128, 129, 255, 256, 257, 5000]) {
        for (const timestamp of [0, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff]) {
          for (const csid of [2, 63, 64, 319, 320, 65_599]) {
            const body = Buffer.alloc(length, length & 0xff);
            const out = Buffer.alloc(messageSize(length, timestamp, csid, chunkSize));
            expect(writeMessage(out, 0, csid, 9, 1, timestamp, body, chunkSize)).toBe(out.length);
            expect(readAll(out, chunkSize)).toEqual([[9, 1, timestamp, body.toString('hex')]]);
          }
        }
      }
    }
  });
});

test('ChunkWriter changes its chunk size after the message that says so', () => {
  const writer = new ChunkWriter();
  expect(writer.chunkSize).toBe(128);
  expect(writer.setChunkSize(2)).toEqual(hex('02 000000 000004 01 00000000 00000002'));
  expect(writer.chunkSize).toBe(2);
  const message = { csid: 3, type: 20, streamId: 0, timestamp: 0, body: hex('aabbcc') };
  const bytes = hex('03 000000 000003 14 00000000 aabb c3 cc');
  expect(writer.encode(message)).toEqual(bytes);
  expect(writer.encode(message, message)).toEqual(Buffer.concat([bytes, bytes]));
  expect(writer.encode()).toHaveLength(0);
});

describe('RTMP format', () => {
  const packets = [
    packet(VIDEO, 1000, hex('27010000001122')),
    packet(AUDIO, 1005, hex('af01aa')),
    packet(DATA, 1006, hex('0200016105')),
  ];

  test.each([
    [4096, 'both', 'rtmp/4096'],
    [128, 'audio', 'rtmp/128/audio'],
    [60_000, 'video', 'rtmp/60000/video'],
  ] as const)('%i %s is named %s', (chunkSize, tracks, name) => {
    expect(rtmpFormat(chunkSize, tracks)).toMatchObject({ name, statesTracks: false });
  });

  const video = '07 0003e8 000007 09 01000000 27010000001122';
  const audio = '06 0003ed 000003 08 01000000 af01aa';
  const data = '05 0003ee 000005 12 01000000 0200016105';
  test.each<[Tracks, readonly string[]]>([
    ['both', [video, audio, data]],
    ['audio', [audio, data]],
    ['video', [video, data]],
  ])('packs the packets for %s, with room around', (tracks, parts) => {
    const bytes = rtmpFormat(4096, tracks).muxer().encode(packets, 10, 2);
    expect(bytes).toEqual(hex(...parts));
    expect(bytes.byteOffset).toBe(10);
    expect(bytes.buffer.byteLength).toBe(10 + bytes.length + 2);
  });

  test('gives nothing where no packet is wanted', () => {
    const bytes = rtmpFormat(4096, 'audio').muxer().encode(packets.slice(0, 1), 10, 2);
    expect(bytes).toHaveLength(0);
  });

  test('opens with metadata at their own time and sequence headers at that of what follows', () => {
    const opening: Opening = {
      version: 1,
      metadata: packet(DATA, 0, hex('0200016105')),
      headers: [packet(VIDEO, 0, hex('1700')), packet(AUDIO, 0, hex('af00'))],
      hasAudio: true,
      hasVideo: true,
    };
    const metadata = '05 000000 000005 12 01000000 0200016105';
    const headers = ['07 0003e8 000002 09 01000000 1700', '06 0003e8 000002 08 01000000 af00'] as const;
    const open = (tracks: Tracks, first: boolean): Buffer =>
      rtmpFormat(4096, tracks).muxer().open(opening, 1000, first);
    expect(open('both', true)).toEqual(hex(metadata, ...headers));
    expect(open('both', false)).toEqual(hex(metadata, ...headers));
    expect(open('audio', true)).toEqual(hex(metadata, headers[1]));
    expect(open('video', true)).toEqual(hex(metadata, headers[0]));
    const nothing = { ...opening, metadata: null, headers: [] };
    expect(rtmpFormat(128).muxer().open(nothing, 0, true)).toHaveLength(0);
  });

  test('writes times modulo 2^32, before and after 2^24 and 2^32', () => {
    const times = [0xfffffe, 0xffffff, 0x1000000, 0xffffffff, 0x100000000, 0x100000001, 5 * 2 ** 32 + 7];
    const bytes = rtmpFormat(2)
      .muxer()
      .encode(
        times.map((time) => packet(VIDEO, time, hex('270100'))),
        0,
        0,
      );
    expect(readAll(bytes, 2)).toEqual(times.map((time) => [9, 1, time % 2 ** 32, '270100']));
  });
});
