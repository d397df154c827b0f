import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/wire/protocol-error.ts';
import { type ChunkLimits, ChunkReader } from '../../../src/wire/rtmp/chunk-reader.ts';
import type { RtmpMessage } from '../../../src/wire/rtmp/messages.ts';
import { hex, mutate, seeded, splits } from '../splits.ts';
import { CHUNK_CASES, chunkSize, type Seen } from './chunk-cases.ts';

const LIMITS: ChunkLimits = { maxMessage: 1_000_000, maxStreams: 65_600 };

function note({ type, streamId, timestamp, body }: RtmpMessage): Seen {
  return [type, streamId, timestamp, body.toString('hex')];
}

function read(parts: readonly Buffer[], limits = LIMITS): Seen[] {
  const reader = new ChunkReader(limits);
  const messages: Seen[] = [];
  for (const part of parts) {
    // A copy that is overwritten afterwards: what is kept may not refer to the bytes that were pushed.
    const copy = Buffer.from(part);
    reader.push(copy, (message) => messages.push(note(message)));
    copy.fill(0xee);
  }
  expect(reader.bytesRead).toBe(parts.reduce((sum, part) => sum + part.length, 0));
  return messages;
}

describe.each(CHUNK_CASES)('chunks: $name', ({ bytes, messages }) => {
  test('are read whole', () => {
    expect(read([bytes])).toEqual(messages);
  });

  test('are read at every split', () => {
    for (const parts of splits(bytes)) expect(read(parts)).toEqual(messages);
  });

  test('give no message that was not sent where they end early', () => {
    for (let end = 0; end < bytes.length; end++) {
      const seen = read([bytes.subarray(0, end)]);
      expect(seen).toEqual(messages.slice(0, seen.length));
    }
  });
});

describe('chunk reader refuses', () => {
  test.each([
    ['a chunk of type 2 that refers to nothing', '86 000001 aa'],
    ['a chunk of type 3 that refers to nothing', 'c6 aa'],
    ['chunk size 0', chunkSize(0)],
    ['Set Chunk Size without a size', '02 000000 000003 01 00000000 000001'],
    ['Abort without a chunk stream', '02 000000 000000 02 00000000'],
  ])('%s', (_, bytes) => {
    expect(() => read([hex(bytes)])).toThrow(ProtocolError);
    expect(() => read(Array.from(hex(bytes), (byte) => Buffer.from([byte])))).toThrow(ProtocolError);
  });

  test('messages above the limit, by the header alone', () => {
    const limits = { maxMessage: 1000, maxStreams: 32 };
    expect(read([hex('06 000000 0003e8 08 01000000')], limits)).toEqual([]);
    expect(() => read([hex('06 000000 0003e9 08 01000000')], limits)).toThrow('above the limit');
  });

  test('chunk stream ids from the limit on', () => {
    const limits = { maxMessage: 1000, maxStreams: 32 };
    expect(read([hex('1f 000000 000001 08 01000000 aa')], limits)).toHaveLength(1);
    for (const csid of ['20', '00 00', '01 ffff']) {
      expect(() => read([hex(csid, '000000 000001 08 01000000 aa')], limits), csid).toThrow(ProtocolError);
    }
  });
});

test('all 65,598 chunk streams at once', () => {
  const parts: Buffer[] = [];
  const basic = (format: number, csid: number): Buffer =>
    csid < 64
      ? Buffer.from([(format << 6) | csid])
      : Buffer.from([(format << 6) | 1, (csid - 64) & 0xff, (csid - 64) >> 8]);
  parts.push(hex(chunkSize(1)));
  for (let csid = 2; csid <= 65_599; csid++) {
    parts.push(basic(0, csid), hex('000000 000002 09 01000000'), Buffer.from([csid & 0xff]));
  }
  for (let csid = 2; csid <= 65_599; csid++) parts.push(basic(3, csid), Buffer.from([(csid >> 8) & 0xff]));
  const before = process.memoryUsage().arrayBuffers;
  const reader = new ChunkReader(LIMITS);
  let next = 2;
  let wrong = 0;
  reader.push(Buffer.concat(parts), ({ body }) => {
    if (body[0] !== (next & 0xff) || body[1] !== ((next >> 8) & 0xff)) wrong += 1;
    next += 1;
  });
  expect({ next, wrong }).toEqual({ next: 65_600, wrong: 0 });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
});

test('memory is taken as bytes come, not as lengths are announced', () => {
  const reader = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 65_600 });
  const before = process.memoryUsage().arrayBuffers;
  reader.push(hex(chunkSize(1)), () => undefined);
  for (let id = 0; id < 2000; id++) {
    const chunk = [1, id & 0xff, id >> 8, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0, 0xaa];
    reader.push(Buffer.from(chunk), () => undefined);
  }
  // Each of them is in the middle of its message.
  reader.push(hex('c1 0000 bb', 'c1 cf07 bb'), () => undefined);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
});

test('a message of 16 MB grows as it comes', () => {
  const reader = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 32 });
  const parts = [hex(chunkSize(1_000_000), '06 000000 ffffff 09 01000000')];
  const body = Buffer.alloc(16_777_215);
  for (let i = 0; i < body.length; i += 997) body[i] = i & 0xff;
  for (let at = 0; at < body.length; at += 1_000_000) {
    if (at > 0) parts.push(hex('c6'));
    parts.push(body.subarray(at, at + 1_000_000));
  }
  const seen: Buffer[] = [];
  const bytes = Buffer.concat(parts);
  for (let at = 0; at < bytes.length; at += 65_537) {
    reader.push(bytes.subarray(at, at + 65_537), (message) => seen.push(Buffer.from(message.body)));
  }
  expect(seen).toHaveLength(1);
  expect(seen[0]!.equals(body)).toBe(true);
});

test('pause gives the rest back', () => {
  const [first, second] = [hex('06 000001 000002 08 01000000 a1a2'), hex('46 000001 000001 08 b1')];
  const reader = new ChunkReader(LIMITS);
  const bytes = Buffer.concat([first, second, second]);
  const seen: Seen[] = [];
  const sink = (message: RtmpMessage): void => {
    seen.push(note(message));
    reader.pause();
  };
  expect(reader.push(bytes, sink)).toBe(first.length);
  expect(seen).toEqual([[8, 1, 1, 'a1a2']]);
  expect(reader.push(bytes.subarray(first.length), sink)).toBe(second.length);
  expect(reader.push(second, (message) => seen.push(note(message)))).toBe(second.length);
  expect(seen.slice(1)).toEqual([
    [8, 1, 2, 'b1'],
    [8, 1, 3, 'b1'],
  ]);
  expect(reader.bytesRead).toBe(bytes.length);
});

test('pause among bytes that were held for an extended timestamp loses none of them', () => {
  // The last byte of the first message and the header of the next look like a timestamp that is repeated.
  const bytes = hex(
    chunkSize(2),
    '06 ffffff 000003 08 01000000 01070001 a1a2',
    'c6 01',
    '07 000002 000001 09 01000000 b1',
  );
  for (const parts of splits(bytes)) {
    const reader = new ChunkReader(LIMITS);
    const seen: Seen[] = [];
    for (const part of parts) {
      let rest = part;
      while (rest.length > 0) {
        const taken = reader.push(rest, (message) => {
          seen.push(note(message));
          reader.pause();
        });
        rest = rest.subarray(taken);
      }
    }
    expect(seen).toEqual([
      [8, 1, 0x1070001, 'a1a201'],
      [9, 1, 2, 'b1'],
    ]);
  }
});

test('the memory of messages that come in parts is used again, and none of them mixed up', () => {
  const reader = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 32 });
  const others = new ChunkReader({ maxMessage: 16_777_215, maxStreams: 32 });
  const before = process.memoryUsage().arrayBuffers;
  let seen = 0;
  const look = ({ timestamp, body }: RtmpMessage): void => {
    expect(body.every((byte) => byte === (timestamp & 0xff))).toBe(true);
    seen += body.length;
  };
  const header = hex('06 000000 00c350 08 01000000');
  reader.push(hex(chunkSize(60_000)), look);
  others.push(hex(chunkSize(60_000)), look);
  for (let i = 0; i < 1000; i++) {
    header[3] = i & 0xff;
    const body = Buffer.alloc(50_000, i & 0xff);
    for (const one of [reader, others]) one.push(header, look);
    for (const one of [reader, others]) one.push(body.subarray(0, 20_000), look);
    for (const one of [others, reader]) one.push(body.subarray(20_000), look);
  }
  expect(seen).toBe(2 * 1000 * 50_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(70_000_000);
});

test('nothing but ProtocolError comes of damaged chunks, and bounded memory', () => {
  const random = seeded(0xc4a2);
  const limits = { maxMessage: 100_000, maxStreams: 32 };
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(CHUNK_CASES[random(CHUNK_CASES.length)]!.bytes, random);
    const reader = new ChunkReader(limits);
    const cut = random(bytes.length + 1);
    let size = 0;
    try {
      for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        reader.push(part, ({ body }) => {
          size += body.length;
        });
      }
    } catch (error) {
      expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
    }
    expect(size).toBeLessThanOrEqual(bytes.length);
  }
});
