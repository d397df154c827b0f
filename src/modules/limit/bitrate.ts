import type { Publication } from '../../core/applications/publication.ts';
import type { BitrateLimit } from './directives.ts';

/** What publishers send, over the last while; to be looked at once in `STEP_MS`. */
export const STEP_MS = 1000;

/** Bytes of one publisher, by the steps of the clock in which they came. */
class Meter {
  #steps: number[] = [];
  #seen: number;

  constructor(bytes: number) {
    this.#seen = bytes;
  }

  /** The bytes so far, of which those of the last `steps` are given. */
  measure(bytes: number, steps: number): number {
    this.#steps.push(bytes - this.#seen);
    this.#seen = bytes;
    if (this.#steps.length > steps) this.#steps = this.#steps.slice(-steps);
    return this.#steps.reduce((sum, step) => sum + step, 0);
  }
}

/** The meters of an application's publishers. */
export class Meters {
  readonly #meters = new Map<Publication, Meter>();

  add(publication: Publication): void {
    this.#meters.set(publication, new Meter(publication.stream.counters.bytesIn));
  }

  remove(publication: Publication): void {
    this.#meters.delete(publication);
  }

  /** Publishers that have sent more in one window than they may in it. */
  above({ rate, window }: BitrateLimit): readonly Publication[] {
    const steps = Math.ceil(window / STEP_MS);
    const most = (rate / 8) * ((steps * STEP_MS) / 1000);
    return [...this.#meters]
      .filter(([{ stream }, meter]) => meter.measure(stream.counters.bytesIn, steps) > most)
      .map(([publication]) => publication);
  }
}
