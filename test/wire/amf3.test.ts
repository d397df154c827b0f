import { describe, expect, test } from 'vitest';
import { MOST_AMF_DEPTH } from '../../src/rtmp/directives.ts';
import { readAmf0Values } from '../../src/wire/amf0.ts';
import { readAmf3 } from '../../src/wire/amf3.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { AMF3_CASES } from './amf3-cases.ts';
import { hex, mutate, seeded } from './splits.ts';

const text = (value: string): string => Buffer.from(value).toString('hex');

describe.each(AMF3_CASES)('AMF3 $name', ({ bytes, value }) => {
  test('is read', () => {
    expect(readAmf3(bytes)).toEqual({ value, end: bytes.length });
    expect(readAmf3(Buffer.concat([hex('ff'), bytes, hex('01')]), 1).end).toBe(1 + bytes.length);
  });

  test('cut off anywhere is refused', () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(() => readAmf3(bytes.subarray(0, end)), `at ${end}`).toThrow(ProtocolError);
    }
  });
});

describe('AMF3 refuses', () => {
  test.each([
    ['an unknown marker', '12'],
    ['a dictionary', '11 01 00'],
    ['objects in a form of their own', `0a 07 07 ${text('Foo')} 01`],
    ['a reference to no object', '0a 02'],
    ['a reference to no string', '06 02'],
    ['a reference to no traits', '0a 05'],
    ['an array that holds itself', '09 03 01 09 00'],
    ['an array longer than the message', '09 ffffff7f 01'],
    ['traits longer than the message', '0a ffffff73 01'],
    ['a vector longer than the message', '0d ffffff7f 00'],
  ])('%s', (_, bytes) => {
    expect(() => readAmf3(hex(bytes))).toThrow(ProtocolError);
  });

  test('too many values, those of references included', () => {
    const limits = { depth: 4, values: 9 };
    expect(() => readAmf3(hex('09 07 01 09 05 01 01 01 09 02 01'), 0, limits)).not.toThrow();
    expect(() => readAmf3(hex('09 09 01 09 05 01 01 01 09 02 09 02'), 0, limits)).toThrow('too many values');
    expect(() => readAmf3(hex('0d 13 00', '00'.repeat(36)), 0, limits)).toThrow('too many values');
  });

  test('values nested too deeply', () => {
    const bytes = Buffer.concat([...new Array(5).fill(hex('09 03 01')), hex('01')]);
    expect(() => readAmf3(bytes, 0, { depth: 5, values: 100 })).not.toThrow();
    expect(() => readAmf3(bytes, 0, { depth: 4, values: 100 })).toThrow('nested');
  });

  test('long strings repeated by reference', () => {
    // 100 references to a string of 100 kB.
    const bytes = Buffer.concat([
      hex('09 814b 01 06 8c9a41'),
      Buffer.alloc(100_000, 0x61),
      Buffer.from('0600'.repeat(100), 'hex'),
    ]);
    expect(() => readAmf3(bytes)).toThrow('too many values');
    expect(() => readAmf3(bytes, 0, { depth: 1, values: 100_000 })).not.toThrow();
  });
});

test('the deepest that the configuration allows leaves most of the stack free, in every way that values nest', () => {
  const depth = 4 * MOST_AMF_DEPTH;
  const limits = { depth, values: 1_000_000 };
  const levels = (bytes: string): Buffer => Buffer.concat(new Array<Buffer>(depth).fill(hex(bytes)));
  const deepest = [
    Buffer.concat([hex('11'), levels('09 03 01'), hex('01')]),
    Buffer.concat([hex('11'), levels('0a 13 01 03 61'), hex('01')]),
    Buffer.concat([hex('11'), levels('09 01 03 61'), hex('01'), levels('01')]),
    Buffer.concat([levels('0a 00000001'), hex('05')]),
    Buffer.concat([levels('03 0001 61'), hex('05'), levels('0000 09')]),
  ];
  for (const bytes of deepest) {
    expect(readAmf0Values(bytes, 0, limits), bytes.toString('hex', 0, 8)).toHaveLength(1);
    expect(() => readAmf0Values(bytes, 0, { depth: depth - 1, values: 1_000_000 })).toThrow('nested');
  }
});

test('AMF3 objects have no prototype', () => {
  const value = readAmf3(hex('0a 0b 01 13', text('__proto__'), '0a 01 03 61 03 01 01')).value;
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.keys(value as object)).toEqual(['__proto__']);
});

test('nothing but ProtocolError comes of damaged AMF3', () => {
  const random = seeded(0x5eed3);
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(AMF3_CASES[random(AMF3_CASES.length)]!.bytes, random);
    try {
      readAmf3(bytes);
    } catch (error) {
      expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
    }
  }
});
