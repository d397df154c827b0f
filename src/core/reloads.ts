import type { Block } from '../config/block.ts';

/** What runs at the moment, and what became of the reloads so far: filled in by the process, read by statistics. */
export class Reloads {
  /** The running configuration; undefined until there is one. */
  tree: Block | undefined;
  applied = 0;
  refused = 0;
  /** Wall clock, ms, of the running configuration. */
  appliedAt = Date.now();
  /** The last one was applied. */
  succeeded = true;
  /** What the last one did, as plain data; null before the first. */
  last: unknown = null;

  /** A reload is over; `tree` is what runs from now on, undefined where it was refused. */
  note(tree: Block | undefined, last: unknown): void {
    this.succeeded = tree !== undefined;
    this.last = last;
    if (tree === undefined) {
      this.refused += 1;
      return;
    }
    this.applied += 1;
    this.start(tree);
  }

  /** A configuration runs. */
  start(tree: Block): void {
    this.tree = tree;
    this.appliedAt = Date.now();
  }
}
