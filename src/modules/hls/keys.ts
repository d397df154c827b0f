import { createCipheriv, randomBytes } from 'node:crypto';

/** The key of a run of segments. */
export interface KeyInUse {
  /** 16 bytes. */
  readonly bytes: Buffer;
  /** The id of the first segment it encrypts, which names its file. */
  readonly id: number;
}

/** Hands out the keys of one stream, a new one after every so many segments and for every publisher. */
export class KeyRing {
  #key: KeyInUse | null = null;
  #left = 0;

  /** A new publisher: its segments share no key with those before. */
  renew(): void {
    this.#key = null;
  }

  /** The key of segment `id`; `perKey` segments share one, 0: all. `fresh`: its file has yet to be written. */
  next(id: number, perKey: number): { readonly key: KeyInUse; readonly fresh: boolean } {
    const used = this.#key;
    if (used !== null && (perKey === 0 || this.#left > 0)) {
      this.#left -= 1;
      return { key: used, fresh: false };
    }
    const key = { bytes: randomBytes(16), id };
    this.#key = key;
    this.#left = perKey - 1;
    return { key, fresh: true };
  }
}

/** A segment's initialisation vector: its id as a number of 128 bits, in hexadecimal. No two segments share one. */
export function initialisationVector(id: number): string {
  return id.toString(16).toUpperCase().padStart(32, '0');
}

/** Encrypts a whole segment with AES-128-CBC and PKCS7 padding (RFC 8216, 4.3.2.4). */
export function encryptSegment(bytes: Buffer, key: KeyInUse, iv: string): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key.bytes, Buffer.from(iv, 'hex'));
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}
