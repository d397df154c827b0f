/** Who has not asked for this long has left, ms: longer than players wait between two looks at a playlist. */
const AWAY_MS = 30_000;
/** Visitors of one stream beyond this are not told apart, so that made-up ones fill no memory. */
const MOST = 100_000;
/** Characters of what tells visitors apart. */
const LONGEST = 256;

/**
 * Viewers that come and go without a connection, as those of HLS do: somebody counts from the first request of a
 * playlist until there has been none for half a minute.
 */
export class Visitors {
  readonly #seen = new Map<string, number>();
  #total = 0;
  /** Bytes they have been given. */
  bytes = 0;

  /** A request; `who` tells visitors apart, such as address and user agent. `now` is monotonic ms. */
  saw(who: string, now: number): void {
    const key = who.slice(0, LONGEST);
    const before = this.#seen.get(key);
    if (before === undefined) {
      if (this.#seen.size >= MOST) return;
      this.#total += 1;
    }
    this.#seen.set(key, now);
  }

  count(now: number): number {
    this.sweep(now);
    return this.#seen.size;
  }

  /** All there have been. */
  get total(): number {
    return this.#total;
  }

  /** Once a second. */
  sweep(now: number): void {
    for (const [who, at] of this.#seen) if (now - at > AWAY_MS) this.#seen.delete(who);
  }
}
