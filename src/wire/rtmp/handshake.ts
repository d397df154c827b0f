import { randomBytes } from 'node:crypto';
import { ProtocolError } from '../protocol-error.ts';
import {
  CLIENT_KEYS,
  findDigest,
  PACKET_BYTES,
  SERVER_KEYS,
  type SideKeys,
  signAnswer,
  signFirst,
} from './handshake-digest.ts';

const VERSION = 3;

/** Time (unused) and version at the start of a first packet. A version of 0 means a handshake without digests. */
const PREFIX_BYTES = 8;
const SERVER_VERSION = 0x05000f01;
const CLIENT_VERSION = 0x80000702;

/** What to do after some bytes of a handshake. */
export interface HandshakeStep {
  /** To be sent now. */
  readonly output: Buffer | null;
  readonly done: boolean;
  /** What came after the handshake: a view of the bytes pushed, empty before it is done. */
  readonly rest: Buffer;
}

/** One side of a handshake, given the bytes of the other as they come. */
export interface Handshake {
  /** Throws ProtocolError where the other side does not speak RTMP. Not to be called after it is done. */
  push(bytes: Buffer): HandshakeStep;
}

const EMPTY = Buffer.alloc(0);

/**
 * The server's side: answers C0 and C1 with S0, S1 and S2, with digests if the client sent a good one, and is done
 * after C2, of which the contents do not matter.
 */
export function serverHandshake(): Handshake {
  const received = new Received();
  let answered = false;
  return {
    push(bytes) {
      received.push(bytes);
      let output: Buffer | null = null;
      if (!answered && received.length >= 1 + PACKET_BYTES) {
        output = answerClient(received.bytes.subarray(1, 1 + PACKET_BYTES));
        answered = true;
      }
      return { output, ...received.outcome() };
    },
  };
}

function answerClient(c1: Buffer): Buffer {
  const found = c1.readUInt32BE(4) === 0 ? null : findDigest(c1, CLIENT_KEYS);
  const out = Buffer.allocUnsafe(1 + 2 * PACKET_BYTES);
  out[0] = VERSION;
  const s1 = out.subarray(1, 1 + PACKET_BYTES);
  const s2 = out.subarray(1 + PACKET_BYTES);
  fillFirst(s1, found === null ? 0 : SERVER_VERSION);
  if (found === null) {
    s2.set(c1);
  } else {
    signFirst(s1, found.scheme, SERVER_KEYS);
    fillAnswer(s2, found.digest, SERVER_KEYS);
  }
  return out;
}

/**
 * The client's side: `hello` is to be sent first. Servers that know no digests answer to a signed C1 as to any other.
 * Done after S2, of which the contents do not matter.
 */
export function clientHandshake(): Handshake & { readonly hello: Buffer } {
  const hello = Buffer.allocUnsafe(1 + PACKET_BYTES);
  hello[0] = VERSION;
  const c1 = hello.subarray(1);
  fillFirst(c1, CLIENT_VERSION);
  signFirst(c1, 8, CLIENT_KEYS);
  const received = new Received();
  let answered = false;
  return {
    hello,
    push(bytes) {
      received.push(bytes);
      let output: Buffer | null = null;
      if (!answered && received.length >= 1 + PACKET_BYTES) {
        output = answerServer(received.bytes.subarray(1, 1 + PACKET_BYTES));
        answered = true;
      }
      return { output, ...received.outcome() };
    },
  };
}

function answerServer(s1: Buffer): Buffer {
  const found = s1.readUInt32BE(4) === 0 ? null : findDigest(s1, SERVER_KEYS);
  const c2 = Buffer.from(s1);
  if (found !== null) fillAnswer(c2, found.digest, CLIENT_KEYS);
  return c2;
}

function fillFirst(packet: Buffer, version: number): void {
  packet.writeUInt32BE(0, 0);
  packet.writeUInt32BE(version >>> 0, 4);
  packet.set(randomBytes(PACKET_BYTES - PREFIX_BYTES), PREFIX_BYTES);
}

function fillAnswer(packet: Buffer, digest: Buffer, keys: SideKeys): void {
  packet.set(randomBytes(PACKET_BYTES));
  signAnswer(packet, digest, keys);
}

/** What has come of the version byte and the two packets of the other side. */
class Received {
  readonly bytes = Buffer.allocUnsafe(1 + 2 * PACKET_BYTES);
  length = 0;
  #rest: Buffer = EMPTY;

  push(bytes: Buffer): void {
    const count = Math.min(bytes.length, this.bytes.length - this.length);
    bytes.copy(this.bytes, this.length, 0, count);
    this.length += count;
    this.#rest = bytes.subarray(count);
    // At once, so that a peer of another protocol is told off before it has sent much.
    if (this.length > 0 && this.bytes[0] !== VERSION) {
      throw new ProtocolError(`not RTMP: version ${this.bytes[0]}`);
    }
  }

  outcome(): { readonly done: boolean; readonly rest: Buffer } {
    return { done: this.length === this.bytes.length, rest: this.#rest };
  }
}
