import { describe, expect, test } from 'vitest';
import type { AmfValue } from '../../src/wire/amf.ts';
import { readAmf3 } from '../../src/wire/amf3.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { hex, mutate, seeded } from './splits.ts';

const text = (value: string): string => Buffer.from(value).toString('hex');

const CASES: readonly { readonly name: string; readonly bytes: Buffer; readonly value: AmfValue }[] = [
  { name: 'undefined', bytes: hex('00'), value: undefined },
  { name: 'null', bytes: hex('01'), value: null },
  { name: 'false', bytes: hex('02'), value: false },
  { name: 'true', bytes: hex('03'), value: true },
  { name: 'integer of one byte', bytes: hex('04 7f'), value: 127 },
  { name: 'integer of two bytes', bytes: hex('04 8100'), value: 128 },
  { name: 'integer of three bytes', bytes: hex('04 ffff7f'), value: 0x1fffff },
  { name: 'integer of four bytes', bytes: hex('04 80c08000'), value: 0x200000 },
  { name: 'greatest integer', bytes: hex('04 bfffffff'), value: 0x0fffffff },
  { name: 'least integer', bytes: hex('04 c0808000'), value: -0x10000000 },
  { name: 'minus one', bytes: hex('04 ffffffff'), value: -1 },
  { name: 'double', bytes: hex('05 3ff8000000000000'), value: 1.5 },
  { name: 'string', bytes: hex('06 05 c3a9'), value: 'é' },
  { name: 'XML document', bytes: hex('07 09 3c612f3e'), value: '<a/>' },
  { name: 'XML', bytes: hex('0b 09 3c612f3e'), value: '<a/>' },
  { name: 'date', bytes: hex('08 01 4271f71fb0450000'), value: new Date(0x11f71fb0450) },
  { name: 'byte array', bytes: hex('0c 07 0102ff'), value: Uint8Array.of(1, 2, 255) },
  { name: 'array', bytes: hex('09 05 01 04 01 06 03 61'), value: [1, 'a'] },
  {
    name: 'array with keys and places',
    bytes: hex('09 03 03 61 02 01 03'),
    value: { a: false, 0: true },
  },
  { name: 'dynamic object', bytes: hex('0a 0b 01 03 61 04 01 03 62 01 01'), value: { a: 1, b: null } },
  {
    name: 'object with fixed keys',
    bytes: hex('0a 23 07', text('Foo'), '03 61 03 62 04 01 04 02'),
    value: { a: 1, b: 2 },
  },
  {
    name: 'object with fixed and other keys',
    bytes: hex('0a 1b 01 03 61 04 01 03 62 04 02 01'),
    value: { a: 1, b: 2 },
  },
  {
    name: 'references to strings, traits and objects',
    bytes: hex('09 07 01', '0a 13 01 03 61 06 03 78', '0a 01 06 02', '0a 02'),
    value: [{ a: 'x' }, { a: 'x' }, { a: 'x' }],
  },
  {
    name: 'wrapped array',
    bytes: hex('0a 07 43', text('flex.messaging.io.ArrayCollection'), '09 03 01 04 05'),
    value: [5],
  },
  { name: 'vector of int', bytes: hex('0d 05 00 ffffffff 00000002'), value: [-1, 2] },
  { name: 'vector of uint', bytes: hex('0e 03 01 ffffffff'), value: [0xffffffff] },
  { name: 'vector of double', bytes: hex('0f 03 00 3ff8000000000000'), value: [1.5] },
  { name: 'vector of objects', bytes: hex('10 05 00 01 03 01'), value: [true, null] },
];

describe.each(CASES)('AMF3 $name', ({ bytes, value }) => {
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

test('AMF3 objects have no prototype', () => {
  const value = readAmf3(hex('0a 0b 01 13', text('__proto__'), '0a 01 03 61 03 01 01')).value;
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(Object.keys(value as object)).toEqual(['__proto__']);
});

test('nothing but ProtocolError comes of damaged AMF3', () => {
  const random = seeded(0x5eed3);
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(CASES[random(CASES.length)]!.bytes, random);
    try {
      readAmf3(bytes);
    } catch (error) {
      expect(error, bytes.toString('hex')).toBeInstanceOf(ProtocolError);
    }
  }
});
