/** How long a worker's turn lasts at most, ms: as long as it waits for the source of a stream. */
const TURN_MS = 10_000;

interface Turn {
  readonly worker: number;
  readonly waiting: (() => void)[];
  readonly timer: NodeJS.Timeout;
}

/** Whose turn it is to bring a stream that nobody publishes, so that not every worker fetches it from its source. */
export class Turns {
  readonly #turns = new Map<string, Turn>();

  /** Whether it is the worker's turn, which it is of the first that asks. */
  take(key: string, worker: number): boolean {
    const turn = this.#turns.get(key);
    if (turn !== undefined) return turn.worker === worker;
    const timer = setTimeout(() => this.over(key), TURN_MS);
    this.#turns.set(key, { worker, waiting: [], timer });
    return true;
  }

  /** Resolves when the turn that there is has ended. */
  end(key: string): Promise<void> {
    return new Promise((resolve) => {
      const turn = this.#turns.get(key);
      if (turn === undefined) resolve();
      else turn.waiting.push(() => resolve());
    });
  }

  /** The worker could not bring it. */
  missed(key: string, worker: number): void {
    if (this.#turns.get(key)?.worker === worker) this.over(key);
  }

  /** Somebody publishes it, or nobody tries any more. */
  over(key: string): void {
    const turn = this.#turns.get(key);
    if (turn === undefined) return;
    this.#turns.delete(key);
    clearTimeout(turn.timer);
    for (const go of turn.waiting) go();
  }

  /** A worker is gone. */
  left(worker: number): void {
    for (const [key, turn] of this.#turns) if (turn.worker === worker) this.over(key);
  }
}
