import { hex } from '../splits.ts';

/** What came out, in short: type, stream id, timestamp and body. */
export type Seen = readonly [type: number, streamId: number, timestamp: number, body: string];

/** Set Chunk Size, in hex. */
export const chunkSize = (size: number): string =>
  `02 000000 000004 01 00000000 ${size.toString(16).padStart(8, '0')}`;
/** A byte in hex, again and again. */
const fill = (byte: string, count: number): string => byte.repeat(count);

/** Chunks and the messages they carry. */
export interface ChunkCase {
  readonly name: string;
  readonly bytes: Buffer;
  readonly messages: readonly Seen[];
}

/** Every form of chunk. */
export const CHUNK_CASES: readonly ChunkCase[] = [
  {
    name: 'one message in one chunk',
    bytes: hex('03 000001 000003 14 00000000 aabbcc'),
    messages: [[20, 0, 1, 'aabbcc']],
  },
  {
    name: 'the message stream id, which is little endian',
    bytes: hex('03 000000 000001 09 01020304 ff'),
    messages: [[9, 0x04030201, 0, 'ff']],
  },
  {
    name: 'a message without a body',
    bytes: hex('04 000005 000000 08 01000000', '04 000006 000001 08 01000000 01'),
    messages: [
      [8, 1, 5, ''],
      [8, 1, 6, '01'],
    ],
  },
  {
    name: 'a message in chunks of 128 bytes',
    bytes: hex('04 000000 000103 09 01000000', fill('11', 128), 'c4', fill('22', 128), 'c4 333333'),
    messages: [[9, 1, 0, fill('11', 128) + fill('22', 128) + fill('33', 3)]],
  },
  {
    name: 'a body of exactly one chunk',
    bytes: hex('04 000000 000080 09 01000000', fill('11', 128), 'c4', fill('22', 128)),
    messages: [
      [9, 1, 0, fill('11', 128)],
      [9, 1, 0, fill('22', 128)],
    ],
  },
  {
    name: 'deltas of types 1, 2 and 3',
    bytes: hex(
      '04 0003e8 000001 08 01000000 aa',
      '44 000017 000002 09 bbbb',
      '84 000018 cccc',
      'c4 dddd',
      'c4 eeee',
    ),
    messages: [
      [8, 1, 1000, 'aa'],
      [9, 1, 1023, 'bbbb'],
      [9, 1, 1047, 'cccc'],
      [9, 1, 1071, 'dddd'],
      [9, 1, 1095, 'eeee'],
    ],
  },
  {
    name: 'type 3 after type 0: the timestamp is the delta',
    bytes: hex('04 000017 000001 08 01000000 aa', 'c4 bb', 'c4 cc'),
    messages: [
      [8, 1, 23, 'aa'],
      [8, 1, 46, 'bb'],
      [8, 1, 69, 'cc'],
    ],
  },
  {
    name: 'type 3 after type 0 with a timestamp too large for a delta: the same again',
    bytes: hex('04 0f4240 000001 08 01000000 aa', 'c4 bb'),
    messages: [
      [8, 1, 1_000_000, 'aa'],
      [8, 1, 1_000_000, 'bb'],
    ],
  },
  {
    name: 'a first chunk of type 1',
    bytes: hex('44 000005 000001 14 aa'),
    messages: [[20, 0, 5, 'aa']],
  },
  {
    name: 'chunk stream ids of one, two and three bytes',
    bytes: hex(
      '3f 000001 000001 08 01000000 aa',
      '00 00 000002 000001 08 01000000 bb',
      '00 ff 000003 000001 08 01000000 cc',
      '01 0001 000004 000001 08 01000000 dd',
      '01 ffff 000005 000001 08 01000000 ee',
      'ff a1',
      'c0 00 b1',
      'c0 ff c1',
      'c1 0001 d1',
      'c1 ffff e1',
      // 64 and 319 in the long form are the same chunk streams.
      'c1 0000 b2',
      'c1 ff00 c2',
    ),
    messages: [
      [8, 1, 1, 'aa'],
      [8, 1, 2, 'bb'],
      [8, 1, 3, 'cc'],
      [8, 1, 4, 'dd'],
      [8, 1, 5, 'ee'],
      [8, 1, 2, 'a1'],
      [8, 1, 4, 'b1'],
      [8, 1, 6, 'c1'],
      [8, 1, 8, 'd1'],
      [8, 1, 10, 'e1'],
      [8, 1, 6, 'b2'],
      [8, 1, 9, 'c2'],
    ],
  },
  {
    name: 'chunks of one byte',
    bytes: hex(chunkSize(1), '06 000000 000004 08 01000000 aa c6 bb c6 cc c6 dd'),
    messages: [[8, 1, 0, 'aabbccdd']],
  },
  {
    name: 'messages interleaved',
    bytes: hex(
      chunkSize(2),
      '06 000001 000004 08 01000000 a1a2',
      '07 000002 000005 09 01000000 b1b2',
      'c6 a3a4',
      'c7 b3b4',
      '46 000003 000001 08 a5',
      'c7 b5',
    ),
    messages: [
      [8, 1, 1, 'a1a2a3a4'],
      [8, 1, 4, 'a5'],
      [9, 1, 2, 'b1b2b3b4b5'],
    ],
  },
  {
    name: 'a chunk size that changes in the middle of a message',
    bytes: hex(
      chunkSize(1),
      '06 000000 000006 08 01000000 aa',
      // Cut into chunks of one byte itself.
      '02 000000 000004 01 00000000 00 c2 00 c2 00 c2 03',
      'c6 bbbbbb',
      'c6 cccc',
    ),
    messages: [[8, 1, 0, 'aabbbbbbcccc']],
  },
  {
    name: 'a chunk size with its first bit set',
    bytes: hex('02 000000 000004 01 00000000 80000002', '06 000000 000003 08 01000000 aaaa c6 bb'),
    messages: [[8, 1, 0, 'aaaabb']],
  },
  {
    name: 'a chunk size beyond all sense, which is ignored',
    bytes: hex(chunkSize(10_485_761), '06 000000 000081 08 01000000', fill('aa', 128), 'c6 bb'),
    messages: [[8, 1, 0, `${fill('aa', 128)}bb`]],
  },
  {
    name: 'the largest chunk size',
    bytes: hex(chunkSize(10_485_760), '06 000000 0000c8 08 01000000', fill('aa', 200)),
    messages: [[8, 1, 0, fill('aa', 200)]],
  },
  {
    name: 'an aborted message',
    bytes: hex(
      chunkSize(2),
      '06 000001 000004 08 01000000 a1a2',
      '02 000000 000004 02 00000000 0000 c2 0006',
      'c6 b1b2',
      'c6 b3b4',
    ),
    messages: [[8, 1, 2, 'b1b2b3b4']],
  },
  {
    name: 'an Abort for nothing',
    bytes: hex(
      '02 000000 000004 02 00000000 00000006',
      '02 000000 000004 02 00000000 ffffffff',
      '06 000001 000001 08 01000000 a1',
    ),
    messages: [[8, 1, 1, 'a1']],
  },
  {
    name: 'a message begun anew before its end',
    bytes: hex(chunkSize(2), '06 000001 000004 08 01000000 a1a2', '06 000002 000002 08 01000000 b1b2'),
    messages: [[8, 1, 2, 'b1b2']],
  },
  {
    name: 'the last timestamp without extension',
    bytes: hex('06 fffffe 000001 08 01000000 aa'),
    messages: [[8, 1, 0xfffffe, 'aa']],
  },
  {
    name: 'extended timestamps, repeated',
    bytes: hex(
      chunkSize(2),
      '06 ffffff 000005 08 01000000 00ffffff a1a2',
      'c6 00ffffff a3a4',
      'c6 00ffffff a5',
      '06 ffffff 000003 08 01000000 01000010 b1b2',
      'c6 01000010 b3',
    ),
    messages: [
      [8, 1, 0xffffff, 'a1a2a3a4a5'],
      [8, 1, 0x1000010, 'b1b2b3'],
    ],
  },
  {
    name: 'extended timestamps, not repeated',
    bytes: hex(
      chunkSize(2),
      '06 ffffff 000005 08 01000000 00ffffff a1a2',
      'c6 a3a4',
      'c6 a5',
      '06 ffffff 000003 08 01000000 01000010 b1b2',
      'c6 b3',
    ),
    messages: [
      [8, 1, 0xffffff, 'a1a2a3a4a5'],
      [8, 1, 0x1000010, 'b1b2b3'],
    ],
  },
  {
    name: 'extended timestamps, not repeated, before bodies that begin like them',
    bytes: hex(
      chunkSize(2),
      '06 ffffff 000005 08 01000000 01000010 a1a2',
      'c6 0100',
      'c6 01',
      '07 ffffff 000007 09 01000000 01000010 b1b2',
      'c7 0100',
      'c6 0100',
      'c7 0001',
      'c6 0001',
      'c6 01',
      'c7 01',
    ),
    messages: [
      [8, 1, 0x1000010, 'a1a2010001'],
      [8, 1, 0x1000010, '0100000101'],
      [9, 1, 0x1000010, 'b1b20100000101'],
    ],
  },
  {
    name: 'a timestamp without extension after one with it, before a body that begins like the old one',
    bytes: hex(
      chunkSize(4),
      '06 ffffff 000001 08 01000000 01000010 a1',
      '06 000005 000009 08 01000000 b1b2b3b4 c6 01000010 c6 b9',
    ),
    messages: [
      [8, 1, 0x1000010, 'a1'],
      [8, 1, 5, 'b1b2b3b401000010b9'],
    ],
  },
  {
    name: 'an extended delta repeated as the delta, as the timestamp, and not at all',
    bytes: hex(
      chunkSize(2),
      '06 000001 000001 08 01000000 aa',
      '46 ffffff 000003 08 01000000 a1a2 c6 01000000 a3',
      '46 ffffff 000003 08 01000000 b1b2 c6 02000001 b3',
      '46 ffffff 000003 08 01000000 c1c2 c6 c3',
    ),
    messages: [
      [8, 1, 1, 'aa'],
      [8, 1, 0x1000001, 'a1a2a3'],
      [8, 1, 0x2000001, 'b1b2b3'],
      [8, 1, 0x3000001, 'c1c2c3'],
    ],
  },
  {
    name: 'deltas across 2^24',
    bytes: hex(
      '06 fffff0 000001 08 01000000 aa',
      '86 000020 bb',
      'c6 cc',
      '86 ffffff fefffffe dd',
      'c6 ee',
      'c6 ff',
    ),
    messages: [
      [8, 1, 0xfffff0, 'aa'],
      [8, 1, 0x1000010, 'bb'],
      [8, 1, 0x1000030, 'cc'],
      [8, 1, 0x2e, 'dd'],
      [8, 1, 0xff00002c, 'ee'],
      [8, 1, 0xfe00002a, 'ff'],
    ],
  },
  {
    name: 'deltas across 2^32, and backwards',
    bytes: hex(
      '06 ffffff 000001 08 01000000 fffffff0 aa',
      '86 000020 bb',
      '86 ffffff ffffffe0 cc',
      '86 ffffff ffffffff dd',
      '86 000020 ee',
      'c6 ff',
    ),
    messages: [
      [8, 1, 0xfffffff0, 'aa'],
      [8, 1, 0x10, 'bb'],
      [8, 1, 0xfffffff0, 'cc'],
      [8, 1, 0xffffffef, 'dd'],
      [8, 1, 0xf, 'ee'],
      [8, 1, 0x2f, 'ff'],
    ],
  },
  {
    name: 'a body that ends like an extended timestamp, of a peer that does not repeat it',
    bytes: hex(
      '04 ffffff 000081 09 01000000 01000000',
      fill('11', 128),
      'c4 aa',
      '04 ffffff 000082 09 01000000 01000000',
      fill('22', 128),
      'c4 0100',
      '00 00 000005 000001 08 01000000 bb',
    ),
    messages: [
      [9, 1, 0x1000000, `${fill('11', 128)}aa`],
      [9, 1, 0x1000000, `${fill('22', 128)}0100`],
      [8, 1, 5, 'bb'],
    ],
  },
  {
    name: 'extended timestamps that are repeated only in the second message',
    bytes: hex(
      '04 ffffff 000084 09 01000000 01000000',
      fill('11', 128),
      'c4 aabbccdd',
      '04 ffffff 000084 09 01000000 01000000',
      fill('22', 128),
      'c4 01000000 aabbccdd',
    ),
    messages: [
      [9, 1, 0x1000000, `${fill('11', 128)}aabbccdd`],
      [9, 1, 0x1000000, `${fill('22', 128)}aabbccdd`],
    ],
  },
];
