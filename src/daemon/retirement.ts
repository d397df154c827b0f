import { type Block, settingsOf } from '../config/block.ts';
import { mainTable } from '../core/main.ts';

/** How often a worker that retires looks whether anybody is left, ms. */
const LOOK_MS = 250;

/** A worker's way out: it serves whom it has, and tells once nobody is left or its time is over. */
export class Retirement {
  readonly #isEmpty: () => boolean;
  readonly #over: () => void;
  #since: number | undefined;
  #end = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `over` is told at each look from then on, as the primary may be taking the worker back just then. */
  constructor(isEmpty: () => boolean, over: () => void) {
    this.#isEmpty = isEmpty;
    this.#over = over;
  }

  /** Whether it has begun. */
  get retiring(): boolean {
    return this.#timer !== undefined;
  }

  /** It begins, or goes on with another `patience`: ms from its beginning. */
  begin(patience: number): void {
    const now = performance.now();
    this.#since ??= now;
    this.#end = this.#since + patience;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  /** The worker is wanted again. */
  cancel(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#since = undefined;
  }

  #look(): void {
    if (performance.now() >= this.#end || this.#isEmpty()) this.#over();
  }
}

/**
 * How long a worker may take to retire, ms. What a graceful stop waits where nothing is written would send people away
 * whom a reload must not touch.
 */
export function retirementPatience(tree: Block): number {
  const written = tree.origins['worker_shutdown_timeout'] !== undefined;
  const { worker_shutdown_timeout: patience } = settingsOf(tree, mainTable);
  return written && patience > 0 ? patience : Number.POSITIVE_INFINITY;
}
