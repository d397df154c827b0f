import { describe, expect, test } from 'vitest';
import { AMF_LIMITS } from '../../src/wire/amf.ts';
import {
  type AmfWritable,
  peekAmf0String,
  readAmf0,
  readAmf0Values,
  writeAmf0,
} from '../../src/wire/amf0.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { AMF0_CASES, long } from './amf0-cases.ts';
import { hex, mutate, seeded } from './splits.ts';

describe.each(AMF0_CASES)('AMF0 $name', ({ bytes, value, mayEndAt }) => {
  test('is read', () => {
    expect(readAmf0(bytes)).toEqual({ value, end: bytes.length });
    expect(readAmf0(Buffer.concat([hex('ffff'), bytes, hex('05')]), 2).end).toBe(2 + bytes.length);
  });

  test('cut off anywhere is refused', () => {
    const step = Math.max(1, Math.floor(bytes.length / 200));
    for (let end = 0; end < bytes.length; end += step) {
      if (mayEndAt?.includes(end)) expect(readAmf0(bytes.subarray(0, end)).end).toBe(end);
      else expect(() => readAmf0(bytes.subarray(0, end)), `at ${end}`).toThrow(ProtocolError);
    }
  });
});

test.each(AMF0_CASES.filter((entry) => 'written' in entry))('AMF0 $name is written', ({ bytes, written }) => {
  expect(writeAmf0(written)).toEqual(bytes);
});

describe('AMF0 objects', () => {
  test('have no prototype, so that no key has a meaning', () => {
    const bytes = hex('03 0009', Buffer.from('__proto__').toString('hex'), '03 0001 61 0101 000009 000009');
    const value = readAmf0(bytes).value as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect((Object.prototype as Record<string, unknown>)['a']).toBeUndefined();
    expect(value['toString']).toBeUndefined();
  });

  test('are written with the fields of objects without prototype', () => {
    const object = readAmf0(writeAmf0({ z: 1, a: [true] })).value as AmfWritable;
    expect(writeAmf0(object)).toEqual(writeAmf0({ z: 1, a: [true] }));
  });

  test('refuse keys that do not fit', () => {
    expect(() => writeAmf0({ [long]: 1 })).toThrow(RangeError);
  });
});

describe('AMF0 limits', () => {
  const nested = (depth: number): Buffer =>
    Buffer.concat(new Array(depth).fill(hex('0a 00000001')).concat(hex('05')));

  test('depth', () => {
    expect(() => readAmf0(nested(AMF_LIMITS.depth))).not.toThrow();
    expect(() => readAmf0(nested(AMF_LIMITS.depth + 1))).toThrow(ProtocolError);
  });

  test('count of values over a whole message', () => {
    const limits = { depth: 4, values: 10 };
    expect(readAmf0Values(Buffer.alloc(10, 5), 0, limits)).toHaveLength(10);
    expect(() => readAmf0Values(Buffer.alloc(11, 5), 0, limits)).toThrow(ProtocolError);
    expect(() => readAmf0(hex('0a ffffffff 05'), 0, limits)).toThrow('ends early');
    expect(() => readAmf0(hex('0c ffffffff 05'), 0, limits)).toThrow('ends early');
  });

  test('references count for what they repeat', () => {
    // Each array holds the one before it twice: a tree of 2^14 values in a hundred bytes.
    const levels = Array.from({ length: 14 }, (_, n) =>
      hex(`0a 00000002 07${(n + 1).toString(16).padStart(4, '0')}`),
    );
    const bytes = Buffer.concat([
      hex('0a 0000000f 0a 00000000'),
      ...levels.map((level, n) => Buffer.concat([level, hex(`07${(n + 1).toString(16).padStart(4, '0')}`)])),
    ]);
    expect(() => readAmf0(bytes)).toThrow('too many values');
    expect(() => readAmf0(bytes, 0, { depth: 16, values: 1_000_000 })).not.toThrow();
  });

  test('a reference to what holds it is refused', () => {
    expect(() => readAmf0(hex('0a 00000001 07 0000'))).toThrow('reference');
    expect(() => readAmf0(hex('03 0001 61 07 0000 000009'))).toThrow('reference');
    expect(() => readAmf0(hex('07 0000'))).toThrow('reference');
  });

  test.each(['04', '0e', '12', '09', 'ff'])('marker %s is refused', (marker) => {
    expect(() => readAmf0(hex(marker, '0000000000000000'))).toThrow(ProtocolError);
  });
});

test('peekAmf0String looks without reading on', () => {
  expect(peekAmf0String(hex('05 02 0002 6869 ff'), 1)).toEqual({ value: 'hi', end: 6 });
  for (const bytes of ['', '02', '02 00', '02 0001', '05', '0c 00000000']) {
    expect(peekAmf0String(hex(bytes)), bytes).toBeNull();
  }
});

test('AMF0 values written one after another are read again', () => {
  const values = ['connect', 1, { app: 'live', nested: [1, 'two', null] }, undefined];
  expect(readAmf0Values(writeAmf0(...values))).toEqual(values);
});

test('nothing but ProtocolError comes of damaged AMF0', () => {
  const random = seeded(0x5eed0);
  const seeds = AMF0_CASES.filter(({ bytes }) => bytes.length < 1000);
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(seeds[random(seeds.length)]!.bytes, random);
    try {
      readAmf0Values(bytes);
    } catch (error) {
      expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
    }
  }
});
