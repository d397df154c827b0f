import { Board } from './board.ts';
import type { Workers } from './workers.ts';

/** Counts of one kind of thing, by key, over all workers; what this one has counted is given back by `close`. */
export interface Tally {
  add(key: string): void;
  remove(key: string): void;
  /** How many there are in all workers, as far as they have told. */
  of(key: string): number;
  close(): void;
}

/**
 * What there is of things that limits hold for, counted over all workers. Each knows of the others' counts a moment after
 * they change: those who come to two workers within that moment may be one too many for each.
 */
export class Tallies {
  readonly #board: Board<number>;

  constructor(workers: Workers) {
    this.#board = new Board(workers, 'tallies');
  }

  /** Opens the counts of a kind; several may have the same ones open. */
  open(name: string): Tally {
    const board = this.#board;
    const own = new Map<string, number>();
    // Names are JSON or plain words, and so of one line.
    const keyOf = (key: string): string => `${name}\n${key}`;
    const change = (key: string, by: number): void => {
      const mine = (own.get(key) ?? 0) + by;
      if (mine === 0) own.delete(key);
      else own.set(key, mine);
      const entry = keyOf(key);
      const count = (board.own(entry) ?? 0) + by;
      if (count > 0) board.set(entry, count);
      else board.delete(entry);
    };
    return {
      add: (key) => change(key, 1),
      remove: (key) => change(key, -1),
      of: (key) => {
        const entry = keyOf(key);
        let count = board.own(entry) ?? 0;
        for (const other of board.others(entry)) count += other;
        return count;
      },
      close: () => {
        for (const [key, count] of [...own]) change(key, -count);
      },
    };
  }
}
