/** A stream that is later than its dates by more than this, each time it is looked at, gets new ones, ms. */
const DRIFT_MS = 500;
const LOOKS = 3;

/** Dates of a stream's times, by the clock of the wall: what was received at a moment has that moment's date. */
export class Dates {
  #zero: number | null = null;
  #drifts: number[] = [];

  /**
   * Looks at how far the stream has come, `newest` in ms, at `now`. Where it lags for good, as after a publisher was away
   * for a while, later times get later dates; a hold-up that is made up for changes none. Dates go back only with a
   * discontinuity, which is `anew`.
   */
  look(newest: number, now: number, anew: boolean): void {
    const zero = now - newest;
    if (this.#zero === null || anew) {
      this.#zero = zero;
      this.#drifts = [];
      return;
    }
    this.#drifts = [...this.#drifts, zero - this.#zero].slice(-LOOKS);
    const drift = Math.min(...this.#drifts);
    if (this.#drifts.length < LOOKS || drift <= DRIFT_MS) return;
    this.#zero += drift;
    this.#drifts = [];
  }

  /** The date of a time, both in ms; there has been a look. */
  of(time: number): number {
    return (this.#zero ?? 0) + time;
  }
}
