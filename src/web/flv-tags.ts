const FILE_HEADER_BYTES = 13;
const TAG_HEADER_BYTES = 11;
const TAG_LENGTH_BYTES = 4;
const AUDIO = 8;
const VIDEO = 9;
const AAC = 10;
const AVC = 7;
const HEVC = 12;

/**
 * Tells the timestamps of the frames in an FLV stream, however it is split, without keeping anything of it (Adobe FLV
 * 10.1, annex E). Sequence headers, which have no place in time, are left out.
 */
export class FlvTags {
  readonly #frame: (timestamp: number) => void;
  readonly #held = new Uint8Array(TAG_HEADER_BYTES + 2);
  #have = 0;
  #skip = FILE_HEADER_BYTES;

  constructor(frame: (timestamp: number) => void) {
    this.#frame = frame;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const count = Math.min(this.#skip, bytes.length - at);
        this.#skip -= count;
        at += count;
        continue;
      }
      this.#held[this.#have] = bytes[at]!;
      this.#have += 1;
      at += 1;
      this.#complete();
    }
  }

  #complete(): void {
    const held = this.#held;
    if (this.#have < TAG_HEADER_BYTES) return;
    const length = (held[1]! << 16) | (held[2]! << 8) | held[3]!;
    const wanted = Math.min(length, 2);
    if (this.#have < TAG_HEADER_BYTES + wanted) return;
    if (length > 0 && !isHeader(held[0]! & 31, held[TAG_HEADER_BYTES]!, held[TAG_HEADER_BYTES + 1]!)) {
      this.#frame(((held[4]! << 16) | (held[5]! << 8) | held[6]! | (held[7]! << 24)) >>> 0);
    }
    this.#have = 0;
    this.#skip = length - wanted + TAG_LENGTH_BYTES;
  }
}

function isHeader(kind: number, first: number, second: number): boolean {
  if (kind === AUDIO) return first >> 4 === AAC ? second === 0 : first >> 4 === 9 && (first & 15) === 0;
  if (kind !== VIDEO) return true;
  if ((first & 0x80) !== 0) return (first & 15) === 0 || (first & 15) === 4;
  const codec = first & 15;
  return (codec === AVC || codec === HEVC) && second !== 1;
}
