import type { RelayStatus } from '../../core/applications/relays.ts';
import { maskedName } from '../../core/logs/log.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { isItself, ownServer, type RelayGround } from './ground.ts';
import { type Link, ownLink, remoteLink } from './links.ts';
import { type RelayPeer, showPeer, showReason } from './peer.ts';
import { Retry } from './retry.ts';

/** What a stream is handed on as: from where it came, for the detection of circles. */
export type RouteOf = () => readonly string[];

/** One stream's way to one peer: kept up, whatever becomes of the others, until it is closed. */
export class Push {
  readonly #ground: RelayGround;
  readonly #name: string;
  readonly #peer: RelayPeer;
  readonly #route: RouteOf;
  readonly #url: string;
  readonly #retry: Retry;
  readonly #unlist: () => void;
  #stream: Stream | undefined;
  #link: Link | undefined;
  #local = false;
  #bytes = 0;
  #skips = 0;

  constructor(ground: RelayGround, stream: Stream, peer: RelayPeer, route: RouteOf) {
    this.#ground = ground;
    this.#name = stream.name;
    this.#stream = stream;
    this.#peer = peer;
    this.#route = route;
    this.#url = showPeer(peer, stream.name);
    this.#retry = new Retry(
      () => this.#attempt(),
      () => ground.conf().push_reconnect,
    );
    this.#unlist = ground.application.relays.add(() => this.status());
    this.#retry.start();
  }

  status(): RelayStatus {
    const { state, since, attempts, lastError, retryAt } = this.#retry;
    return {
      direction: 'push',
      stream: this.#name,
      url: this.#url,
      state,
      local: this.#local,
      since,
      attempts,
      bytes: this.#bytes + (this.#link?.bytes ?? 0),
      skips: this.#skips + (this.#link?.skips ?? 0),
      lastError,
      retryAt,
    };
  }

  /** The publisher has closed its stream and may send another on the same connection. */
  detach(): void {
    this.#stream = undefined;
    this.#link?.detach();
  }

  attach(stream: Stream): void {
    this.#stream = stream;
    this.#link?.attach(stream);
  }

  close(reason: string): void {
    this.#retry.close();
    this.#link?.close(reason);
    this.#forget();
    this.#unlist();
  }

  #attempt(): void {
    const { hub, application, log } = this.#ground;
    const peer = this.#peer;
    const stream = this.#stream;
    // Without media to send there is no hurry; the next attempt may find some.
    if (stream === undefined) {
      this.#retry.failed(this.#retry.lastError);
      return;
    }
    const fields = { stream: maskedName(this.#name), url: this.#url };
    const server = ownServer(hub, peer);
    this.#local = server !== undefined;
    if (isItself(this.#ground, peer, this.#name)) {
      const reason = 'relay loop: the stream would be pushed to itself';
      this.#retry.refuse(reason);
      log.error({ ...fields, reason }, 'push refused');
      return;
    }
    const events = {
      live: () => {
        this.#retry.succeeded();
        log.info({ ...fields, attempt: this.#retry.attempts }, 'push started');
      },
      ended: (said: string) => {
        this.#forget();
        const reason = showReason(said, peer, this.#name);
        const delay = this.#retry.failed(reason);
        log.warn({ ...fields, reason, retry: delay }, 'push failed, it is tried again');
      },
    };
    const via = [...this.#route(), application.hop(this.#name)];
    try {
      this.#link =
        server === undefined
          ? remoteLink(this.#ground, stream, peer, via, events)
          : ownLink(this.#ground, stream, peer, server, via, events);
    } catch (error) {
      events.ended((error as Error).message);
    }
  }

  /** Keeps the counters of a connection that has ended. */
  #forget(): void {
    this.#bytes += this.#link?.bytes ?? 0;
    this.#skips += this.#link?.skips ?? 0;
    this.#link = undefined;
  }
}
