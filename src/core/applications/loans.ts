/** Told when other workers begin and cease to take a stream from here. */
export interface LoanObserver {
  lent(name: string): void;
  returned(name: string): void;
}

/** The streams of an application that other workers take from this one: each counts like a player, and is none. */
export class Loans {
  readonly #counts = new Map<string, number>();
  readonly #observers = new Set<LoanObserver>();

  /** Whether anybody takes the stream. */
  has(name: string): boolean {
    return this.#counts.has(name);
  }

  /** Another worker takes a stream, until what this returns is called, once. */
  lend(name: string): () => void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    for (const observer of this.#observers) observer.lent(name);
    return () => {
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left === 0) this.#counts.delete(name);
      else this.#counts.set(name, left);
      for (const observer of this.#observers) observer.returned(name);
    };
  }

  observe(observer: LoanObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }
}
