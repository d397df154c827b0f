import type { Stream } from '../streams/stream.ts';

/** Streams whose publisher has left and may return, each with the timer that ends the wait. */
export class Gaps {
  readonly #timers = new Map<Stream, NodeJS.Timeout>();

  /** Waits for `ms`; `end` is called when they are over. */
  wait(stream: Stream, ms: number, end: () => void): void {
    this.#timers.set(stream, setTimeout(end, ms));
  }

  /** The wait is over. */
  cancel(stream: Stream): void {
    clearTimeout(this.#timers.get(stream));
    this.#timers.delete(stream);
  }

  has(stream: Stream): boolean {
    return this.#timers.has(stream);
  }

  keys(): Iterable<Stream> {
    return this.#timers.keys();
  }
}
