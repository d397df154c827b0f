import { alone, type Workers } from '../workers/workers.ts';
import type { Application } from './application.ts';
import type { Observer } from './observer.ts';
import type { Publication } from './publication.ts';
import type { Client, Request } from './request.ts';
import type { Subscription } from './subscription.ts';

/** Something that happened, as plain data for those outside who watch. */
export interface HappenedEvent {
  readonly kind: 'publish' | 'unpublish' | 'play' | 'unplay' | 'refused' | 'relay' | 'reload';
  /** Wall clock, ms. */
  readonly at: number;
  readonly [detail: string]: unknown;
}

/** The topics on which workers ask for each other's events, and tell them. */
const WANTED = 'events wanted';
const EVENT = 'event';
/** While somebody listens, relays are looked at this often, and other workers asked to go on telling, ms. */
const LOOK_MS = 1000;
/** What is asked for counts so long, ms. */
const LEASE_MS = 3000;

/** The relays there are, with what each is doing, by what tells them apart. */
export type RelayStates = ReadonlyMap<string, Readonly<Record<string, unknown>> & { readonly state: string }>;

/**
 * What happens in the server, in whichever worker, told to whoever listens; nothing is made or kept while nobody does, here
 * or in another worker.
 */
export class Events {
  readonly #workers: Workers;
  readonly #relays: () => RelayStates;
  readonly #listeners = new Set<(event: HappenedEvent) => void>();
  #states: RelayStates = new Map();
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic ms up to which another worker wants to be told. */
  #wantedUntil = 0;

  constructor(workers: Workers = alone, relays: () => RelayStates = () => new Map()) {
    this.#workers = workers;
    this.#relays = relays;
    workers.answer(WANTED, () => {
      this.#wantedUntil = performance.now() + LEASE_MS;
      this.#watch();
    });
    workers.answer(EVENT, (event) => this.#hear(event as HappenedEvent));
  }

  listen(listener: (event: HappenedEvent) => void): () => void {
    this.#listeners.add(listener);
    this.#watch();
    this.#workers.tell(WANTED);
    return () => this.#listeners.delete(listener);
  }

  /** `details` is asked only where somebody listens. */
  tell(kind: HappenedEvent['kind'], details: () => Readonly<Record<string, unknown>>): void {
    const wanted = performance.now() < this.#wantedUntil;
    if (this.#listeners.size === 0 && !wanted) return;
    const event: HappenedEvent = { ...details(), kind, at: Date.now() };
    this.#hear(event);
    // Of reloads every worker tells its own listeners.
    if (wanted && kind !== 'reload') this.#workers.tell(EVENT, event);
  }

  #hear(event: HappenedEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    this.#states = this.#relays();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  #look(): void {
    if (this.#listeners.size > 0) this.#workers.tell(WANTED);
    else if (performance.now() >= this.#wantedUntil) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const before = this.#states;
    this.#states = this.#relays();
    for (const [key, relay] of this.#states) {
      if (before.get(key)?.state !== relay.state) this.tell('relay', () => relay);
    }
    for (const [key, relay] of before) {
      if (!this.#states.has(key)) this.tell('relay', () => ({ ...relay, state: 'closed' }));
    }
  }

  /** Tells of all that an application observes. */
  observer(application: Application): Observer {
    const of = (client: Client, stream: string) => ({
      server: application.server,
      app: application.name,
      stream,
      client: client.id,
      address: client.address,
      protocol: client.protocol,
      origin: client.origin,
    });
    const session = ({ request, stream }: Publication | Subscription) => of(request.client, stream.name);
    const seconds = ({ since }: Publication | Subscription) => ({
      seconds: Math.round((Date.now() - since) / 1000),
    });
    // What the server itself plays, to have the stream here, is nobody's doing.
    const isOwn = ({ client }: Request): boolean => client.origin === 'worker';
    return {
      published: (one) => this.tell('publish', () => session(one)),
      unpublished: (one) => this.tell('unpublish', () => ({ ...session(one), ...seconds(one) })),
      played: (one) => {
        if (!isOwn(one.request)) this.tell('play', () => session(one));
      },
      unplayed: (one) => {
        if (isOwn(one.request)) return;
        this.tell('unplay', () => ({ ...session(one), ...seconds(one), bytes: one.counters.bytes }));
      },
      refused: (request) => {
        if (isOwn(request)) return;
        this.tell('refused', () => ({ ...of(request.client, request.name), action: request.action }));
      },
    };
  }
}
