import type { Application, Client, Request } from './application.ts';
import type { Observer } from './observer.ts';
import type { Publication } from './publication.ts';
import type { Subscription } from './subscription.ts';

/** Something that happened, as plain data for those outside who watch. */
export interface HappenedEvent {
  readonly kind: 'publish' | 'unpublish' | 'play' | 'unplay' | 'refused' | 'reload';
  /** Wall clock, ms. */
  readonly at: number;
  readonly [detail: string]: unknown;
}

/** What happens in the process, told to whoever listens; nothing is made or kept while nobody does. */
export class Events {
  readonly #listeners = new Set<(event: HappenedEvent) => void>();

  listen(listener: (event: HappenedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `details` is asked only where somebody listens. */
  tell(kind: HappenedEvent['kind'], details: () => Readonly<Record<string, unknown>>): void {
    if (this.#listeners.size === 0) return;
    const event: HappenedEvent = { ...details(), kind, at: Date.now() };
    for (const listener of this.#listeners) listener(event);
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
    return {
      published: (one) => this.tell('publish', () => session(one)),
      unpublished: (one) => this.tell('unpublish', () => ({ ...session(one), ...seconds(one) })),
      played: (one) => this.tell('play', () => session(one)),
      unplayed: (one) =>
        this.tell('unplay', () => ({ ...session(one), ...seconds(one), bytes: one.counters.bytes })),
      refused: (request: Request) =>
        this.tell('refused', () => ({ ...of(request.client, request.name), action: request.action })),
    };
  }
}
