interface Ordered<R> {
  readonly order: number;
  readonly gate: (request: R) => void | Promise<void>;
  /** Counts what there is, so that its answer may change while other gates are waited for. */
  readonly counts: boolean;
}

/** The gates in front of something, asked in the order of their modules; the first that throws Refused decides. */
export class Gates<R> {
  #gates: readonly Ordered<R>[] = [];

  /** Adds a gate; `order` is its module's place in the list of modules. What it returns takes the gate away. */
  add(order: number, gate: Ordered<R>['gate']): () => void {
    return this.#add({ order, gate, counts: false });
  }

  /** Adds a gate that is asked in its turn and, by `confirm`, once more. */
  addLimit(order: number, limit: (request: R) => void): () => void {
    return this.#add({ order, gate: limit, counts: true });
  }

  #add(entry: Ordered<R>): () => void {
    this.#gates = [...this.#gates, entry].sort((a, b) => a.order - b.order);
    return () => {
      this.#gates = this.#gates.filter((other) => other !== entry);
    };
  }

  async pass(request: R): Promise<void> {
    for (const { gate } of this.#gates) {
      const answer = gate(request);
      if (answer !== undefined) await answer;
    }
  }

  /** Asks the limits again, in the same turn in which the request is granted. */
  confirm(request: R): void {
    for (const { gate, counts } of this.#gates) if (counts) void gate(request);
  }
}
