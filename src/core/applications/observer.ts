import type { Stream } from '../streams/stream.ts';
import type { Publication } from './publication.ts';
import type { Client, Request } from './request.ts';
import type { Subscription } from './subscription.ts';

/** Told after the fact; must not throw. */
export interface Observer {
  published?(publication: Publication): void;
  unpublished?(publication: Publication): void;
  /** Nobody publishes the name any more, and none is waited for; after `unpublished`. */
  ended?(stream: Stream): void;
  played?(subscription: Subscription): void;
  unplayed?(subscription: Subscription): void;
  /** Not let in after all, by whichever gate, or since the name is taken, gone or not to be had. */
  refused?(request: Request): void;
  /** The client's connection has ended, after all else of it. */
  left?(client: Client): void;
}
