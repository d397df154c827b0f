import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/wire/protocol-error.ts';
import { unpackAggregate } from '../../../src/wire/rtmp/aggregate.ts';
import { amf0Body, dataName, readCommand, writeCommand, writeData } from '../../../src/wire/rtmp/commands.ts';
import {
  abort,
  acknowledgement,
  type Control,
  type OutMessage,
  pingRequest,
  pingResponse,
  type RtmpMessage,
  readControl,
  setBufferLength,
  setChunkSize,
  setPeerBandwidth,
  streamBegin,
  streamDry,
  streamEof,
  streamIsRecorded,
  windowAckSize,
} from '../../../src/wire/rtmp/messages.ts';
import { hex, mutate, seeded } from '../splits.ts';

const CONTROLS: readonly (readonly [message: OutMessage, type: number, body: string, read: Control])[] = [
  [setChunkSize(4096), 1, '00001000', { kind: 'chunkSize', size: 4096 }],
  [abort(6), 2, '00000006', { kind: 'abort', csid: 6 }],
  [acknowledgement(0xf0000000), 3, 'f0000000', { kind: 'acknowledgement', bytes: 0xf0000000 }],
  [acknowledgement(2 ** 32 + 5), 3, '00000005', { kind: 'acknowledgement', bytes: 5 }],
  [windowAckSize(5_000_000), 5, '004c4b40', { kind: 'windowAckSize', size: 5_000_000 }],
  [setPeerBandwidth(1, 'hard'), 6, '00000001 00', { kind: 'peerBandwidth', size: 1, limit: 'hard' }],
  [setPeerBandwidth(2, 'soft'), 6, '00000002 01', { kind: 'peerBandwidth', size: 2, limit: 'soft' }],
  [setPeerBandwidth(3, 'dynamic'), 6, '00000003 02', { kind: 'peerBandwidth', size: 3, limit: 'dynamic' }],
  [streamBegin(1), 4, '0000 00000001', { kind: 'streamBegin', streamId: 1 }],
  [streamEof(1), 4, '0001 00000001', { kind: 'streamEof', streamId: 1 }],
  [streamDry(1), 4, '0002 00000001', { kind: 'streamDry', streamId: 1 }],
  [setBufferLength(1, 3000), 4, '0003 00000001 00000bb8', { kind: 'bufferLength', streamId: 1, ms: 3000 }],
  [streamIsRecorded(1), 4, '0004 00000001', { kind: 'streamIsRecorded', streamId: 1 }],
  [pingRequest(0xffffffff), 4, '0006 ffffffff', { kind: 'pingRequest', timestamp: 0xffffffff }],
  [pingResponse(7), 4, '0007 00000007', { kind: 'pingResponse', timestamp: 7 }],
];

describe.each(CONTROLS)('control message %#', (message, type, body, read) => {
  test('is written', () => {
    expect(message).toEqual({ csid: 2, type, streamId: 0, timestamp: 0, body: hex(body) });
  });

  test('is read', () => {
    expect(readControl(type, hex(body))).toEqual(read);
    expect(readControl(type, hex(body, 'ffff'))).toMatchObject({ kind: read.kind });
  });

  test('cut off is refused', () => {
    // The limit type of Set Peer Bandwidth may be missing.
    const shortest = type === 6 ? 4 : hex(body).length;
    for (let end = 0; end < shortest; end++) {
      expect(() => readControl(type, hex(body).subarray(0, end))).toThrow(ProtocolError);
    }
  });
});

test('control messages of other kinds are told apart', () => {
  expect(readControl(4, hex('001f 00000001'))).toEqual({ kind: 'unknown', event: 31 });
  expect(readControl(4, hex('001a'))).toEqual({ kind: 'unknown', event: 26 });
  expect(readControl(6, hex('00000001'))).toEqual({ kind: 'peerBandwidth', size: 1, limit: 'dynamic' });
  expect(readControl(6, hex('00000001 09'))).toMatchObject({ limit: 'dynamic' });
  expect(readControl(8, hex('00000001'))).toBeNull();
});

describe('commands', () => {
  const connect = hex(
    '02 0007 636f6e6e656374',
    '00 3ff0000000000000',
    '03 0003 617070 02 0004 6c697665 000009',
  );

  test('are written and read', () => {
    const message = writeCommand('connect', 1, [{ app: 'live' }]);
    expect(message).toEqual({ csid: 3, type: 20, streamId: 0, timestamp: 0, body: connect });
    expect(readCommand(20, connect)).toEqual({ name: 'connect', transactionId: 1, args: [{ app: 'live' }] });
  });

  test('of a stream go on the chunk stream of statuses', () => {
    expect(writeCommand('onStatus', 0, [null, { level: 'status' }], 1)).toMatchObject({
      csid: 5,
      streamId: 1,
    });
    expect(writeData(1, ['onMetaData', {}])).toMatchObject({ csid: 5, type: 18, streamId: 1 });
  });

  test('of type 17 are read with and without the byte before', () => {
    const read = { name: 'connect', transactionId: 1, args: [{ app: 'live' }] };
    expect(readCommand(17, Buffer.concat([hex('00'), connect]))).toEqual(read);
    expect(readCommand(17, connect)).toEqual(read);
    const amf3 = hex('00 02 0001 61', '00 0000000000000000', '05', '11 06 07 666f6f');
    expect(readCommand(17, amf3)).toEqual({ name: 'a', transactionId: 0, args: [null, 'foo'] });
  });

  test.each([
    ['02 0001 61', { name: 'a', transactionId: 0, args: [] }],
    ['02 0001 61 05 0101', { name: 'a', transactionId: 0, args: [true] }],
    ['02 0001 61 0101', { name: 'a', transactionId: 0, args: [true] }],
  ])('without a transaction id are read: %s', (bytes, read) => {
    expect(readCommand(20, hex(bytes))).toEqual(read);
  });

  test.each(['', '05', '00 3ff0000000000000', '02 0005 61', '02 0001 61 03'])('%j is refused', (bytes) => {
    expect(() => readCommand(20, hex(bytes))).toThrow(ProtocolError);
  });

  test('only the AMF3 types have a byte to skip', () => {
    expect(amf0Body(15, hex('00 05'))).toEqual(hex('05'));
    expect(amf0Body(18, hex('00 05'))).toEqual(hex('00 05'));
    expect(amf0Body(15, hex('02 05'))).toEqual(hex('02 05'));
  });

  test('the name of a data message', () => {
    expect(dataName(hex('02 0002 6869 05'))).toBe('hi');
    expect(dataName(hex('05'))).toBeNull();
    expect(dataName(hex(''))).toBeNull();
  });

  test('nothing but ProtocolError comes of damaged commands', () => {
    const random = seeded(0xc033a);
    for (let round = 0; round < 5000; round++) {
      const bytes = mutate(connect, random);
      for (const read of [() => readCommand(20, bytes), () => readCommand(17, bytes)]) {
        try {
          read();
        } catch (error) {
          expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
        }
      }
    }
  });
});

describe('aggregate messages', () => {
  const tag = (type: string, time: string, body: string): string =>
    `${type} ${(body.length / 2).toString(16).padStart(6, '0')} ${time} 000000 ${body} 0000000d`;

  function unpack(timestamp: number, body: Buffer): readonly unknown[] {
    const seen: unknown[] = [];
    unpackAggregate({ type: 22, streamId: 1, timestamp, body }, (message: RtmpMessage) =>
      seen.push([message.type, message.streamId, message.timestamp, message.body.toString('hex')]),
    );
    return seen;
  }

  test('have their timestamps moved to that of the whole', () => {
    const body = hex(
      tag('08', '0003e8 00', 'af01'),
      tag('09', '0003f5 00', '1701aa'),
      tag('12', '0003e0 00', ''),
    );
    expect(unpack(5000, body)).toEqual([
      [8, 1, 5000, 'af01'],
      [9, 1, 5013, '1701aa'],
      [18, 1, 4992, ''],
    ]);
  });

  test('have extended timestamps and wrap', () => {
    expect(unpack(0xfffffff0, hex(tag('08', 'fffff0 01', 'aa'), tag('08', '000010 02', 'bb')))).toEqual([
      [8, 1, 0xfffffff0, 'aa'],
      [8, 1, 0x10, 'bb'],
    ]);
  });

  test('may lack the last length', () => {
    const body = hex(tag('08', '000000 00', 'aa'));
    expect(unpack(0, body.subarray(0, body.length - 4))).toHaveLength(1);
    expect(unpack(0, Buffer.alloc(0))).toEqual([]);
  });

  test('cut off elsewhere, or within one another, are refused', () => {
    const body = hex(tag('08', '000000 00', 'aabb'));
    for (let end = 1; end < body.length - 4; end++) {
      expect(() => unpack(0, body.subarray(0, end)), `at ${end}`).toThrow(ProtocolError);
    }
    expect(() => unpack(0, hex(tag('16', '000000 00', 'aabb')))).toThrow(ProtocolError);
  });
});
