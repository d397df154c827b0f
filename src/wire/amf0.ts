import {
  AMF_LIMITS,
  AmfCursor,
  type AmfLimits,
  type AmfObject,
  type AmfReferences,
  type AmfValue,
  newObject,
} from './amf.ts';
import { Amf3Reader } from './amf3.ts';
import { ProtocolError } from './protocol-error.ts';

/** Markers of the AMF0 specification, 2.1. */
const NUMBER = 0;
const BOOLEAN = 1;
const STRING = 2;
const OBJECT = 3;
const NULL = 5;
const UNDEFINED = 6;
const REFERENCE = 7;
const ECMA_ARRAY = 8;
const OBJECT_END = 9;
const STRICT_ARRAY = 10;
const DATE = 11;
const LONG_STRING = 12;
const UNSUPPORTED = 13;
const XML_DOCUMENT = 15;
const TYPED_OBJECT = 16;
const AVMPLUS = 17;

/** A value and the offset of the byte after it. */
export interface AmfRead {
  readonly value: AmfValue;
  readonly end: number;
}

/** Reads the AMF0 value at `offset`. Throws ProtocolError where there is none, or it goes over the limits. */
export function readAmf0(buffer: Buffer, offset = 0, limits: AmfLimits = AMF_LIMITS): AmfRead {
  const cursor = new AmfCursor(buffer, offset, limits);
  const value = new Amf0Reader(cursor).value();
  return { value, end: cursor.at };
}

/** Reads all the AMF0 values from `offset` to the end of the buffer. Throws ProtocolError. */
export function readAmf0Values(buffer: Buffer, offset = 0, limits: AmfLimits = AMF_LIMITS): AmfValue[] {
  const cursor = new AmfCursor(buffer, offset, limits);
  const reader = new Amf0Reader(cursor);
  const values: AmfValue[] = [];
  while (cursor.left > 0) values.push(reader.value());
  return values;
}

/**
 * The AMF0 string at `offset`, or null where something else stands there. Reads no further and never throws: for
 * looking at what a message is.
 */
export function peekAmf0String(buffer: Buffer, offset = 0): AmfRead | null {
  if (buffer.length < offset + 3 || buffer[offset] !== STRING) return null;
  const start = offset + 3;
  const end = start + buffer.readUInt16BE(offset + 1);
  return end > buffer.length ? null : { value: buffer.toString('utf8', start, end), end };
}

class Amf0Reader {
  readonly #cursor: AmfCursor;
  readonly #references: AmfReferences = [];
  #amf3: Amf3Reader | undefined;

  constructor(cursor: AmfCursor) {
    this.#cursor = cursor;
  }

  value(): AmfValue {
    const cursor = this.#cursor;
    const marker = cursor.u8();
    cursor.count(1);
    switch (marker) {
      case NUMBER:
        return cursor.double();
      case BOOLEAN:
        return cursor.u8() !== 0;
      case STRING:
        return cursor.text(cursor.u16());
      case LONG_STRING:
      case XML_DOCUMENT:
        return cursor.text(cursor.u32());
      case NULL:
        return null;
      case UNDEFINED:
      case UNSUPPORTED:
        return undefined;
      case OBJECT:
        return this.#object(Number.POSITIVE_INFINITY);
      case TYPED_OBJECT:
        cursor.skip(cursor.u16());
        return this.#object(Number.POSITIVE_INFINITY);
      case ECMA_ARRAY:
        return this.#object(cursor.u32());
      case STRICT_ARRAY:
        return this.#array();
      case DATE: {
        const date = new Date(cursor.double());
        // The time zone is reserved and to be ignored.
        cursor.skip(2);
        return date;
      }
      case REFERENCE:
        return cursor.refer(this.#references, cursor.u16());
      case AVMPLUS:
        this.#amf3 ??= new Amf3Reader(cursor);
        return this.#amf3.value();
      default:
        throw new ProtocolError(`unknown AMF0 marker ${marker}`);
    }
  }

  /** `announced` is the count of an ECMA array, a mere hint that only matters where the end marker is missing. */
  #object(announced: number): AmfObject {
    const cursor = this.#cursor;
    const index = this.#references.length;
    const object = cursor.open(this.#references, newObject());
    cursor.enter();
    for (let read = 0; ; read++) {
      // Some encoders leave out the end marker of an ECMA array that ends the message.
      if (cursor.left === 0 && read >= announced) break;
      const key = cursor.text(cursor.u16());
      if (key === '' && cursor.left > 0 && cursor.bytes[cursor.at] === OBJECT_END) {
        cursor.skip(1);
        break;
      }
      object[key] = this.value();
    }
    cursor.leave();
    cursor.close(this.#references, index);
    return object;
  }

  #array(): readonly AmfValue[] {
    const cursor = this.#cursor;
    const length = cursor.u32();
    if (length > cursor.left) throw new ProtocolError('AMF array ends early');
    const index = this.#references.length;
    const array = cursor.open(this.#references, [] as AmfValue[]);
    cursor.enter();
    for (let i = 0; i < length; i++) array.push(this.value());
    cursor.leave();
    cursor.close(this.#references, index);
    return array;
  }
}

/** Written as an ECMA array rather than an object: the customary form of metadata in files. */
export class EcmaArray {
  readonly fields: AmfWritableObject;

  constructor(fields: AmfWritableObject) {
    this.fields = fields;
  }
}

/** What can be written as AMF0. A field that is undefined is written as such, not left out. */
export type AmfWritable =
  | null
  | undefined
  | boolean
  | number
  | string
  | Date
  | EcmaArray
  | readonly AmfWritable[]
  | AmfWritableObject;

export interface AmfWritableObject {
  readonly [key: string]: AmfWritable;
}

/** The values one after another as AMF0; strings above 65,535 bytes as long strings, fields in their own order. */
export function writeAmf0(...values: readonly AmfWritable[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) writeValue(parts, value);
  return Buffer.concat(parts);
}

function writeValue(parts: Buffer[], value: AmfWritable): void {
  if (typeof value === 'string') writeString(parts, value);
  else if (typeof value === 'number') parts.push(numberBytes(NUMBER, value));
  else if (typeof value === 'boolean') parts.push(Buffer.from([BOOLEAN, value ? 1 : 0]));
  else if (value === null) parts.push(Buffer.from([NULL]));
  else if (value === undefined) parts.push(Buffer.from([UNDEFINED]));
  else if (value instanceof Date) parts.push(numberBytes(DATE, value.getTime()), Buffer.alloc(2));
  else if (value instanceof EcmaArray) {
    parts.push(counted(ECMA_ARRAY, Object.keys(value.fields).length));
    writeFields(parts, value.fields);
  } else if (isArray(value)) {
    parts.push(counted(STRICT_ARRAY, value.length));
    for (const element of value) writeValue(parts, element);
  } else {
    parts.push(Buffer.from([OBJECT]));
    writeFields(parts, value);
  }
}

/** `Array.isArray` does not narrow readonly arrays. */
function isArray(value: AmfWritable): value is readonly AmfWritable[] {
  return Array.isArray(value);
}

function writeFields(parts: Buffer[], object: AmfWritableObject): void {
  for (const [key, value] of Object.entries(object)) {
    const bytes = Buffer.from(key);
    if (bytes.length > 0xffff) throw new RangeError('AMF0 keys have at most 65,535 bytes');
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(bytes.length);
    parts.push(length, bytes);
    writeValue(parts, value);
  }
  parts.push(Buffer.from([0, 0, OBJECT_END]));
}

function writeString(parts: Buffer[], value: string): void {
  const bytes = Buffer.from(value);
  if (bytes.length > 0xffff) parts.push(counted(LONG_STRING, bytes.length), bytes);
  else parts.push(Buffer.from([STRING, bytes.length >> 8, bytes.length & 0xff]), bytes);
}

function numberBytes(marker: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = marker;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function counted(marker: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = marker;
  bytes.writeUInt32BE(count, 1);
  return bytes;
}
