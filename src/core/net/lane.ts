/** A lane has no room for another task. */
export class LaneFull extends Error {
  constructor() {
    super('too many requests are waiting');
    this.name = 'LaneFull';
  }
}

interface Waiting {
  readonly begin: () => void;
}

/** Tasks of one kind: so many at once, so many more that wait for their turn, first come, first served. */
export class Lane {
  readonly #width: number;
  readonly #room: number;
  readonly #waiting = new Set<Waiting>();
  #active = 0;

  constructor(width: number, room: number) {
    this.#width = width;
    this.#room = room;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when it is the caller's turn, with what ends it; rejects with LaneFull, or with the signal's reason where
   * that comes first.
   */
  enter(signal?: AbortSignal): Promise<() => void> {
    if (this.#active < this.#width) return Promise.resolve(this.#begin());
    if (this.#waiting.size >= this.#room) return Promise.reject(new LaneFull());
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(entry);
        reject(signal!.reason as Error);
      };
      const entry: Waiting = {
        begin: () => {
          signal?.removeEventListener('abort', abort);
          resolve(this.#begin());
        },
      };
      this.#waiting.add(entry);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #begin(): () => void {
    this.#active += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#active -= 1;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      next.begin();
    };
  }
}
