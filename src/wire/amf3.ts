import {
  AMF_LIMITS,
  AmfCursor,
  type AmfFields,
  type AmfLimits,
  type AmfReferences,
  type AmfValue,
  newObject,
} from './amf.ts';
import { ProtocolError } from './protocol-error.ts';

/** Markers of the AMF3 specification, 3.1. */
const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const INTEGER = 4;
const DOUBLE = 5;
const STRING = 6;
const XML_DOCUMENT = 7;
const DATE = 8;
const ARRAY = 9;
const OBJECT = 10;
const XML = 11;
const BYTE_ARRAY = 12;
const VECTOR_INT = 13;
const VECTOR_UINT = 14;
const VECTOR_DOUBLE = 15;
const VECTOR_OBJECT = 16;

/** The wrapper Flex puts around arrays: one value follows, which stands for it. */
const ARRAY_COLLECTION = 'flex.messaging.io.ArrayCollection';

interface Traits {
  readonly name: string;
  readonly external: boolean;
  readonly dynamic: boolean;
  readonly keys: readonly string[];
}

/** Reads the AMF3 value at `offset`. Throws ProtocolError where there is none, or it goes over the limits. */
export function readAmf3(
  buffer: Buffer,
  offset = 0,
  limits: AmfLimits = AMF_LIMITS,
): { readonly value: AmfValue; readonly end: number } {
  const cursor = new AmfCursor(buffer, offset, limits);
  const value = new Amf3Reader(cursor).value();
  return { value, end: cursor.at };
}

/** Reads the AMF3 values of one message, which share their tables of strings, traits and objects. */
export class Amf3Reader {
  readonly #cursor: AmfCursor;
  readonly #strings: string[] = [];
  readonly #traits: Traits[] = [];
  readonly #objects: AmfReferences = [];

  constructor(cursor: AmfCursor) {
    this.#cursor = cursor;
  }

  /** The value at the cursor, marker included. */
  value(): AmfValue {
    const cursor = this.#cursor;
    const marker = cursor.u8();
    cursor.count(1);
    switch (marker) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER:
        // 29 bits with sign.
        return (this.#u29() << 3) >> 3;
      case DOUBLE:
        return cursor.double();
      case STRING:
        return this.#string();
      case DATE:
      case XML_DOCUMENT:
      case XML:
      case BYTE_ARRAY:
      case ARRAY:
      case OBJECT:
      case VECTOR_INT:
      case VECTOR_UINT:
      case VECTOR_DOUBLE:
      case VECTOR_OBJECT:
        return this.#complex(marker);
      default:
        throw new ProtocolError(`unknown AMF3 marker ${marker}`);
    }
  }

  /** Variable length, 1 to 4 bytes; the fourth gives all its 8 bits. */
  #u29(): number {
    const cursor = this.#cursor;
    let value = 0;
    for (let i = 0; i < 3; i++) {
      const byte = cursor.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | cursor.u8();
  }

  #string(): string {
    const header = this.#u29();
    if ((header & 1) === 0) {
      const text = this.#strings[header >> 1];
      if (text === undefined) throw new ProtocolError('AMF reference to nothing');
      this.#cursor.weigh(text.length);
      return text;
    }
    const text = this.#cursor.text(header >> 1);
    if (text !== '') this.#strings.push(text);
    return text;
  }

  /** A value that can be referred to: its header is either a reference or begins the value. */
  #complex(marker: number): AmfValue {
    const cursor = this.#cursor;
    const header = this.#u29();
    if ((header & 1) === 0) return cursor.refer(this.#objects, header >> 1);
    const size = header >> 1;
    const index = this.#objects.length;
    // Takes its place in the table before what is inside it does.
    cursor.open(this.#objects, null);
    cursor.enter();
    const value = this.#contents(marker, size);
    cursor.leave();
    this.#objects[index]!.value = value;
    cursor.close(this.#objects, index);
    return value;
  }

  #contents(marker: number, size: number): AmfValue {
    const cursor = this.#cursor;
    switch (marker) {
      case DATE:
        return new Date(cursor.double());
      case XML_DOCUMENT:
      case XML:
        return cursor.text(size);
      case BYTE_ARRAY: {
        const start = cursor.skip(size);
        return Uint8Array.from(cursor.bytes.subarray(start, start + size));
      }
      case ARRAY:
        return this.#array(size);
      case OBJECT:
        return this.#object(size);
      case VECTOR_OBJECT:
        cursor.skip(1);
        this.#string();
        return this.#dense(size);
      default:
        return this.#numbers(marker, size);
    }
  }

  #array(length: number): AmfValue {
    const keyed = newObject();
    let keys = 0;
    for (let key = this.#string(); key !== ''; key = this.#string()) {
      keyed[key] = this.value();
      keys += 1;
    }
    const dense = this.#dense(length);
    if (keys === 0) return dense;
    for (const [index, value] of dense.entries()) keyed[index] = value;
    return keyed;
  }

  #dense(length: number): AmfValue[] {
    if (length > this.#cursor.left) throw new ProtocolError('AMF array ends early');
    const values: AmfValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.value());
    return values;
  }

  #numbers(marker: number, length: number): AmfValue {
    const cursor = this.#cursor;
    // Whether the vector may grow means nothing here.
    cursor.skip(1);
    cursor.count(length);
    const values: number[] = [];
    for (let i = 0; i < length; i++) {
      if (marker === VECTOR_DOUBLE) values.push(cursor.double());
      else values.push(marker === VECTOR_INT ? cursor.u32() | 0 : cursor.u32());
    }
    return values;
  }

  /** `header` is what follows the reference bit: a traits reference or traits. */
  #object(header: number): AmfValue {
    const traits = this.#readTraits(header);
    if (traits.external) {
      if (traits.name === ARRAY_COLLECTION) return this.value();
      throw new ProtocolError('AMF3 object in a form of its own');
    }
    const object: AmfFields = newObject();
    for (const key of traits.keys) object[key] = this.value();
    if (traits.dynamic) {
      for (let key = this.#string(); key !== ''; key = this.#string()) object[key] = this.value();
    }
    return object;
  }

  #readTraits(header: number): Traits {
    if ((header & 1) === 0) {
      const traits = this.#traits[header >> 1];
      if (traits === undefined) throw new ProtocolError('AMF reference to nothing');
      return traits;
    }
    const external = (header & 2) !== 0;
    const dynamic = (header & 4) !== 0;
    const count = external ? 0 : header >> 3;
    if (count > this.#cursor.left) throw new ProtocolError('AMF traits end early');
    this.#cursor.count(count);
    const name = this.#string();
    const keys: string[] = [];
    for (let i = 0; i < count; i++) keys.push(this.#string());
    const traits: Traits = { name, external, dynamic, keys };
    this.#traits.push(traits);
    return traits;
  }
}
