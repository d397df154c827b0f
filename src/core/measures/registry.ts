/** Things that run and can say how they are doing: what statistics and an API list. */
export class Registry<Status> {
  readonly #running = new Set<() => Status>();

  /** All there are, in the order they came. */
  list(): readonly Status[] {
    return [...this.#running].map((status) => status());
  }

  /** Enters one in the list; what it returns takes it out. */
  add(status: () => Status): () => void {
    this.#running.add(status);
    return () => this.#running.delete(status);
  }
}
