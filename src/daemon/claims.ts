import { keyText, type StreamKey } from '../core/stream-key.ts';
import { CLAIMS, type ClaimOrder, type Moved } from '../workers/topics.ts';
import { type Channel, NoAnswer } from './channel.ts';
import { Turns } from './turns.ts';

/** How long a worker may take to read what its publisher has sent, ms; a worker waits longer for what becomes of its claim. */
const HEAR_OUT_MS = 1000;

/** Who has a name, or wants it; 0 is nobody. */
interface Entry {
  readonly key: StreamKey;
  owner: number;
  /** The owner's publisher has left and may return, to whichever worker. */
  vacant: boolean;
  /** Whose gates are being asked. */
  asking: number;
}

/** Which worker has which stream, kept by the primary: what it says holds. */
export class Claims {
  readonly #channel: Channel;
  readonly #present: () => readonly number[];
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new Turns();

  /** `present`: the workers that can be told. */
  constructor(channel: Channel, present: () => readonly number[]) {
    this.#channel = channel;
    this.#present = present;
    const on = <T>(topic: string, handler: (body: T, from: number) => unknown): void => {
      channel.answer(topic, (body, from) => handler(body as T, from));
    };
    on<ClaimOrder>(CLAIMS.claim, ({ key, takeover }, from) => this.#claim(key, takeover, from));
    on<StreamKey>(CLAIMS.take, (key, from) => this.#take(key, from));
    on<StreamKey>(CLAIMS.release, (key, from) => this.#release(key, from));
    on<StreamKey>(CLAIMS.vacant, (key, from) => this.#vacant(key, from));
    on<StreamKey>(CLAIMS.ended, (key, from) => this.#ended(key, from));
    on<StreamKey>(CLAIMS.owner, (key) => this.ownerOf(key));
    on<StreamKey>(CLAIMS.locate, (key, from) => this.#locate(key, from));
    on<StreamKey>(CLAIMS.missed, (key, from) => this.#turns.missed(keyText(key), from));
    on<readonly StreamKey[]>(CLAIMS.owned, (keys, from) => this.#replace(keys, from));
  }

  /** The worker that has a stream; 0 for none. */
  ownerOf(key: StreamKey): number {
    return this.#entries.get(keyText(key))?.owner ?? 0;
  }

  async #locate(key: StreamKey, from: number): Promise<number> {
    const text = keyText(key);
    for (;;) {
      const owner = this.ownerOf(key);
      if (owner !== 0 || this.#turns.take(text, from)) return owner;
      await this.#turns.end(text);
    }
  }

  /** A worker is gone: what it had may be published anywhere, and players wait as for any publisher that was lost. */
  left(worker: number): void {
    this.#turns.left(worker);
    for (const [text, entry] of this.#entries) {
      if (entry.asking === worker) entry.asking = 0;
      if (entry.owner === worker) this.#free(text, entry, true);
      else this.#forget(text, entry);
    }
  }

  async #claim(key: StreamKey, takeover: boolean, from: number): Promise<boolean> {
    const text = keyText(key);
    // It may have left, and its worker not have read that yet.
    if (!takeover && this.#isTaken(text, from)) await this.#hearOut(this.ownerOf(key), key);
    if (!takeover && this.#isTaken(text, from)) return false;
    const entry = this.#entries.get(text) ?? { key, owner: 0, vacant: false, asking: 0 };
    if (entry.asking !== 0) return false;
    entry.asking = from;
    this.#entries.set(text, entry);
    return true;
  }

  /** Another worker has a publisher of the name; what a worker has itself it has looked at before it asks. */
  #isTaken(text: string, from: number): boolean {
    const entry = this.#entries.get(text);
    return entry !== undefined && entry.owner !== 0 && entry.owner !== from && !entry.vacant;
  }

  async #take(key: StreamKey, from: number): Promise<boolean> {
    const entry = this.#entries.get(keyText(key));
    if (entry?.asking !== from) return false;
    if (entry.owner !== 0 && entry.owner !== from) await this.#askToYield(entry);
    if (entry.asking !== from) return false;
    entry.asking = 0;
    entry.owner = from;
    entry.vacant = false;
    this.#turns.over(keyText(key));
    this.#tell({ key, owner: from, mayReturn: false });
    return true;
  }

  /** One that hangs cannot keep a name from those who are there. */
  #askToYield({ owner, key }: Entry): Promise<void> {
    return this.#ask(owner, CLAIMS.yield, key);
  }

  /** What its leaving comes to has arrived before the answer does. */
  #hearOut(owner: number, key: StreamKey): Promise<void> {
    return this.#ask(owner, CLAIMS.hearOut, key, HEAR_OUT_MS);
  }

  /** Settled with the answer, or once there will be none. */
  async #ask(owner: number, topic: string, key: StreamKey, patience?: number): Promise<void> {
    try {
      await this.#channel.ask(owner, topic, key, patience);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
  }

  #release(key: StreamKey, from: number): void {
    const text = keyText(key);
    const entry = this.#entries.get(text);
    if (entry?.asking !== from) return;
    entry.asking = 0;
    this.#forget(text, entry);
  }

  #vacant(key: StreamKey, from: number): void {
    const entry = this.#entries.get(keyText(key));
    if (entry?.owner === from) entry.vacant = true;
  }

  #ended(key: StreamKey, from: number): void {
    const text = keyText(key);
    const entry = this.#entries.get(text);
    if (entry?.owner === from) this.#free(text, entry, false);
  }

  /** After a reload applications may be gone, and servers have other addresses and names. */
  #replace(keys: readonly StreamKey[], from: number): void {
    const owned = new Map(keys.map((key) => [keyText(key), key]));
    for (const [text, entry] of this.#entries) {
      if (entry.owner === from && !owned.has(text)) this.#free(text, entry, false);
    }
    for (const [text, key] of owned) {
      if (!this.#entries.has(text)) this.#entries.set(text, { key, owner: from, vacant: false, asking: 0 });
    }
  }

  #free(text: string, entry: Entry, mayReturn: boolean): void {
    entry.owner = 0;
    entry.vacant = false;
    this.#forget(text, entry);
    this.#tell({ key: entry.key, owner: 0, mayReturn });
  }

  #forget(text: string, { owner, asking }: Entry): void {
    if (owner === 0 && asking === 0) this.#entries.delete(text);
  }

  #tell(moved: Moved): void {
    for (const worker of this.#present()) {
      if (worker !== moved.owner) this.#channel.tell(worker, CLAIMS.moved, moved);
    }
  }
}
