import { Refused } from './refused.ts';
import type { PlayRequest } from './request.ts';

/**
 * Where streams come from that nobody publishes here: a pull, another worker, another node. Null: this one has no
 * such stream. The promise settles when the stream is there or, if the player `mayWait`, will come; it throws Refused
 * where the stream cannot be had. It must settle within seconds: the player's connection stands still meanwhile.
 */
export type Origin = (request: PlayRequest, mayWait: boolean) => Promise<void> | null;

/** The origins of an application, asked in the order of their modules. */
export class Origins {
  #origins: readonly { readonly order: number; readonly origin: Origin }[] = [];

  add(order: number, origin: Origin): () => void {
    const entry = { order, origin };
    this.#origins = [...this.#origins, entry].sort((a, b) => a.order - b.order);
    return () => {
      this.#origins = this.#origins.filter((other) => other !== entry);
    };
  }

  get any(): boolean {
    return this.#origins.length > 0;
  }

  /** Asks one after another until one has the stream; false where none knows of it. Throws the first Refused else. */
  async fetch(request: PlayRequest, mayWait: boolean): Promise<boolean> {
    let refused: Refused | undefined;
    for (const { origin } of this.#origins) {
      const answer = origin(request, mayWait);
      if (answer === null) continue;
      try {
        await answer;
        return true;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refused ??= error;
      }
    }
    if (refused !== undefined) throw refused;
    return false;
  }
}
