import type { Publication } from '../../core/applications/publication.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { RelayStatus } from '../../core/applications/relays.ts';
import type { Client } from '../../core/applications/request.ts';
import { maskedName } from '../../core/logs/log.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { DATA } from '../../media/packet.ts';
import { Publishing } from '../../rtmp/publishing.ts';
import { isMetadata } from '../../wire/metadata.ts';
import type { RtmpMessage } from '../../wire/rtmp/messages.ts';
import { isItself, ownServer, type RelayGround } from './ground.ts';
import { type RelayPeer, showPeer, showReason } from './peer.ts';
import { Retry } from './retry.ts';
import { ownSource, remoteSource, type Source, type SourceEvents } from './sources.ts';

/** How long a player waits for its stream at most, ms. */
const PLAYER_MS = 10_000;
/** How long a pull goes on after its last player, ms. */
const LINGER_MS = 5000;

/** What nginx-rtmp calls itself to backends and on its statistics page, which look for it. */
const RELAY_FLASHVER = 'ngx-local-relay';

const LOOP = 'relay loop: the stream would be pulled from itself';

/** A player that asked for the stream. */
interface Waiting {
  readonly mayWait: boolean;
  readonly done: () => void;
  readonly failed: (refused: Refused) => void;
  readonly timer: NodeJS.Timeout;
}

/** A source, and what it publishes here. */
interface Feeding {
  readonly source: Source;
  readonly peer: RelayPeer;
  publication?: Publication;
  publishing?: Publishing;
}

/** What a pull brings and for whom. */
export interface PullWish {
  /** Where to ask, the first first. */
  readonly sources: readonly RelayPeer[];
  /** Whether it goes on without players. */
  readonly permanent: boolean;
  /** Where the stream would go to; see `Client.via`. */
  readonly via: readonly string[];
}

/** One stream fetched from elsewhere and published here, for as long as anybody plays it or for ever. */
export class Pull {
  readonly #ground: RelayGround;
  readonly #name: string;
  readonly #closed: () => void;
  readonly #retry: Retry;
  readonly #unlist: () => void;
  readonly #waiting = new Set<Waiting>();
  #wish: PullWish;
  /** The source being tried. */
  #turn = 0;
  #feeding: Feeding | undefined;
  #bytes = 0;
  #local = false;
  #linger: NodeJS.Timeout | undefined;

  /** `closed` is told when it has ended by itself: nobody plays it any more. */
  constructor(ground: RelayGround, name: string, wish: PullWish, closed: () => void) {
    this.#ground = ground;
    this.#name = name;
    this.#wish = wish;
    this.#closed = closed;
    this.#retry = new Retry(
      () => this.#attempt(),
      () => ground.conf().pull_reconnect,
    );
    this.#unlist = ground.application.relays.add(() => this.status());
    this.#retry.start();
  }

  status(): RelayStatus {
    const { state, since, attempts, lastError, retryAt } = this.#retry;
    const peer = this.#feeding?.peer ?? this.#wish.sources[this.#turn];
    return {
      direction: 'pull',
      stream: this.#name,
      url: peer === undefined ? '' : showPeer(peer, this.#name),
      state,
      local: this.#local,
      since,
      attempts,
      bytes: this.#bytes + (this.#feeding?.source.bytes ?? 0),
      skips: 0,
      lastError,
      retryAt,
    };
  }

  /** It cannot work as it is wished for. */
  get refused(): boolean {
    return this.#retry.state === 'refused';
  }

  /** A player wants the stream. Resolves when it is here or, for one that may wait, is being sent. Throws Refused. */
  ask(mayWait: boolean): Promise<void> {
    const { state } = this.#retry;
    if (this.#feeding?.publication !== undefined || (mayWait && state === 'live')) return Promise.resolve();
    if (state === 'refused') return Promise.reject(new Refused('not-found', 'the stream cannot be had'));
    if (state === 'waiting') {
      if (this.#wish.permanent || this.#watched) {
        if (mayWait) return Promise.resolve();
        return Promise.reject(new Refused('not-found', 'the source of the stream does not answer'));
      }
      this.#turn = 0;
      this.#retry.start();
    }
    return new Promise((done, failed) => {
      const waiting: Waiting = {
        mayWait,
        done,
        failed,
        timer: setTimeout(() => this.#disappoint([waiting], 'the stream does not come'), PLAYER_MS),
      };
      this.#waiting.add(waiting);
    });
  }

  /** Takes new settings; a connection to a source that is still one of them goes on. */
  update(wish: PullWish): void {
    const feeding = this.#feeding;
    this.#wish = wish;
    const same = wish.sources.findIndex((peer) => JSON.stringify(peer) === JSON.stringify(feeding?.peer));
    this.#turn = Math.max(same, 0);
    if (feeding !== undefined && same < 0) {
      this.#drop('the source is no longer wanted');
      this.#retry.start();
    }
    this.release();
  }

  /** A player has left, or may have: without any the pull ends shortly. */
  release(): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#endUnwatched('nobody plays the stream any more'), LINGER_MS);
  }

  close(reason: string): void {
    this.#retry.close();
    clearTimeout(this.#linger);
    this.#drop(reason);
    this.#disappoint([...this.#waiting], reason);
    this.#unlist();
  }

  get #watched(): boolean {
    if (this.#waiting.size > 0 || this.#ground.application.loans.has(this.#name)) return true;
    for (const { stream } of this.#ground.application.subscriptions)
      if (stream.name === this.#name) return true;
    return false;
  }

  #endUnwatched(reason: string): void {
    if (this.#wish.permanent || this.#watched) return;
    const { log } = this.#ground;
    log.info({ stream: maskedName(this.#name), reason }, 'pull ended');
    this.close(reason);
    this.#closed();
  }

  #attempt(): void {
    const { application } = this.#ground;
    const peer = this.#wish.sources[this.#turn];
    if (peer === undefined) return;
    const stream = application.streams.get(this.#name);
    const published = (one: Stream): boolean =>
      application.publicationOf(one) !== undefined || application.isForeign(one);
    if (stream !== undefined && published(stream)) {
      this.#retry.failed('the stream is published here');
      this.#satisfy(() => true);
      this.release();
      return;
    }
    if (isItself(this.#ground, peer, this.#name)) {
      this.#failed(LOOP);
      return;
    }
    try {
      this.#feeding = this.#open(peer);
    } catch (error) {
      this.#failed((error as Error).message);
    }
  }

  #open(peer: RelayPeer): Feeding {
    const { hub, application } = this.#ground;
    const server = ownServer(hub, peer);
    const via = [...this.#wish.via, application.hop(this.#name)];
    const events: SourceEvents = {
      accepted: () => this.#accepted(feeding),
      media: (message) => this.#media(feeding, message),
      endOfRead: () => feeding.publishing?.endOfRead(performance.now()),
      ended: () => this.#unpublish(feeding),
      closed: (reason) => {
        if (this.#feeding === feeding) this.#failed(reason);
      },
    };
    this.#local = server !== undefined;
    const source =
      server === undefined
        ? remoteSource(this.#ground, peer, via, events)
        : ownSource(this.#ground, peer, server, via, events);
    const feeding: Feeding = { source, peer };
    return feeding;
  }

  #accepted(feeding: Feeding): void {
    if (this.#feeding !== feeding) return;
    const { log } = this.#ground;
    this.#retry.succeeded();
    log.info({ stream: maskedName(this.#name), url: showPeer(feeding.peer, this.#name) }, 'pull started');
    this.#satisfy(({ mayWait }) => mayWait);
  }

  #media(feeding: Feeding, message: RtmpMessage): void {
    if (this.#feeding !== feeding) return;
    if (feeding.publishing !== undefined) {
      feeding.publishing.media(message, performance.now());
      return;
    }
    // A source that has nothing to play yet may still send data; the name is taken only for media.
    if (message.type === DATA && !isMetadata(message.body)) return;
    const { type, streamId, timestamp } = message;
    // It is on loan until the admission.
    const body = Buffer.from(message.body);
    feeding.source.wait(
      this.#publish(feeding).then(
        () => feeding.publishing?.media({ type, streamId, timestamp, body }, performance.now()),
        (error: unknown) => {
          if (!(error instanceof Refused))
            this.#ground.log.error({ err: error }, 'a relay failed unexpectedly');
          if (this.#feeding === feeding) this.#failed(error instanceof Error ? error.message : String(error));
        },
      ),
    );
  }

  async #publish(feeding: Feeding): Promise<void> {
    const { application } = this.#ground;
    const publication = await application.publish({
      action: 'publish',
      client: this.#clientOf(feeding),
      application,
      name: this.#name,
      args: '',
      type: '',
      dismiss: (reason) => {
        if (this.#feeding === feeding) this.#failed(reason);
      },
    });
    if (this.#feeding !== feeding) {
      publication.close();
      return;
    }
    feeding.publication = publication;
    feeding.publishing = new Publishing(publication, 1);
    this.#satisfy(() => true);
    this.release();
  }

  #clientOf({ source, peer }: Feeding): Client {
    const { hub, log } = this.#ground;
    return {
      id: hub.nextClientId(),
      protocol: 'rtmp',
      origin: 'relay',
      address: source.address,
      ...{ flashver: RELAY_FLASHVER, tcurl: '', swfurl: '', pageurl: '' },
      connectArgs: splitOnce(peer.app, '?')[1] ?? '',
      log,
    };
  }

  /** The source says that its stream has ended; players and the connection wait for the next. */
  #unpublish(feeding: Feeding): void {
    const { publication } = feeding;
    delete feeding.publication;
    delete feeding.publishing;
    publication?.close();
  }

  #failed(said: string): void {
    if (this.#retry.closed) return;
    const worked = this.#retry.state === 'live';
    const { sources } = this.#wish;
    const peer = this.#feeding?.peer ?? sources[this.#turn];
    const url = peer === undefined ? '' : showPeer(peer, this.#name);
    const reason = peer === undefined ? said : showReason(said, peer, this.#name);
    const fields = { stream: maskedName(this.#name), url, reason };
    const { log } = this.#ground;
    this.#drop(reason);
    if (!worked && this.#turn + 1 < sources.length) {
      log.warn(fields, 'pull failed, the next source is tried');
      this.#turn += 1;
      this.#retry.lastError = reason;
      this.#retry.start();
      return;
    }
    this.#turn = 0;
    if (reason === LOOP && sources.length === 1) {
      log.error(fields, 'pull refused');
      this.#retry.refuse(reason);
    } else {
      const retry = this.#retry.failed(reason);
      log.warn({ ...fields, retry }, 'pull failed, it is tried again');
    }
    if (!worked) this.#disappoint([...this.#waiting], 'the source of the stream cannot be had');
    this.#endUnwatched(reason);
  }

  /** Ends the connection to the source, if there is one. */
  #drop(reason: string): void {
    const feeding = this.#feeding;
    if (feeding === undefined) return;
    this.#feeding = undefined;
    this.#bytes += feeding.source.bytes;
    feeding.source.close(reason);
    this.#unpublish(feeding);
  }

  #satisfy(which: (waiting: Waiting) => boolean): void {
    for (const waiting of this.#waiting) {
      if (!which(waiting)) continue;
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.done();
    }
    this.release();
  }

  #disappoint(players: readonly Waiting[], reason: string): void {
    for (const waiting of players) {
      this.#waiting.delete(waiting);
      clearTimeout(waiting.timer);
      waiting.failed(new Refused('not-found', reason));
    }
    if (!this.#retry.closed) this.release();
  }
}
