interface Ordered<R> {
  readonly order: number;
  readonly gate: (request: R) => void | Promise<void>;
}

/** The gates in front of something, asked in the order of their modules; the first that throws Refused decides. */
export class Gates<R> {
  #gates: readonly Ordered<R>[] = [];

  /** Adds a gate; `order` is its module's place in the list of modules. What it returns takes the gate away. */
  add(order: number, gate: Ordered<R>['gate']): () => void {
    const entry = { order, gate };
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
}
