import type { AmfValue } from '../../src/wire/amf.ts';
import { hex } from './splits.ts';

const text = (value: string): string => Buffer.from(value).toString('hex');

/** A value of AMF3 and its bytes. */
export interface Amf3Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly value: AmfValue;
}

/** Every form of value. */
export const AMF3_CASES: readonly Amf3Case[] = [
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
