import type { MediaPacket } from '../../media/packet.ts';

/** A reader of a stream's packets inside the server: a segmenter, a recorder, a relay. Calls come synchronously. */
export interface Tap {
  /** Sequence headers, metadata and media in order; on attaching, first those that are already there. */
  packet(packet: MediaPacket): void;
  /** False while it keeps no packet beyond the call: their memory is then used again with the next group of pictures. */
  readonly keeps?: boolean;
  /** How long it can do without what has come, ms; 0 unless stated. */
  readonly patience?: number;
  /** The publisher's bytes at hand have been read. */
  endOfRead?(): void;
}

/** The readers of one stream. */
export class Taps {
  readonly #taps = new Set<Tap>();
  readonly #failed: (error: unknown) => void;

  /** `failed` is told of a reader that threw; it gets no more packets. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  get size(): number {
    return this.#taps.size;
  }

  /** Some of them may keep packets. */
  get keeping(): boolean {
    for (const { keeps } of this.#taps) if (keeps !== false) return true;
    return false;
  }

  /** The least patience among them, ms; Infinity where there are none. */
  get patience(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { patience = 0 } of this.#taps) if (patience < least) least = patience;
    return least;
  }

  /** The function it returns takes the reader away. */
  add(tap: Tap): () => void {
    this.#taps.add(tap);
    return () => this.#taps.delete(tap);
  }

  packet(packet: MediaPacket): void {
    for (const tap of this.#taps) {
      try {
        tap.packet(packet);
      } catch (error) {
        this.#drop(tap, error);
      }
    }
  }

  endOfRead(): void {
    for (const tap of this.#taps) {
      try {
        tap.endOfRead?.();
      } catch (error) {
        this.#drop(tap, error);
      }
    }
  }

  #drop(tap: Tap, error: unknown): void {
    this.#taps.delete(tap);
    this.#failed(error);
  }
}
