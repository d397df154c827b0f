import { AUDIO, DATA, type Kind, VIDEO } from '../../media/packet.ts';
import { ProtocolError } from '../protocol-error.ts';
import { copyBytes, Slab } from '../slab.ts';

/** What a sender may make the server keep. */
export interface FlvLimits {
  /** Bytes of one tag's body. */
  readonly maxTag: number;
}

/** The file header's flags: a promise, not always kept. */
export interface FlvHeader {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}

/** Where a reader's findings go. */
export interface FlvSink {
  header(header: FlvHeader): void;
  /** `timestamp` in ms, unsigned 32 bits; the body is never reused. Tags of other kinds are passed over. */
  tag(kind: Kind, timestamp: number, body: Buffer): void;
}

const FILE_HEADER_BYTES = 9;
/** A header may announce itself longer than it is; nobody has used that. */
const MAX_FILE_HEADER_BYTES = 1024;
const TAG_HEADER_BYTES = 11;
/** The length of the tag before, which precedes each tag; it is not checked, since many writers get it wrong. */
const LENGTH_BYTES = 4;
/** Set in a tag's type where its body is encrypted (Adobe FLV 10.1, annex F). */
const FILTER = 0x20;

const FIRST_BYTES = 65_536;
const GROWTH = 4;

const FILE_HEADER = 0;
const SKIP = 1;
const TAG_HEADER = 2;
const BODY = 3;
type State = typeof FILE_HEADER | typeof SKIP | typeof TAG_HEADER | typeof BODY;

/** Reads an FLV file or stream (Adobe FLV 10.1, annex E), however its bytes are split. Throws ProtocolError. */
export class FlvReader {
  readonly #limits: FlvLimits;
  readonly #slab = new Slab();
  readonly #held = Buffer.allocUnsafe(TAG_HEADER_BYTES);
  #state: State = FILE_HEADER;
  /** Bytes that the present state still needs, and those it has. */
  #wanted = FILE_HEADER_BYTES;
  #have = 0;
  #kind = 0;
  #timestamp = 0;
  #body: Buffer = this.#held;

  constructor(limits: FlvLimits) {
    this.#limits = limits;
  }

  /** Gives what is complete to `sink`. `bytes` may be used again by the caller. */
  push(bytes: Buffer, sink: FlvSink): void {
    const end = bytes.length;
    let at = 0;
    while (at < end || this.#have === this.#wanted) {
      const count = Math.min(this.#wanted - this.#have, end - at);
      if (this.#state === BODY) this.#append(bytes, at, count);
      else if (this.#state !== SKIP) bytes.copy(this.#held, this.#have, at, at + count);
      at += count;
      this.#have += count;
      if (this.#have === this.#wanted) this.#complete(sink);
    }
  }

  #append(bytes: Buffer, at: number, count: number): void {
    const filled = this.#have + count;
    if (filled > this.#body.length) {
      const grown = this.#slab.take(Math.min(this.#wanted, Math.max(filled, this.#body.length * GROWTH)));
      copyBytes(grown, 0, this.#body, 0, this.#have);
      this.#body = grown;
    }
    copyBytes(this.#body, this.#have, bytes, at, count);
  }

  #complete(sink: FlvSink): void {
    switch (this.#state) {
      case FILE_HEADER:
        this.#fileHeader(sink);
        break;
      case SKIP:
        this.#expect(TAG_HEADER, TAG_HEADER_BYTES);
        break;
      case TAG_HEADER:
        this.#tagHeader();
        break;
      case BODY:
        sink.tag(this.#kind as Kind, this.#timestamp, this.#body);
        this.#expect(SKIP, LENGTH_BYTES);
        break;
    }
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#wanted = bytes;
    this.#have = 0;
  }

  #fileHeader(sink: FlvSink): void {
    const held = this.#held;
    if (held.readUIntBE(0, 3) !== 0x464c56) throw new ProtocolError('not FLV');
    const length = held.readUInt32BE(5);
    if (length < FILE_HEADER_BYTES || length > MAX_FILE_HEADER_BYTES) {
      throw new ProtocolError(`FLV header of ${length} bytes`);
    }
    sink.header({ hasAudio: (held[4]! & 4) !== 0, hasVideo: (held[4]! & 1) !== 0 });
    this.#expect(SKIP, length - FILE_HEADER_BYTES + LENGTH_BYTES);
  }

  #tagHeader(): void {
    const held = this.#held;
    const type = held[0]! & 0x3f;
    const length = held.readUIntBE(1, 3);
    if ((type & FILTER) !== 0) throw new ProtocolError('encrypted FLV tag');
    if (length > this.#limits.maxTag) {
      throw new ProtocolError(`FLV tag of ${length} bytes is above the limit of ${this.#limits.maxTag}`);
    }
    if (type !== AUDIO && type !== VIDEO && type !== DATA) {
      this.#expect(SKIP, length + LENGTH_BYTES);
      return;
    }
    this.#kind = type;
    this.#timestamp = (held.readUIntBE(4, 3) | (held[7]! << 24)) >>> 0;
    this.#body = this.#slab.take(Math.min(length, FIRST_BYTES));
    this.#expect(BODY, length);
  }
}
