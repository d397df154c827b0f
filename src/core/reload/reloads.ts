import type { Block } from '../../config/block.ts';

/** What became of the reloads so far, as plain data. */
export interface ReloadCounters {
  readonly applied: number;
  readonly refused: number;
  /** Wall clock, ms, of the running configuration. */
  readonly appliedAt: number;
  /** The last one was applied. */
  readonly succeeded: boolean;
}

/** The same with what the last one did, as plain data: null before the first. */
export interface ReloadHistory extends ReloadCounters {
  readonly last: unknown;
}

/** What runs at the moment, and what became of the reloads so far: filled in by the process, read by statistics. */
export class Reloads implements ReloadHistory {
  /** The running configuration; undefined until there is one. */
  tree: Block | undefined;
  applied = 0;
  refused = 0;
  /** Wall clock, ms, of the running configuration. */
  appliedAt = Date.now();
  /** The last one was applied. */
  succeeded = true;
  last: unknown = null;

  /** What became of reloads, to be handed to a process that begins later. */
  get history(): ReloadHistory {
    const { applied, refused, appliedAt, succeeded, last } = this;
    return { applied, refused, appliedAt, succeeded, last };
  }

  /** What was before this process began. */
  adopt(history: ReloadHistory): void {
    Object.assign(this, history);
  }

  /** A reload is over. */
  note(applied: boolean, last: unknown): void {
    this.succeeded = applied;
    this.last = last;
    if (applied) this.applied += 1;
    else this.refused += 1;
  }

  /** A configuration runs. */
  start(tree: Block): void {
    this.tree = tree;
    this.appliedAt = Date.now();
  }
}
