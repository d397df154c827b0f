/** How far back the best moment counts, in steps of so long, ms. */
const STEP_MS = 30_000;
const STEPS = 10;

/**
 * How far the media of a publisher are behind the clock: the time that has passed less the media that have come, against
 * the best moment of the last five minutes. It grows while an encoder or its line does not keep up, and while nothing
 * comes; clocks that run a little differently do not add up. Times are ms.
 */
export class Lag {
  /** The least distance from media time to the clock, per step; newest last. */
  #best: number[] = [];
  #stepAt = 0;
  #newest = 0;

  /** Media of this time came at `now` (monotonic). */
  came(time: number, now: number): void {
    const distance = now - time;
    this.#newest = distance;
    const best = this.#best;
    if (best.length === 0 || now - this.#stepAt >= STEP_MS) {
      best.push(distance);
      if (best.length > STEPS) best.shift();
      this.#stepAt = now;
    } else if (distance < best[best.length - 1]!) best[best.length - 1] = distance;
  }

  /** `silence` is the time since the newest media. */
  behind(silence: number): number {
    if (this.#best.length === 0) return 0;
    return Math.max(Math.round(this.#newest - Math.min(...this.#best) + silence), 0);
  }

  /** Another publisher. */
  restart(): void {
    this.#best = [];
  }
}
