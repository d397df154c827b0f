import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes of C1, S1, C2 and S2 (RTMP 1.0, 5.2). */
export const PACKET_BYTES = 1536;

const DIGEST_BYTES = 32;

/** What follows the names in the keys of both sides. */
const KEY_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const SERVER_NAME = Buffer.from('Genuine Adobe Flash Media Server 001');
const CLIENT_NAME = Buffer.from('Genuine Adobe Flash Player 001');

/** The two keys of one side: the name alone signs the first packet, the whole key the answer. */
export interface SideKeys {
  readonly first: Buffer;
  readonly answer: Buffer;
}

export const SERVER_KEYS: SideKeys = { first: SERVER_NAME, answer: Buffer.concat([SERVER_NAME, KEY_TAIL]) };
export const CLIENT_KEYS: SideKeys = { first: CLIENT_NAME, answer: Buffer.concat([CLIENT_NAME, KEY_TAIL]) };

/** Where the four bytes stand that say where the digest is: the two schemes in use, in the order they are tried. */
export const SCHEMES = [772, 8] as const;
export type Scheme = (typeof SCHEMES)[number];

/** A first packet's digest and the scheme it was found by. */
export interface FoundDigest {
  readonly scheme: Scheme;
  readonly digest: Buffer;
}

/** Looks for the digest in the other side's first packet; null where there is none. */
export function findDigest(packet: Buffer, keys: SideKeys): FoundDigest | null {
  for (const scheme of SCHEMES) {
    const at = digestOffset(packet, scheme);
    const digest = packet.subarray(at, at + DIGEST_BYTES);
    if (timingSafeEqual(digest, digestOf(packet, at, keys))) return { scheme, digest: Buffer.from(digest) };
  }
  return null;
}

/** Puts its digest into a first packet that is otherwise complete. */
export function signFirst(packet: Buffer, scheme: Scheme, keys: SideKeys): void {
  const at = digestOffset(packet, scheme);
  packet.set(digestOf(packet, at, keys), at);
}

/** Puts the digest at the end of an answer to a first packet with `digest`. */
export function signAnswer(packet: Buffer, digest: Buffer, keys: SideKeys): void {
  const at = PACKET_BYTES - DIGEST_BYTES;
  packet.set(hmac(hmac(keys.answer, digest), packet.subarray(0, at)), at);
}

function digestOffset(packet: Buffer, scheme: Scheme): number {
  const sum = packet[scheme]! + packet[scheme + 1]! + packet[scheme + 2]! + packet[scheme + 3]!;
  return (sum % 728) + scheme + 4;
}

function digestOf(packet: Buffer, at: number, keys: SideKeys): Buffer {
  return hmac(keys.first, packet.subarray(0, at), packet.subarray(at + DIGEST_BYTES));
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
