import type { Workers } from './workers.ts';

/** What one worker tells the others of its entries. */
interface Posted<T> {
  /** It has just begun: what it wrote before is void, and it knows nothing of the others. */
  readonly fresh: boolean;
  /** Entries by key; undefined: there is none any more. */
  readonly entries: readonly (readonly [key: string, value: T | undefined])[];
}

/**
 * Entries that each worker writes for itself and all can read, as plain data. What is written in one turn is told to the
 * others together and in order, so that they know it a moment later. Those of a worker that has died are
 * forgotten. Where there is one process nothing is told.
 */
export class Board<T> {
  readonly #workers: Workers;
  readonly #topic: string;
  readonly #changed: (worker: number, key: string, value: T | undefined) => void;
  readonly #own = new Map<string, T>();
  readonly #others = new Map<number, Map<string, T>>();
  #waiting = new Map<string, T | undefined>();

  /** `changed` is told of what others write. */
  constructor(
    workers: Workers,
    topic: string,
    changed: (worker: number, key: string, value: T | undefined) => void = () => undefined,
  ) {
    this.#workers = workers;
    this.#topic = topic;
    this.#changed = changed;
    workers.answer(topic, (body, from) => this.#receive(body as Posted<T>, from));
    workers.gone((worker) => this.#forget(worker));
    if (workers.count > 1) this.#post({ fresh: true, entries: [] });
  }

  /** Writes an entry of this worker. */
  set(key: string, value: T): void {
    this.#own.set(key, value);
    this.#tell(key, value);
  }

  delete(key: string): void {
    if (this.#own.delete(key)) this.#tell(key, undefined);
  }

  /** This worker's own entry. */
  own(key: string): T | undefined {
    return this.#own.get(key);
  }

  /** The entries of the others. */
  *others(key: string): Iterable<T> {
    for (const entries of this.#others.values()) {
      const value = entries.get(key);
      if (value !== undefined) yield value;
    }
  }

  #tell(key: string, value: T | undefined): void {
    if (this.#workers.count === 1) return;
    if (this.#waiting.size === 0) queueMicrotask(() => this.#flush());
    // In the order of the last changes.
    this.#waiting.delete(key);
    this.#waiting.set(key, value);
  }

  #flush(): void {
    const entries = [...this.#waiting];
    this.#waiting = new Map();
    this.#post({ fresh: false, entries });
  }

  #post(posted: Posted<T>): void {
    this.#workers.tell(this.#topic, posted);
  }

  #receive({ fresh, entries }: Posted<T>, from: number): void {
    if (fresh) {
      this.#forget(from);
      if (this.#own.size > 0) this.#post({ fresh: false, entries: [...this.#own] });
    }
    const known = this.#others.get(from) ?? new Map<string, T>();
    this.#others.set(from, known);
    for (const [key, value] of entries) this.#take(from, known, key, value);
  }

  #forget(worker: number): void {
    const known = this.#others.get(worker);
    this.#others.delete(worker);
    for (const key of known?.keys() ?? []) this.#changed(worker, key, undefined);
  }

  #take(from: number, known: Map<string, T>, key: string, value: T | undefined): void {
    if (value === undefined) known.delete(key);
    else known.set(key, value);
    this.#changed(from, key, value);
  }
}
