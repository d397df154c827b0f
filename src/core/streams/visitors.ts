/** Who has not asked for this long has left, ms: longer than players wait between two looks at a playlist. */
const AWAY_MS = 30_000;
/** Visitors of one stream beyond this are not told apart, so that made-up ones fill no memory. */
const MOST = 100_000;
/** Characters of what tells visitors apart. */
const LONGEST = 256;

/** Tells visitors of files apart: the address first, then a space and whatever else is known, as the user agent. */
export function visitorOf(address: string, agent: string): string {
  return `${address} ${agent}`.slice(0, LONGEST);
}

/** The address of a visitor. */
export function addressOf(who: string): string {
  return who.slice(0, who.indexOf(' '));
}

/** Told who comes and goes. */
export interface VisitorObserver {
  came(who: string): void;
  left(who: string): void;
}

/**
 * Viewers that come and go without a connection, as those of HLS do: somebody counts from the first request of a
 * playlist until there has been none for half a minute.
 */
export class Visitors {
  readonly #seen = new Map<string, number>();
  readonly #observer: VisitorObserver | undefined;
  #total = 0;
  /** Bytes they have been given. */
  bytes = 0;

  constructor(observer?: VisitorObserver) {
    this.#observer = observer;
  }

  /** A request; `who` is as `visitorOf` gives it, `now` monotonic ms. True for the first of a visitor. */
  saw(who: string, now: number): boolean {
    const first = !this.#seen.has(who);
    if (first) {
      if (this.#seen.size >= MOST) return false;
      this.#total += 1;
    }
    this.#seen.set(who, now);
    if (first) this.#observer?.came(who);
    return first;
  }

  has(who: string): boolean {
    return this.#seen.has(who);
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
    for (const [who, at] of this.#seen) if (now - at > AWAY_MS) this.#leave(who);
  }

  /** Everybody has left. */
  clear(): void {
    for (const who of [...this.#seen.keys()]) this.#leave(who);
  }

  #leave(who: string): void {
    this.#seen.delete(who);
    this.#observer?.left(who);
  }
}
