import { describe, expect, test } from 'vitest';
import { AUDIO, DATA, type Kind, type MediaPacket, type Opening, VIDEO } from '../../../src/media/packet.ts';
import { flvFormat, flvHeader } from '../../../src/wire/flv/format.ts';
import { type FlvHeader, FlvReader } from '../../../src/wire/flv/reader.ts';
import { ProtocolError } from '../../../src/wire/protocol-error.ts';
import { hex, mutate, seeded, splits } from '../splits.ts';

function packet(kind: Kind, time: number, body: string): MediaPacket {
  return { kind, time, key: false, config: false, body: hex(body) };
}

const OPENING: Opening = {
  version: 1,
  metadata: packet(DATA, 0, '0200016105'),
  headers: [packet(VIDEO, 0, '1700'), packet(AUDIO, 0, 'af00')],
  hasAudio: true,
  hasVideo: true,
};

const muxer = flvFormat().muxer();

describe('FLV format', () => {
  test('states its tracks', () => {
    expect(flvFormat()).toMatchObject({ name: 'flv', statesTracks: true });
  });

  test.each([
    [false, false, '05'],
    [true, false, '04'],
    [false, true, '01'],
    [true, true, '05'],
  ])('header with audio %s, video %s', (audio, video, flags) => {
    expect(flvHeader(audio, video)).toEqual(hex('464c5601', flags, '00000009 00000000'));
    const opening = { ...OPENING, metadata: null, headers: [], hasAudio: audio, hasVideo: video };
    expect(muxer.open(opening, 5, true)).toEqual(flvHeader(audio, video));
    expect(muxer.open(opening, 5, false)).toHaveLength(0);
  });

  test('opens with header, metadata at their own time and sequence headers at that of what follows', () => {
    const tags = hex(
      '12 000005 000000 00 000000 0200016105 00000010',
      '09 000002 0003e8 01 000000 1700 0000000d',
      '08 000002 0003e8 01 000000 af00 0000000d',
    );
    expect(muxer.open(OPENING, 0x10003e8, true)).toEqual(Buffer.concat([flvHeader(true, true), tags]));
    expect(muxer.open(OPENING, 0x10003e8, false)).toEqual(tags);
  });

  test('packs tags with room around', () => {
    const bytes = muxer.encode([packet(VIDEO, 1000, '27010000aa'), packet(AUDIO, 1001, '')], 10, 2);
    expect(bytes).toEqual(
      hex('09 000005 0003e8 00 000000 27010000aa 00000010', '08 000000 0003e9 00 000000 0000000b'),
    );
    expect(bytes.byteOffset).toBe(10);
    expect(bytes.buffer.byteLength).toBe(10 + bytes.length + 2);
  });

  test('writes lengths and times in full', () => {
    const body = Buffer.alloc(0x123456);
    const bytes = muxer.encode([{ ...packet(VIDEO, 0xfedcba98 + 2 ** 32, ''), body }], 0, 0);
    expect(bytes.subarray(0, 11)).toEqual(hex('09 123456 dcba98 fe 000000'));
    expect(bytes.subarray(-4)).toEqual(hex('00123461'));
  });
});

type Seen = FlvHeader | readonly [kind: Kind, timestamp: number, body: string];

function read(parts: readonly Buffer[], maxTag = 1_000_000): Seen[] {
  const reader = new FlvReader({ maxTag });
  const seen: Seen[] = [];
  const bodies: Buffer[] = [];
  for (const part of parts) {
    const copy = Buffer.from(part);
    reader.push(copy, {
      header: (header) => seen.push(header),
      tag: (kind, timestamp, body) => {
        bodies.push(body);
        seen.push([kind, timestamp, body.toString('hex')]);
      },
    });
    copy.fill(0xee);
  }
  const tags = seen.filter((entry) => Array.isArray(entry));
  expect(bodies.map((body) => body.toString('hex'))).toEqual(tags.map((tag) => tag[2]));
  return seen;
}

const FILE = Buffer.concat([
  muxer.open(OPENING, 0, true),
  muxer.encode([packet(VIDEO, 0xfedcba98, '27010000aa'), packet(AUDIO, 1001, '')], 0, 0),
]);
const CONTENT: readonly Seen[] = [
  { hasAudio: true, hasVideo: true },
  [DATA, 0, '0200016105'],
  [VIDEO, 0, '1700'],
  [AUDIO, 0, 'af00'],
  [VIDEO, 0xfedcba98, '27010000aa'],
  [AUDIO, 1001, ''],
];

describe('FLV reader', () => {
  test('reads what the format writes, at every split', () => {
    for (const parts of splits(FILE)) expect(read(parts)).toEqual(CONTENT);
  });

  test('gives nothing that did not come', () => {
    for (let end = 0; end < FILE.length; end++) {
      const seen = read([FILE.subarray(0, end)]);
      expect(seen).toEqual(CONTENT.slice(0, seen.length));
    }
  });

  test('passes over tags of other kinds, and a longer header', () => {
    const bytes = hex('464c5601 04 0000000b ffff 00000000', '0f 000003 000000 00 000000 aabbcc 0000000e');
    expect(read([Buffer.concat([bytes, FILE.subarray(13)])])).toEqual([
      { hasAudio: true, hasVideo: false },
      ...CONTENT.slice(1),
    ]);
  });

  test('passes on bodies larger than a slab', () => {
    const body = Buffer.alloc(300_000);
    for (let i = 0; i < body.length; i += 101) body[i] = i & 0xff;
    const bytes = Buffer.concat([
      flvHeader(true, true),
      muxer.encode([{ ...packet(VIDEO, 0, ''), body }], 0, 0),
    ]);
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1000) parts.push(bytes.subarray(at, at + 1000));
    expect(read(parts)[1]).toEqual([VIDEO, 0, body.toString('hex')]);
  });

  test.each([
    ['another file', '52494646 00000000 57'],
    ['a header shorter than itself', '464c5601 05 00000008'],
    ['a header of 4 GB', '464c5601 05 ffffffff'],
    ['an encrypted tag', '464c5601 05 00000009 00000000 29 000001 000000 00 000000'],
    ['a tag above the limit', '464c5601 05 00000009 00000000 09 0f4241 000000 00 000000'],
    ['another tag above the limit', '464c5601 05 00000009 00000000 0f 0f4241 000000 00 000000'],
  ])('refuses %s', (_, bytes) => {
    expect(() => read([hex(bytes)])).toThrow(ProtocolError);
  });

  test('takes no memory for what is only announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers: FlvReader[] = [];
    for (let i = 0; i < 20; i++) {
      const reader = new FlvReader({ maxTag: 16_777_215 });
      reader.push(hex('464c5601 05 00000009 00000000 09 ffffff 000000 00 000000'), {
        header: () => undefined,
        tag: () => undefined,
      });
      readers.push(reader);
    }
    expect(readers).toHaveLength(20);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  });

  test('nothing but ProtocolError comes of a damaged file', () => {
    const random = seeded(0xf17);
    for (let round = 0; round < 10_000; round++) {
      const bytes = mutate(FILE, random);
      try {
        read([bytes]);
      } catch (error) {
        expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
      }
    }
  });
});
