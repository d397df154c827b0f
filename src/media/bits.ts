/** Codec data that is cut short or breaks its format. Whoever reads it goes without the facts it holds. */
export class MediaError extends Error {
  override readonly name = 'MediaError';
}

/** Longest run of leading zeros of an Exp-Golomb code: its value fits 32 bits. */
const MAX_ZEROS = 32;

/** Reads bits from the most significant one on; every read past the end throws MediaError. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits not yet read. */
  get left(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  /** Bits read so far. */
  get position(): number {
    return this.#at;
  }

  bit(): number {
    if (this.left < 1) throw new MediaError('the bits end early');
    const value = (this.#bytes[this.#at >> 3]! >> (7 - (this.#at & 7))) & 1;
    this.#at += 1;
    return value;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** An unsigned number of up to 48 bits. */
  bits(count: number): number {
    if (count > this.left) throw new MediaError('the bits end early');
    let value = 0;
    let left = count;
    while (left > 0) {
      const offset = this.#at & 7;
      const take = Math.min(8 - offset, left);
      const part = (this.#bytes[this.#at >> 3]! >> (8 - offset - take)) & ((1 << take) - 1);
      value = value * 2 ** take + part;
      this.#at += take;
      left -= take;
    }
    return value;
  }

  skip(count: number): void {
    if (count > this.left) throw new MediaError('the bits end early');
    this.#at += count;
  }

  /** To the next byte boundary. */
  align(): void {
    this.#at = (this.#at + 7) & ~7;
  }

  /** An unsigned Exp-Golomb code (ITU-T H.264, 9.1). */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > MAX_ZEROS) throw new MediaError('an Exp-Golomb code is too long');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** A signed Exp-Golomb code (ITU-T H.264, 9.1.1). */
  se(): number {
    const code = this.ue();
    return code % 2 === 0 ? 0 - code / 2 : (code + 1) / 2;
  }
}

/** The payload of a NAL unit: without the `03` bytes that keep start codes from appearing (ITU-T H.264, 7.4.1). */
export function unescapeNal(nal: Uint8Array): Uint8Array {
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length] = byte;
    length += 1;
  }
  return out.subarray(0, length);
}
