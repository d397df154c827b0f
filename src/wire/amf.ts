import { ProtocolError } from './protocol-error.ts';

/**
 * A value of AMF0 or AMF3 as plain data. Objects have no prototype, so that no key (`__proto__`, `constructor`) has a
 * meaning; XML is a string; class names of typed objects are dropped; byte arrays own their memory.
 */
export type AmfValue =
  | null
  | undefined
  | boolean
  | number
  | string
  | Date
  | Uint8Array
  | readonly AmfValue[]
  | AmfObject;

/** The fields of an object in the order they came in (but keys that are array indexes come first, as ever in JavaScript). */
export interface AmfObject {
  readonly [key: string]: AmfValue;
}

/** An object still being filled. */
export type AmfFields = { [key: string]: AmfValue };

/** What one message may make the server build; to be had per server as `max_amf_depth` and `max_amf_values`. */
export interface AmfLimits {
  /** Objects and arrays within one another. */
  readonly depth: number;
  /** Values in all, those behind references counted each time they are referred to. */
  readonly values: number;
}

/** Enough for every client there is: the largest real messages are metadata with some hundred values. */
export const AMF_LIMITS: AmfLimits = { depth: 16, values: 4096 };

export function newObject(): AmfFields {
  return Object.create(null) as AmfFields;
}

/** Whether the value is an object with fields: not an array, date or byte array. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

interface Referable {
  value: AmfValue;
  /** Values inside it, itself included; 0 while it is being read. */
  weight: number;
}

/** A position in a message with its limits: what reading AMF0 and AMF3 have in common. */
export class AmfCursor {
  readonly bytes: Buffer;
  at: number;
  readonly #limits: AmfLimits;
  #depth = 0;
  #values = 0;

  constructor(bytes: Buffer, at: number, limits: AmfLimits) {
    this.bytes = bytes;
    this.at = at;
    this.#limits = limits;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Moves over `length` bytes and tells where they begin. */
  skip(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw new ProtocolError('AMF value ends early');
    this.at = start + length;
    return start;
  }

  u8(): number {
    return this.bytes[this.skip(1)]!;
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.skip(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.skip(4));
  }

  double(): number {
    return this.bytes.readDoubleBE(this.skip(8));
  }

  text(length: number): string {
    const start = this.skip(length);
    this.weigh(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** Counts values against the limit before they are built. */
  count(values: number): void {
    this.#values += values;
    if (this.#values > this.#limits.values) {
      throw new ProtocolError('AMF message has too many values (max_amf_values)');
    }
  }

  /** Counts a text as one more value per kB, since references repeat it when the value is printed. */
  weigh(length: number): void {
    if (length >= 1024) this.count(length >>> 10);
  }

  enter(): void {
    this.#depth += 1;
    if (this.#depth > this.#limits.depth) {
      throw new ProtocolError('AMF value is nested too deeply (max_amf_depth)');
    }
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** Notes a value that may be referred to later, before its contents are read. */
  open<T extends AmfValue>(table: Referable[], value: T): T {
    table.push({ value, weight: -this.#values });
    return value;
  }

  /** The value noted as `index` is complete. */
  close(table: Referable[], index: number): void {
    table[index]!.weight += this.#values + 1;
  }

  /**
   * What a reference stands for. A reference to a value that holds it is refused: plain data have no cycles. Those
   * to others count as much as what they repeat, so a short message cannot describe a huge tree.
   */
  refer(table: readonly Referable[], index: number): AmfValue {
    const entry = table[index];
    if (entry === undefined || entry.weight <= 0) throw new ProtocolError('AMF reference to nothing');
    this.count(entry.weight);
    return entry.value;
  }
}

/** Values of one kind that a message may refer back to. */
export type AmfReferences = Referable[];
