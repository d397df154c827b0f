import { givePiece, takePiece } from '../../media/pieces.ts';
import { ProtocolError } from '../protocol-error.ts';
import { copyBytes, Slab } from '../slab.ts';
import { DEFAULT_CHUNK_SIZE } from './chunk-writer.ts';
import { ABORT, type RtmpMessage, readControl, SET_CHUNK_SIZE } from './messages.ts';

/** What a peer may make the server keep. */
export interface ChunkLimits {
  /** Bytes of one message. */
  readonly maxMessage: number;
  /** Chunk stream ids must be below this: at most 65,600. */
  readonly maxStreams: number;
}

/** The largest chunk size that is followed; a larger one is a mistake and ignored, as other servers do. */
const MAX_CHUNK_SIZE = 10_485_760;

const EXTENDED = 0xffffff;

/** Basic header 3, message header 11, extended timestamp 4. */
const LONGEST_HEADER = 18;
const INCOMPLETE = -1;

/** Bytes after the basic header, by chunk type. */
const HEADER_BYTES = [11, 7, 3, 0] as const;

/** Memory taken for a message before more of it than that has come, then as a multiple of what has come. */
const FIRST_BYTES = 65_536;
const GROWTH = 4;

/** Of this many unfinished messages at once (real peers have two or three) each further one gets little to begin with. */
const MANY_UNFINISHED = 16;
const LITTLE_BYTES = 512;
/** Messages up to this long share memory that is not given back. */
const SHORT_BYTES = 2048;

/**
 * A message that begins with a type 3 chunk after one of type 0 has that one's timestamp for its delta (5.3.1.2.4).
 * Where that would be a jump of this many ms or more, the peer meant the same timestamp again.
 */
const PLAUSIBLE_DELTA = 60_000;

const EMPTY = Buffer.alloc(0);

/** What the headers of a chunk stream leave out is as in the message before. */
class ChunkStream {
  type = -1;
  streamId = 0;
  length = 0;
  timestamp = 0;
  /** Of the next message if it begins with a type 3 chunk. */
  delta = 0;
  /** The extended timestamp field, -1 where there was none. */
  extended = -1;
  /** A message is being read. */
  open = false;
  /** What there is of it, with room for more. */
  body: Buffer = EMPTY;
  /** Its memory is to be given back. */
  taken = false;
  filled = 0;
}

/** The one message object handed out again and again. */
class Message implements RtmpMessage {
  type = 0;
  streamId = 0;
  timestamp = 0;
  body: Buffer = EMPTY;
}

/**
 * Reads chunks (RTMP 1.0, 5.3), however they are split, into messages. Set Chunk Size and Abort are acted on here and
 * not passed on. Memory is taken as bytes arrive, within the limits. Throws ProtocolError, after which the reader is
 * of no more use.
 */
export class ChunkReader {
  /** Bytes taken so far, for acknowledgements; it does not wrap. */
  bytesRead = 0;
  readonly #limits: ChunkLimits;
  readonly #slab = new Slab();
  /** Those with ids that fit in one byte, and the rest. */
  readonly #streams: (ChunkStream | undefined)[] = new Array(64).fill(undefined);
  readonly #further = new Map<number, ChunkStream>();
  readonly #message = new Message();
  #chunkSize = DEFAULT_CHUNK_SIZE;
  /** The chunk being read. */
  #stream = new ChunkStream();
  #left = 0;
  /** A header of which only this much has come. */
  readonly #held = Buffer.allocUnsafeSlow(LONGEST_HEADER);
  #heldLength = 0;
  #surplus: Buffer | undefined;
  #unfinished = 0;
  #paused = false;
  /** Whether the peer has been seen to repeat extended timestamps in type 3 chunks, or not to. */
  #repeats: boolean | undefined;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  /** The peer's present chunk size. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** To be called by the sink: `push` returns after this message. */
  pause(): void {
    this.#paused = true;
  }

  /**
   * Gives every message that is complete to `sink`, and returns how many bytes were taken: all, unless the sink called
   * `pause`; the rest is then to be pushed again. The message object and its body are on loan: both are used again after
   * the sink has returned, as `bytes` may be by the caller.
   */
  push(bytes: Buffer, sink: (message: RtmpMessage) => void): number {
    this.#paused = false;
    const taken = this.#run(bytes, sink);
    this.bytesRead += taken;
    return taken;
  }

  #run(bytes: Buffer, sink: (message: RtmpMessage) => void): number {
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      at = this.#left === 0 ? this.#header(bytes, at, end) : this.#fill(bytes, at, end);
      const stream = this.#stream;
      if (this.#left === 0 && stream.open && stream.filled === stream.length) {
        this.#finish(stream, sink);
      }
      if (this.#surplus !== undefined) this.#runSurplus(this.#surplus, sink);
      if (this.#paused) break;
    }
    return at;
  }

  /** Held bytes that turned out not to be of the header come before the rest of the input. */
  #runSurplus(surplus: Buffer, sink: (message: RtmpMessage) => void): void {
    this.#surplus = undefined;
    const taken = this.#run(surplus, sink);
    if (taken < surplus.length) this.#heldLength = surplus.copy(this.#held, 0, taken);
  }

  #fill(bytes: Buffer, at: number, end: number): number {
    const stream = this.#stream;
    const { length } = stream;
    if (stream.filled === 0 && this.#left === length && end - at >= length) {
      // All of it lies here in one chunk.
      stream.body = bytes.subarray(at, at + length);
      stream.filled = length;
      this.#left = 0;
      return at + length;
    }
    const count = Math.min(this.#left, end - at);
    const filled = stream.filled + count;
    if (filled > stream.body.length) this.#grow(stream, filled);
    copyBytes(stream.body, stream.filled, bytes, at, count);
    stream.filled = filled;
    this.#left -= count;
    return at + count;
  }

  #grow(stream: ChunkStream, filled: number): void {
    const { body, taken, length } = stream;
    const first = this.#unfinished > MANY_UNFINISHED ? LITTLE_BYTES : FIRST_BYTES;
    const size = Math.min(length, Math.max(filled, body.length === 0 ? first : body.length * GROWTH));
    stream.taken = size > SHORT_BYTES;
    stream.body = stream.taken ? takePiece(size) : this.#slab.take(size);
    copyBytes(stream.body, 0, body, 0, stream.filled);
    if (taken) givePiece(body);
  }

  #finish(stream: ChunkStream, sink: (message: RtmpMessage) => void): void {
    const { body, taken, length } = stream;
    const message = this.#message;
    message.body = body.length === length ? body : body.subarray(0, length);
    message.type = stream.type;
    message.streamId = stream.streamId;
    message.timestamp = stream.timestamp;
    this.#close(stream);
    if (message.type === SET_CHUNK_SIZE || message.type === ABORT) this.#control(message);
    else sink(message);
    if (taken) givePiece(body);
  }

  #close(stream: ChunkStream): void {
    stream.open = false;
    stream.body = EMPTY;
    stream.taken = false;
    this.#unfinished -= 1;
  }

  #control({ type, body }: RtmpMessage): void {
    const control = readControl(type, body)!;
    if (control.kind === 'chunkSize') {
      if (control.size === 0) throw new ProtocolError('chunk size 0');
      if (control.size <= MAX_CHUNK_SIZE) this.#chunkSize = control.size;
    } else if (control.kind === 'abort') {
      const stream = control.csid < 64 ? this.#streams[control.csid] : this.#further.get(control.csid);
      if (stream !== undefined) this.#abandon(stream);
    }
  }

  #abandon(stream: ChunkStream): void {
    if (!stream.open) return;
    if (stream.taken) givePiece(stream.body);
    this.#close(stream);
  }

  /** Reads a chunk's header and returns the offset after it, or holds what there is of it for later. */
  #header(bytes: Buffer, at: number, end: number): number {
    if (this.#heldLength === 0) {
      const after = this.#parse(bytes, at, end);
      if (after !== INCOMPLETE) return after;
      bytes.copy(this.#held, 0, at, end);
      this.#heldLength = end - at;
      return end;
    }
    const before = this.#heldLength;
    const more = Math.min(LONGEST_HEADER - before, end - at);
    bytes.copy(this.#held, before, at, at + more);
    const after = this.#parse(this.#held, 0, before + more);
    if (after === INCOMPLETE) {
      this.#heldLength = before + more;
      return at + more;
    }
    this.#heldLength = 0;
    if (after >= before) return at + after - before;
    this.#surplus = Buffer.from(this.#held.subarray(after, before));
    return at;
  }

  /** Changes nothing before the whole header is there. */
  #parse(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start]!;
    const format = first >> 6;
    let csid = first & 63;
    let at = start + 1;
    if (csid === 0) {
      if (at + 1 > end) return INCOMPLETE;
      csid = 64 + bytes[at]!;
      at += 1;
    } else if (csid === 1) {
      if (at + 2 > end) return INCOMPLETE;
      csid = 64 + bytes[at]! + bytes[at + 1]! * 256;
      at += 2;
    }
    const after = at + HEADER_BYTES[format as 0 | 1 | 2 | 3];
    if (after > end) return INCOMPLETE;
    const stream = this.#lookUp(csid);
    return format === 3
      ? this.#continue(stream, bytes, after, end)
      : this.#begin(stream, format, bytes, at, end);
  }

  #lookUp(csid: number): ChunkStream {
    const known = csid < 64 ? this.#streams[csid] : this.#further.get(csid);
    if (known !== undefined) return known;
    if (csid >= this.#limits.maxStreams)
      throw new ProtocolError(`chunk stream ${csid} is above the limit (max_streams)`);
    const stream = new ChunkStream();
    if (csid < 64) this.#streams[csid] = stream;
    else this.#further.set(csid, stream);
    return stream;
  }

  /** Types 0, 1 and 2: a message begins. One that was not finished is dropped, as after an Abort. */
  #begin(stream: ChunkStream, format: number, bytes: Buffer, start: number, end: number): number {
    let field = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
    let at = start + HEADER_BYTES[format as 0 | 1 | 2];
    let extended = -1;
    if (field === EXTENDED) {
      if (at + 4 > end) return INCOMPLETE;
      field = bytes.readUInt32BE(at);
      extended = field;
      at += 4;
    }
    if (format === 2) {
      if (stream.type < 0) throw new ProtocolError('chunk refers to a message that never was');
    } else {
      // Type 1 is allowed to be the first: old clients begin that way.
      stream.length = (bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!;
      stream.type = bytes[start + 6]!;
    }
    if (format === 0) {
      stream.streamId = bytes.readUInt32LE(start + 7);
      stream.timestamp = field;
      stream.delta = field < PLAUSIBLE_DELTA ? field : 0;
    } else {
      stream.timestamp = (stream.timestamp + field) >>> 0;
      stream.delta = field;
    }
    stream.extended = extended;
    this.#open(stream);
    return at;
  }

  /** Type 3: the message goes on, or one begins that is like the one before. */
  #continue(stream: ChunkStream, bytes: Buffer, at: number, end: number): number {
    if (stream.type < 0) throw new ProtocolError('chunk refers to a message that never was');
    let after = at;
    if (stream.extended >= 0) {
      const size = this.#repeated(stream, bytes, at, end);
      if (size === INCOMPLETE) return INCOMPLETE;
      after += size;
    }
    if (stream.open) {
      this.#stream = stream;
      this.#left = Math.min(this.#chunkSize, stream.length - stream.filled);
    } else {
      stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
      this.#open(stream);
    }
    return after;
  }

  /**
   * The bytes (4 or 0) of the extended timestamp in a type 3 chunk. The specification wants it repeated, of which many
   * encoders know nothing, so the bytes are compared with what they would have to be: the field as it was, or the
   * message's timestamp. A body that happens to begin like that is a chance of 2^-32.
   */
  #repeated(stream: ChunkStream, bytes: Buffer, at: number, end: number): number {
    const there = Math.min(4, end - at);
    // Bytes beyond this chunk are not looked at, nor waited for: with a peer known not to repeat, that would hold back
    // the end of a message, and what is read would depend on how the bytes are split.
    if (this.#repeats === false && this.#bodyOf(stream) < 4) return 0;
    if (begins(bytes, at, there, stream.extended) || begins(bytes, at, there, stream.timestamp)) {
      if (there === 4) {
        this.#repeats = true;
        return 4;
      }
      return INCOMPLETE;
    }
    this.#repeats ??= false;
    return 0;
  }

  /** Bytes of body in a type 3 chunk that begins now. */
  #bodyOf({ open, length, filled }: ChunkStream): number {
    return Math.min(this.#chunkSize, open ? length - filled : length);
  }

  #open(stream: ChunkStream): void {
    const length = stream.length;
    if (length > this.#limits.maxMessage) {
      throw new ProtocolError(
        `message of ${length} bytes is above the limit of ${this.#limits.maxMessage} (max_message)`,
      );
    }
    this.#abandon(stream);
    this.#unfinished += 1;
    stream.open = true;
    stream.filled = 0;
    this.#stream = stream;
    this.#left = Math.min(this.#chunkSize, length);
  }
}

/** Whether the first `count` of the four bytes of `value` stand at `at`. */
function begins(bytes: Buffer, at: number, count: number, value: number): boolean {
  for (let i = 0; i < count; i++) if (bytes[at + i] !== ((value >>> (24 - 8 * i)) & 0xff)) return false;
  return true;
}
