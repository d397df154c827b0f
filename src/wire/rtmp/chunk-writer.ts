import { copyBytes } from '../slab.ts';
import { type OutMessage, setChunkSize } from './messages.ts';

/** The chunk size before any Set Chunk Size (RTMP 1.0, 5.4.1). */
export const DEFAULT_CHUNK_SIZE = 128;

const EXTENDED = 0xffffff;

/** Bytes `writeMessage` needs for a body of `length` bytes. */
export function messageSize(length: number, timestamp: number, csid: number, chunkSize: number): number {
  const basic = csid < 64 ? 1 : csid < 320 ? 2 : 3;
  const extended = timestamp >= EXTENDED ? 4 : 0;
  const continuations = length <= chunkSize ? 0 : Math.ceil(length / chunkSize) - 1;
  return basic + 11 + extended + length + continuations * (basic + extended);
}

/**
 * Writes one message as chunks into `out` at `at` and returns the offset after it. The first chunk has a full header
 * (type 0), so that the bytes mean the same whatever was sent before; the others repeat an extended timestamp
 * (RTMP 1.0, 5.3.1.3), as players expect. `timestamp` is unsigned, 32 bits.
 */
export function writeMessage(
  out: Buffer,
  at: number,
  csid: number,
  type: number,
  streamId: number,
  timestamp: number,
  body: Buffer,
  chunkSize: number,
): number {
  const length = body.length;
  const field = timestamp >= EXTENDED ? EXTENDED : timestamp;
  let to = writeBasicHeader(out, at, 0, csid);
  out[to] = field >>> 16;
  out[to + 1] = field >>> 8;
  out[to + 2] = field;
  out[to + 3] = length >>> 16;
  out[to + 4] = length >>> 8;
  out[to + 5] = length;
  out[to + 6] = type;
  out[to + 7] = streamId;
  out[to + 8] = streamId >>> 8;
  out[to + 9] = streamId >>> 16;
  out[to + 10] = streamId >>> 24;
  to += 11;
  if (field === EXTENDED) to = writeExtended(out, to, timestamp);
  if (length <= chunkSize) {
    out.set(body, to);
    return to + length;
  }
  copyBytes(out, to, body, 0, chunkSize);
  to += chunkSize;
  for (let from = chunkSize; from < length; from += chunkSize) {
    to = writeBasicHeader(out, to, 3, csid);
    if (field === EXTENDED) to = writeExtended(out, to, timestamp);
    const part = Math.min(chunkSize, length - from);
    copyBytes(out, to, body, from, part);
    to += part;
  }
  return to;
}

function writeBasicHeader(out: Buffer, at: number, format: number, csid: number): number {
  const top = format << 6;
  if (csid < 64) {
    out[at] = top | csid;
    return at + 1;
  }
  const rest = csid - 64;
  if (csid < 320) {
    out[at] = top;
    out[at + 1] = rest;
    return at + 2;
  }
  out[at] = top | 1;
  out[at + 1] = rest;
  out[at + 2] = rest >>> 8;
  return at + 3;
}

function writeExtended(out: Buffer, at: number, timestamp: number): number {
  out[at] = timestamp >>> 24;
  out[at + 1] = timestamp >>> 16;
  out[at + 2] = timestamp >>> 8;
  out[at + 3] = timestamp;
  return at + 4;
}

/** Turns the messages of one connection into bytes at its present chunk size. */
export class ChunkWriter {
  #chunkSize = DEFAULT_CHUNK_SIZE;

  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** The bytes of the messages, in one Buffer. */
  encode(...messages: readonly OutMessage[]): Buffer {
    const chunkSize = this.#chunkSize;
    let size = 0;
    for (const { body, timestamp, csid } of messages) {
      size += messageSize(body.length, timestamp, csid, chunkSize);
    }
    const out = Buffer.allocUnsafe(size);
    let at = 0;
    for (const { csid, type, streamId, timestamp, body } of messages) {
      at = writeMessage(out, at, csid, type, streamId, timestamp, body, chunkSize);
    }
    return out;
  }

  /** The bytes of Set Chunk Size; what is encoded afterwards has that size. */
  setChunkSize(size: number): Buffer {
    const bytes = this.encode(setChunkSize(size));
    this.#chunkSize = size;
    return bytes;
  }
}
