import { ConfigError } from '../config/errors.ts';
import type { Logger } from '../core/logs/log.ts';
import { NoAnswer } from './channel.ts';
import { Exchange } from './exchange.ts';
import { ORDERS } from './orders.ts';
import type { FromWorker, StartWorker, WorkerProcess } from './worker-process.ts';

/** Told of single workers by their numbers. */
export interface WorkforceEvents {
  /** A worker that had ended runs again and waits for a configuration. */
  returned(index: number): void;
  /** It has the connection it was sent last. */
  taken(index: number): void;
  /** It has ended, and all its connections with it. */
  left(index: number): void;
}

/** One worker, or the wait for it to be started again. */
interface Place {
  process: WorkerProcess | undefined;
  greeted: boolean;
  startedAt: number;
  /** How long to wait before it is started again, ms. */
  pause: number;
  timer: NodeJS.Timeout | undefined;
  /** While it is started for the first time. */
  opening: { readonly greeted: () => void; readonly failed: (how: string) => void } | undefined;
  /** It is not needed any more: once it ends it is not started again. */
  last: boolean;
  /** It was told to end. */
  dismissed: boolean;
  /** It never served. */
  dropped: boolean;
  /** Told once there is no process any more. */
  readonly mourners: (() => void)[];
}

/** What one worker said to a question; `lost`: it is gone or does not answer. */
export type Said<T> =
  | { readonly worker: number; readonly answer: T }
  | { readonly worker: number; readonly lost: string };

/** The pause before a worker is started again: the first, and the longest for one that keeps ending at once, ms. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** Who has run this long has not ended at once, ms. */
const SETTLED_MS = 10_000;
/** A program that does not even greet in this time will not serve either, ms. */
const GREETING_MS = 30_000;

/** The workers of a primary: started, started again when they end, talked to, and let go. */
export class Workforce {
  readonly exchange: Exchange;
  readonly #start: StartWorker;
  readonly #events: WorkforceEvents;
  readonly #log: Logger;
  readonly #places = new Map<number, Place>();
  #closing = false;
  #emptied: (() => void) | undefined;

  constructor(start: StartWorker, events: WorkforceEvents, log: Logger) {
    this.#start = start;
    this.#events = events;
    this.#log = log;
    this.exchange = new Exchange((topic, err) => log.error({ topic, err }, 'a letter could not be answered'));
  }

  /** Starts workers; resolves when they listen. Throws ConfigError, with none of them left, where one ends before. */
  async open(indices: readonly number[]): Promise<void> {
    const greetings = indices.map((index) => {
      const place = emptyPlace();
      this.#places.set(index, place);
      return new Promise<void>((greeted, reject) => {
        place.opening = { greeted, failed: (how) => reject(new Error(`worker ${index} ${how}`)) };
      });
    });
    const late = setTimeout(() => {
      for (const index of indices) this.#places.get(index)?.opening?.failed('does not start');
    }, GREETING_MS);
    // Those who are there can be told of the new ones' first letters only if they know of them.
    this.#tellMembers();
    try {
      for (const index of indices) this.#begin(index, this.#places.get(index)!);
      await Promise.all(greetings);
    } catch (error) {
      await this.drop(indices);
      const { message } = error as Error;
      throw new ConfigError([{ severity: 'error', code: 'worker-start', message }]);
    } finally {
      clearTimeout(late);
    }
  }

  /** Kills workers that serve nobody; resolves when they are gone. */
  async drop(indices: readonly number[]): Promise<void> {
    const ends = indices.map((index) => {
      const place = this.#places.get(index);
      if (place === undefined) return undefined;
      place.last = true;
      place.dismissed = true;
      place.dropped = true;
      clearTimeout(place.timer);
      if (place.process === undefined) {
        this.#forget(index);
        return undefined;
      }
      const end = new Promise<void>((resolve) => void place.mourners.push(resolve));
      place.process.kill();
      return end;
    });
    await Promise.all(ends);
  }

  /** Whether one that ends is to be started again. */
  keep(index: number, wanted: boolean): void {
    const place = this.#places.get(index);
    if (place !== undefined) place.last = !wanted;
  }

  /** Has a worker end in order; killed where it has not after the time, ms. */
  dismiss(index: number, patience: number): void {
    const place = this.#places.get(index);
    if (place === undefined || place.dismissed) return;
    place.dismissed = true;
    this.exchange.channel.tell(index, ORDERS.stop);
    place.timer = setTimeout(() => place.process?.kill(), patience);
  }

  /** Resolves when those that were told to end have done so. */
  async dismissed(): Promise<void> {
    const ending = [...this.#places.values()].filter((place) => place.dismissed);
    await Promise.all(ending.map(({ mourners }) => new Promise<void>((gone) => void mourners.push(gone))));
  }

  /** All workers, also those that are just not there. */
  get members(): readonly number[] {
    return [...this.#places.keys()].sort((a, b) => a - b);
  }

  /** Workers that listen to letters. */
  get present(): readonly number[] {
    return this.members.filter((index) => this.#places.get(index)!.greeted);
  }

  /** Those of them that are not needed any more. */
  get leaving(): readonly number[] {
    return this.members.filter((index) => this.#places.get(index)!.last);
  }

  process(index: number): WorkerProcess | undefined {
    return this.#places.get(index)?.process;
  }

  /** Asks one of them; never rejects. */
  async ask<T>(worker: number, topic: string, body?: unknown, patience?: number): Promise<Said<T>> {
    try {
      return { worker, answer: await this.exchange.channel.ask<T>(worker, topic, body, patience) };
    } catch (error) {
      if (error instanceof NoAnswer) return { worker, lost: error.message };
      throw error;
    }
  }

  /** Asks several, or all that are there, in one turn. */
  askAll<T>(
    topic: string,
    body?: unknown,
    patience?: number,
    among = this.present,
  ): Promise<readonly Said<T>[]> {
    return Promise.all(among.map((worker) => this.ask<T>(worker, topic, body, patience)));
  }

  tellAll(topic: string, body?: unknown): void {
    for (const worker of this.present) this.exchange.channel.tell(worker, topic, body);
  }

  /** Nobody is started again. Resolves when all have ended, which those do that have not after the time, ms. */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    for (const { timer } of this.#places.values()) clearTimeout(timer);
    if (!this.#any) return;
    const gone = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const kill = setTimeout(() => {
      for (const [worker, { process }] of this.#places) {
        if (process === undefined) continue;
        this.#log.error({ worker, pid: process.pid }, 'a worker does not end and is killed');
        process.kill();
      }
    }, patience);
    await gone;
    clearTimeout(kill);
  }

  get #any(): boolean {
    return [...this.#places.values()].some(({ process }) => process !== undefined);
  }

  #begin(index: number, place: Place): void {
    place.startedAt = performance.now();
    place.greeted = false;
    place.process = this.#start(index, {
      message: (message) => this.#message(index, place, message),
      ended: (how) => this.#ended(index, place, how),
    });
  }

  #message(index: number, place: Place, message: FromWorker): void {
    if ('letter' in message) this.exchange.receive(index, message.letter);
    else if ('taken' in message) this.#events.taken(index);
    else if (place.process !== undefined) {
      place.greeted = true;
      this.exchange.join(index, place.process);
      this.exchange.channel.tell(index, ORDERS.members, this.members);
      const { opening } = place;
      place.opening = undefined;
      if (opening === undefined) this.#events.returned(index);
      else opening.greeted();
    }
  }

  #ended(index: number, place: Place, how: string): void {
    const pid = place.process?.pid;
    const { opening } = place;
    place.process = undefined;
    place.greeted = false;
    place.opening = undefined;
    this.exchange.leave(index);
    this.#events.left(index);
    for (const mourner of place.mourners.splice(0)) mourner();
    if (this.#closing) {
      opening?.failed('is not needed any more');
      if (!this.#any) this.#emptied?.();
    } else if (place.last || opening !== undefined) {
      clearTimeout(place.timer);
      this.#forget(index);
      opening?.failed(`ended at its start (${how})`);
      if (opening === undefined) this.#tellRetired(place, { worker: index, pid, how });
    } else this.#again(index, place, { worker: index, pid, how });
  }

  #tellRetired({ dismissed, dropped }: Place, fields: object): void {
    if (dropped) return;
    if (dismissed) this.#log.info(fields, 'a worker has retired');
    else this.#log.error(fields, 'a worker that was retiring has ended');
  }

  #again(index: number, place: Place, fields: object): void {
    const settled = performance.now() - place.startedAt > SETTLED_MS;
    if (settled) place.pause = FIRST_PAUSE_MS;
    this.#log.error({ ...fields, retry: place.pause }, 'a worker has ended, it is started again');
    place.timer = setTimeout(() => this.#begin(index, place), place.pause);
    place.pause = Math.min(place.pause * 2, LONGEST_PAUSE_MS);
  }

  #forget(index: number): void {
    this.#places.delete(index);
    this.#tellMembers();
  }

  #tellMembers(): void {
    this.tellAll(ORDERS.members, this.members);
  }
}

function emptyPlace(): Place {
  return {
    process: undefined,
    greeted: false,
    startedAt: 0,
    pause: FIRST_PAUSE_MS,
    timer: undefined,
    opening: undefined,
    last: false,
    dismissed: false,
    dropped: false,
    mourners: [],
  };
}
