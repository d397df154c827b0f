import { Child, type ExecGround } from './child.ts';
import { type Command, keyOf } from './command.ts';

/** How long a program waits for those that it takes the place of, ms: they may still hold names and ports. */
const HANDOVER_MS = 500;

/** Programs by what they are: each goes on as long as it is wanted, whatever becomes of the others. */
export class Children {
  readonly #ground: ExecGround;
  readonly #again: () => boolean;
  readonly #running = new Map<string, Child>();
  readonly #ending = new Set<Promise<void>>();

  /** `again` says whether programs that end are run again. */
  constructor(ground: ExecGround, again: () => boolean) {
    this.#ground = ground;
    this.#again = again;
  }

  /** Whether nothing runs, and nothing is still ending. */
  get idle(): boolean {
    return this.#running.size === 0 && this.#ending.size === 0;
  }

  /** Runs what is wanted and did not run, ends what is no longer wanted, and leaves the rest alone. */
  reconcile(commands: readonly Command[]): void {
    const wanted = new Map<string, Command>();
    for (const command of commands) {
      let key = keyOf(command);
      while (wanted.has(key)) key += ' again';
      wanted.set(key, command);
    }
    for (const [key, child] of this.#running) {
      if (wanted.has(key)) continue;
      this.#running.delete(key);
      child.close();
      const ended = child.gone.then(() => void this.#ending.delete(ended));
      this.#ending.add(ended);
    }
    for (const [key, command] of wanted) {
      if (this.#running.has(key)) continue;
      this.#running.set(key, new Child(this.#ground, command, this.#again, this.#before()));
    }
  }

  close(): void {
    this.reconcile([]);
  }

  #before(): Promise<unknown> | undefined {
    if (this.#ending.size === 0) return undefined;
    return Promise.race([
      Promise.all(this.#ending),
      new Promise((resolve) => setTimeout(resolve, HANDOVER_MS)),
    ]);
  }
}
