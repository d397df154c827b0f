import type { Logger } from '../core/log.ts';
import { NoAnswer } from './channel.ts';
import { Exchange } from './exchange.ts';
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

/** The workers of a primary: started, started again when they end, and talked to. */
export class Workforce {
  readonly exchange: Exchange;
  readonly count: number;
  readonly #start: StartWorker;
  readonly #events: WorkforceEvents;
  readonly #log: Logger;
  readonly #places = new Map<number, Place>();
  #greeting: { readonly greeted: () => void; readonly failed: (error: Error) => void } | undefined;
  #closing = false;
  #emptied: (() => void) | undefined;

  constructor(count: number, start: StartWorker, events: WorkforceEvents, log: Logger) {
    this.count = count;
    this.#start = start;
    this.#events = events;
    this.#log = log;
    this.exchange = new Exchange((topic, err) => log.error({ topic, err }, 'a letter could not be answered'));
  }

  /** Starts all; resolves when all of them listen, and rejects when one ends before. */
  async open(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((greeted, failed) => {
        this.#greeting = { greeted, failed };
        timer = setTimeout(() => failed(new Error('the workers do not start')), GREETING_MS);
        for (let index = 1; index <= this.count; index += 1) {
          const place: Place = {
            process: undefined,
            greeted: false,
            startedAt: 0,
            pause: FIRST_PAUSE_MS,
            timer: undefined,
          };
          this.#places.set(index, place);
          this.#begin(index, place);
        }
      });
    } finally {
      clearTimeout(timer);
      this.#greeting = undefined;
    }
  }

  /** Workers that listen to letters. */
  get present(): readonly number[] {
    return [...this.#places].filter(([, { greeted }]) => greeted).map(([index]) => index);
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

  /** Asks all that are there, in one turn. */
  askAll<T>(topic: string, body?: unknown, patience?: number): Promise<readonly Said<T>[]> {
    return Promise.all(this.present.map((worker) => this.ask<T>(worker, topic, body, patience)));
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
    place.process = this.#start(index, this.count, {
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
      if (this.#greeting === undefined) this.#events.returned(index);
      else if (this.present.length === this.count) this.#greeting.greeted();
    }
  }

  #ended(index: number, place: Place, how: string): void {
    const pid = place.process?.pid;
    place.process = undefined;
    place.greeted = false;
    this.exchange.leave(index);
    this.#events.left(index);
    this.#greeting?.failed(new Error(`worker ${index} ended at its start (${how})`));
    if (this.#closing) {
      if (!this.#any) this.#emptied?.();
      return;
    }
    const settled = performance.now() - place.startedAt > SETTLED_MS;
    if (settled) place.pause = FIRST_PAUSE_MS;
    this.#log.error(
      { worker: index, pid, how, retry: place.pause },
      'a worker has ended, it is started again',
    );
    place.timer = setTimeout(() => this.#begin(index, place), place.pause);
    place.pause = Math.min(place.pause * 2, LONGEST_PAUSE_MS);
  }
}
