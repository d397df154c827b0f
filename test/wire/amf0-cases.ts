import type { AmfValue } from '../../src/wire/amf.ts';
import { type AmfWritable, EcmaArray } from '../../src/wire/amf0.ts';
import { hex } from './splits.ts';

/** A value of AMF0 and its bytes. */
export interface Amf0Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly value: AmfValue;
  /** What gives the same bytes when written; absent for forms that are only read. */
  readonly written?: AmfWritable;
  /** Where an ECMA array may end without its end marker: at the end of the message, its count being reached. */
  readonly mayEndAt?: readonly number[];
}

/** A text that needs a long string. */
export const long = 'x'.repeat(70_000);

/** Every form of value. */
export const AMF0_CASES: readonly Amf0Case[] = [
  { name: 'number', bytes: hex('00 3ff0000000000000'), value: 1, written: 1 },
  { name: 'negative zero', bytes: hex('00 8000000000000000'), value: -0, written: -0 },
  { name: 'not a number', bytes: hex('00 7ff8000000000000'), value: Number.NaN, written: Number.NaN },
  { name: 'true', bytes: hex('01 01'), value: true, written: true },
  { name: 'false', bytes: hex('01 00'), value: false, written: false },
  { name: 'true as any byte', bytes: hex('01 7f'), value: true },
  { name: 'empty string', bytes: hex('02 0000'), value: '', written: '' },
  { name: 'string', bytes: hex('02 0005 c3a9 e282ac'), value: 'é€', written: 'é€' },
  {
    name: 'long string',
    bytes: Buffer.concat([hex('0c 00011170'), Buffer.from(long)]),
    value: long,
    written: long,
  },
  { name: 'null', bytes: hex('05'), value: null, written: null },
  { name: 'undefined', bytes: hex('06'), value: undefined, written: undefined },
  { name: 'unsupported', bytes: hex('0d'), value: undefined },
  { name: 'XML', bytes: hex('0f 00000004 3c612f3e'), value: '<a/>' },
  {
    name: 'date, its time zone ignored',
    bytes: hex('0b 4271f71fb0450000 003c'),
    value: new Date(0x11f71fb0450),
  },
  { name: 'date', bytes: hex('0b 0000000000000000 0000'), value: new Date(0), written: new Date(0) },
  { name: 'empty object', bytes: hex('03 000009'), value: {}, written: {} },
  {
    name: 'object, its fields in order',
    bytes: hex('03 0001 62 0101 0001 61 05 0001 63 03 0001 64 06 000009 000009'),
    value: { b: true, a: null, c: { d: undefined } },
    written: { b: true, a: null, c: { d: undefined } },
  },
  { name: 'object with a field without a name', bytes: hex('03 0000 05 000009'), value: { '': null } },
  {
    name: 'typed object',
    bytes: hex('10 0003 466f6f 0001 61 0101 000009'),
    value: { a: true },
  },
  {
    name: 'ECMA array',
    bytes: hex('08 00000001 0001 61 0101 000009'),
    value: { a: true },
    written: new EcmaArray({ a: true }),
    mayEndAt: [10],
  },
  {
    name: 'ECMA array with a wrong count',
    bytes: hex('08 00000000 0001 61 0101 000009'),
    value: { a: true },
    mayEndAt: [5, 10],
  },
  { name: 'empty array', bytes: hex('0a 00000000'), value: [], written: [] },
  {
    name: 'array',
    bytes: hex('0a 00000003 05 0101 0a00000000'),
    value: [null, true, []],
    written: [null, true, []],
  },
  {
    name: 'references to what is complete',
    bytes: hex('0a 00000003 03 0001 61 0101 000009 07 0001 07 0001'),
    value: [{ a: true }, { a: true }, { a: true }],
  },
  { name: 'AMF3 within', bytes: hex('11 0a 0b 01 03 61 04 07 01'), value: { a: 7 } },
  {
    name: 'AMF3 in an object',
    bytes: hex('03 0001 61 11 03 0001 62 05 000009'),
    value: { a: true, b: null },
  },
];
