import type { RelayState } from '../../core/applications/relays.ts';

/** The longest time between two attempts, ms, where the first is not longer. */
const LONGEST_MS = 30_000;
/** Of the time, up to this share is added or left out by chance, so that many relays do not come back at once. */
const JITTER = 0.2;

/** ms before the next attempt after `failures` in a row; `chance` is from 0 to 1. */
export function backOff(failures: number, first: number, chance: number): number {
  const time = Math.min(Math.max(LONGEST_MS, first), first * 2 ** Math.min(failures - 1, 30));
  return Math.round(time * (1 + JITTER * (2 * chance - 1)));
}

/** The state of one relay over all its attempts. */
export class Retry {
  state: RelayState = 'connecting';
  since = Date.now();
  attempts = 0;
  lastError = '';
  retryAt = 0;
  readonly #attempt: () => void;
  readonly #first: () => number;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `attempt` is called for each, `first` gives the time before a second one. */
  constructor(attempt: () => void, first: () => number) {
    this.#attempt = attempt;
    this.#first = first;
  }

  get closed(): boolean {
    return this.state === 'closed' || this.state === 'refused';
  }

  /** Tries now. */
  start(): void {
    if (this.closed) return;
    this.#clear();
    this.#enter('connecting');
    this.attempts += 1;
    this.#attempt();
  }

  succeeded(): void {
    if (this.closed) return;
    this.#failures = 0;
    this.#enter('live');
  }

  /** The attempt has failed, or what it made has ended; the time until the next, ms. */
  failed(reason: string): number {
    if (this.closed) return 0;
    this.lastError = reason;
    this.#failures += 1;
    const delay = backOff(this.#failures, this.#first(), Math.random());
    this.#enter('waiting');
    this.retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.start(), delay);
    return delay;
  }

  /** It cannot work, however often it is tried. */
  refuse(reason: string): void {
    if (this.closed) return;
    this.lastError = reason;
    this.#clear();
    this.#enter('refused');
  }

  close(): void {
    this.#clear();
    this.#enter('closed');
  }

  #enter(state: RelayState): void {
    this.state = state;
    this.since = Date.now();
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.retryAt = 0;
  }
}
