import { Registry } from '../measures/registry.ts';

/** What a relay is doing. `refused`: it cannot work as it is configured, and is not tried again. */
export type RelayState = 'connecting' | 'live' | 'waiting' | 'refused' | 'closed';

/** One outgoing or incoming relay as statistics show it: plain data. */
export interface RelayStatus {
  readonly direction: 'push' | 'pull';
  /** The name of the local stream. */
  readonly stream: string;
  /** Where it goes to or comes from, with the stream's name and query masked. */
  readonly url: string;
  readonly state: RelayState;
  /** Handed over inside the process, without a socket. */
  readonly local: boolean;
  /** Wall clock, ms: since when it is in this state. */
  readonly since: number;
  /** Connections tried, the present one included. */
  readonly attempts: number;
  /** Bytes of all its connections. */
  readonly bytes: number;
  /** Times a push was skipped forward to a key frame because the peer was too slow. */
  readonly skips: number;
  /** Why the last connection failed or ended; empty where none has. */
  readonly lastError: string;
  /** Wall clock, ms, of the next attempt; 0 where none is due. */
  readonly retryAt: number;
}

/** A relay beyond those that the configuration writes. */
export interface WantedRelay {
  readonly direction: 'push' | 'pull';
  /** The local stream. A push waits for it to be live; a pull makes it so and keeps at it. */
  readonly stream: string;
  /** As in the directives `push` and `pull`, without variables. */
  readonly url: string;
}

/**
 * The relays of an application: what there is, for statistics, and what is wanted by other parts than the
 * configuration (an API, a callback). Whoever carries relays out watches the wishes.
 */
export class Relays {
  readonly #running = new Registry<RelayStatus>();
  readonly #wanted = new Set<WantedRelay>();
  readonly #watchers = new Set<() => void>();

  /** All relays there are, in the order they came. */
  list(): readonly RelayStatus[] {
    return this.#running.list();
  }

  /** Enters a relay in the list; what it returns takes it out. */
  add(status: () => RelayStatus): () => void {
    return this.#running.add(status);
  }

  get wanted(): Iterable<WantedRelay> {
    return this.#wanted;
  }

  /** Asks for a relay, in mid-stream too, until what it returns is called. */
  want(relay: WantedRelay): () => void {
    const wish = { ...relay };
    this.#wanted.add(wish);
    for (const watcher of this.#watchers) watcher();
    return () => {
      if (this.#wanted.delete(wish)) for (const watcher of this.#watchers) watcher();
    };
  }

  /** Tells of every change of what is wanted. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
