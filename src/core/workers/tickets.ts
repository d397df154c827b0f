import { hkdfSync, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
/** Bytes of the keys that a TLS server makes and opens session tickets with: a name and two keys of 16 each. */
const KEYS_BYTES = 48;
/** How long a secret is used, ms. */
const LIFE_MS = 24 * 60 * 60 * 1000;

/** The keys for one purpose that follow from a secret: others for each purpose, so that no ticket is good for another one. */
export function ticketKeys(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, KEYS_BYTES));
}

/**
 * What the keys of TLS session tickets are made of (RFC 5077, 5.5): the same in all processes of a server, so that a client
 * resumes its session at any of them. It is never written anywhere, and ends with the server.
 */
export class TicketSecret {
  #value = randomBytes(SECRET_BYTES);
  readonly #watchers = new Set<() => void>();

  get value(): Buffer {
    return this.#value;
  }

  /** Another one takes its place: tickets made before are not good any more. */
  set(value: Uint8Array): void {
    this.#value = Buffer.from(value);
    for (const watcher of this.#watchers) watcher();
  }

  /** Tells of changes. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  /** Has a new one take its place now and then; what it returns ends that. */
  rotate(every = LIFE_MS): () => void {
    const timer = setInterval(() => this.set(randomBytes(SECRET_BYTES)), every);
    timer.unref();
    return () => clearInterval(timer);
  }
}
