import { randomUUID } from 'node:crypto';
import { type Audience, type FlushPolicy, flushPolicy } from './flush.ts';
import { Gates } from './gates.ts';
import type { LiveSettings } from './live.ts';
import type { Logger } from './log.ts';
import { checkName } from './names.ts';
import { type Origin, Origins } from './origins.ts';
import { Playlists } from './playlists.ts';
import { Publication } from './publication.ts';
import { Recorders } from './recordings.ts';
import { Refused } from './refused.ts';
import { Relays } from './relays.ts';
import { checkRoute, hopOf } from './route.ts';
import { Stream, type StreamListener } from './stream.ts';
import { type StreamTask, StreamTasks } from './stream-tasks.ts';
import { Subscription } from './subscription.ts';

/** Who asks: one connection of a client, of a relay, or of another worker. */
export interface Client {
  /** Counts up over the life of the process; the same number in logs, callbacks and statistics. */
  readonly id: number;
  readonly protocol: 'rtmp' | 'http-flv';
  /** `relay`: one of this server's own, which pulls from elsewhere or hands a stream to another application. */
  readonly origin: 'client' | 'relay' | 'worker';
  /** IP address without port, or `unix:`. Of a pull the source's; of a stream from another application 127.0.0.1. */
  readonly address: string;
  /** Fields of the connect command; empty where the protocol has none. */
  readonly flashver: string;
  readonly tcurl: string;
  readonly swfurl: string;
  readonly pageurl: string;
  /** The query of the connect's application name. */
  readonly connectArgs: string;
  /** The streams this one was handed on from, as `route.ts` writes them: relays that go in circles are refused. */
  readonly via?: readonly string[];
  /** Wall clock, ms, of its coming, where that was before it published or played. */
  readonly since?: number;
  /** Bytes of its connection, where it has one of its own. */
  readonly traffic?: { readonly bytesIn: number; readonly bytesOut: number };
  readonly log: Logger;
}

/** A wish to publish a name. Gates may change `name`. */
export interface PublishRequest {
  readonly action: 'publish';
  readonly client: Client;
  readonly application: Application;
  name: string;
  /** The query after the name, without `?`. */
  readonly args: string;
  /** `live`, `record`, `append` or empty. */
  readonly type: string;
  /** Where to push the stream besides what the configuration says; URLs as in `push`, without variables. For gates. */
  targets?: readonly string[];
  /** Ends the publisher's session: the publication was taken away. */
  readonly dismiss: (reason: string) => void;
  /** Has the client publish `NAME[?ARGS]` instead, as if it had asked for that; false where it cannot now. */
  readonly redirect?: (name: string) => boolean;
  /** Tells the publisher what becomes of its stream: a status of NetStream, where its protocol has those. */
  readonly tell?: (level: 'status' | 'error', code: string, description: string) => void;
}

/** A wish to play a name. Gates may change `name`. */
export interface PlayRequest {
  readonly action: 'play';
  readonly client: Client;
  readonly application: Application;
  name: string;
  readonly args: string;
  /** As in the play command, in ms or negative for live; 0, 0 and false where it has none; HTTP has -2, -1 and false. */
  readonly start: number;
  readonly duration: number;
  readonly reset: boolean;
  /** Where to pull the stream from if nobody publishes it here: a URL as in `pull`, without variables. For gates. */
  source?: string;
  /** Told what happens to the stream from the moment the player is let in. */
  readonly listener: StreamListener;
  readonly dismiss: (reason: string) => void;
  /** Has the client play `NAME[?ARGS]` instead, as if it had asked for that; false where it cannot now. */
  readonly redirect?: (name: string) => boolean;
}

export type Request = PublishRequest | PlayRequest;

/** Decides about a request; throws Refused to say no. Run in the order of the modules. */
export type Gate<R extends Request = Request> = (request: R) => void | Promise<void>;

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

/** An application: the only way in for publishers and players of every protocol, and the home of their streams. */
export class Application {
  /** Names its server block, as that is called now. */
  server: string;
  readonly #home: string;
  readonly name: string;
  readonly log: Logger;
  /** Replaced as a whole by a reload; streams and sessions read it at each use. */
  settings: LiveSettings;
  closed = false;
  readonly relays = new Relays();
  readonly recorders = new Recorders();
  readonly playlists = new Playlists();
  readonly gates = new Gates<Request>();
  readonly #streams = new Map<string, Stream>();
  readonly #publications = new Map<Stream, Publication>();
  readonly #subscriptions = new Set<Subscription>();
  /** Streams whose publisher has left and may return, with the timer that ends the wait. */
  readonly #gaps = new Map<Stream, NodeJS.Timeout>();
  /** Names taken by a publisher whose gates are still being asked. */
  readonly #asking = new Set<string>();
  readonly #observers = new Set<Observer>();
  readonly #tasks = new StreamTasks();
  readonly #origins = new Origins();
  readonly #identity: string;
  readonly #policy: FlushPolicy;
  readonly #audience: Audience;

  /** `server` names the server block it stands in, `settings` are its live settings, `identity` the process. */
  constructor(
    server: string,
    name: string,
    settings: LiveSettings,
    audience: Audience,
    log: Logger,
    identity: string = randomUUID(),
  ) {
    this.#identity = identity;
    this.server = this.#home = server;
    this.name = name;
    this.settings = settings;
    this.log = log;
    this.#audience = audience;
    this.#policy = flushPolicy(audience, () => this.settings.out_merge);
  }

  get streams(): ReadonlyMap<string, Stream> {
    return this.#streams;
  }

  get publications(): Iterable<Publication> {
    return this.#publications.values();
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscriptions;
  }

  /** A client of this application has gone. */
  leave(client: Client): void {
    this.#tell((observer) => observer.left?.(client));
  }

  publicationOf(stream: Stream): Publication | undefined {
    return this.#publications.get(stream);
  }

  observe(observer: Observer): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Runs a task for every stream that is live now and later, until it is undone. */
  forEachStream(task: StreamTask): () => void {
    return this.#tasks.add(task, this.#streams.values());
  }

  /** Adds a source of streams that nobody publishes here; `order` is its module's place in the list of modules. */
  addOrigin(order: number, origin: Origin): () => void {
    return this.#origins.add(order, origin);
  }

  /** A stream of this application in the routes of relays, under one name for life; see `Client.via`. */
  hop(name: string): string {
    return hopOf(this.#identity, this.#home, this.name, name);
  }

  /** Asks the gates and takes the name. Throws Refused. */
  publish(request: PublishRequest): Promise<Publication> {
    return this.#admit(request, () => this.#publish(request));
  }

  async #publish(request: PublishRequest): Promise<Publication> {
    this.#check(request.name);
    this.#checkRoute(request);
    this.#checkFree(request.name);
    // Held while the gates are asked, so that of two publishers at the same moment one is told at once.
    const asked = request.name;
    this.#asking.add(asked);
    try {
      await this.#pass(request);
      if (request.name !== asked) {
        this.#check(request.name);
        this.#checkRoute(request);
        this.#checkFree(request.name);
      }
    } finally {
      this.#asking.delete(asked);
    }
    this.gates.confirm(request);
    const stream = this.#stream(request.name);
    this.#takeOver(stream);
    const publication = new Publication(request, stream, (ended) => this.#unpublish(ended));
    this.#publications.set(stream, publication);
    stream.begin();
    this.#tell((observer) => observer.published?.(publication));
    return publication;
  }

  /**
   * Asks the gates and attaches a player. A stream that is not here is asked for from its origins. Throws Refused,
   * with `not-found` where it cannot be had, or nobody publishes and none may wait.
   */
  play(request: PlayRequest, mayWait: boolean): Promise<Subscription> {
    return this.#admit(request, () => this.#play(request, mayWait));
  }

  async #play(request: PlayRequest, mayWait: boolean): Promise<Subscription> {
    this.#check(request.name);
    await this.#pass(request);
    this.#check(request.name);
    this.#checkRoute(request);
    if (!this.#has(request.name)) {
      const coming = await this.#origins.fetch(request, mayWait);
      this.#checkOpen();
      if (!mayWait && !this.#has(request.name)) {
        throw new Refused('not-found', coming ? 'the stream has ended' : 'no such stream');
      }
    }
    this.gates.confirm(request);
    const stream = this.#stream(request.name);
    const subscription = new Subscription(request, stream, (ended) => this.#unplay(ended));
    this.#subscriptions.add(subscription);
    this.#tell((observer) => observer.played?.(subscription));
    return subscription;
  }

  /** Once a second: cuts off dead players and idle publishers. */
  sweep(now: number): void {
    const idle = this.settings.drop_idle_publisher;
    for (const stream of this.#streams.values()) stream.sweep(now);
    if (idle === null) return;
    for (const publication of this.#publications.values()) {
      const since = Math.max(publication.stream.lastMediaAt, publication.beganAt);
      if (now - since > idle) publication.request.dismiss('the publisher sends nothing');
    }
  }

  /** New settings of a reload; they count from the next packet and request on. */
  update(settings: LiveSettings): void {
    this.settings = settings;
    if (!settings.live) this.#dismissAll('the application is no longer live');
  }

  /** Removed from the configuration, or the server stops: everybody is sent away. */
  close(reason: string): void {
    this.closed = true;
    this.#dismissAll(reason);
  }

  #dismissAll(reason: string): void {
    for (const publication of [...this.#publications.values()]) {
      publication.request.dismiss(reason);
      publication.close();
    }
    for (const stream of [...this.#gaps.keys()]) this.#end(stream);
    for (const subscription of [...this.#subscriptions]) {
      subscription.request.dismiss(reason);
      subscription.close();
    }
  }

  async #admit<T>(request: Request, admission: () => Promise<T>): Promise<T> {
    try {
      return await admission();
    } catch (error) {
      this.#tell((observer) => observer.refused?.(request));
      throw error;
    }
  }

  #check(name: string): void {
    this.#checkOpen();
    checkName(name);
  }

  #checkOpen(): void {
    if (this.closed) throw new Refused('not-found', 'no such application');
    if (!this.settings.live) throw new Refused('not-found', 'the application is not live');
  }

  #checkRoute(request: Request): void {
    checkRoute(request.client.via, () => this.hop(request.name));
  }

  /** Somebody publishes it, or did and may return. */
  #has(name: string): boolean {
    const stream = this.#streams.get(name);
    return stream !== undefined && (stream.live || this.#publications.has(stream));
  }

  #checkFree(name: string): void {
    const stream = this.#streams.get(name);
    const taken = stream !== undefined && this.#publications.has(stream);
    if (this.#asking.has(name) || (taken && this.settings.publish_conflict === 'reject')) {
      throw new Refused('busy', 'Already publishing');
    }
  }

  async #pass(request: Request): Promise<void> {
    await this.gates.pass(request);
    this.#checkOpen();
  }

  #stream(name: string): Stream {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const stream = new Stream(
      name,
      () => this.settings,
      this.#policy,
      this.#audience,
      (error) => this.log.error({ err: error }, 'a reader of a stream failed'),
    );
    stream.listen({
      started: () => this.#tasks.started(stream),
      stopped: () => this.#tasks.stopped(stream),
    });
    this.#streams.set(name, stream);
    return stream;
  }

  /** Frees a name for a publisher that may have it: the one before is sent away, the wait for one is over. */
  #takeOver(stream: Stream): void {
    clearTimeout(this.#gaps.get(stream));
    this.#gaps.delete(stream);
    const before = this.#publications.get(stream);
    if (before === undefined) return;
    this.#publications.delete(stream);
    before.closed = true;
    this.#tell((observer) => observer.unpublished?.(before));
    before.request.dismiss('another publisher has taken the name over');
  }

  #unpublish(publication: Publication): void {
    const { stream } = publication;
    this.#publications.delete(stream);
    this.#tell((observer) => observer.unpublished?.(publication));
    const gap = this.settings.publish_gap;
    if (gap > 0 && !this.closed && stream.live) {
      this.#gaps.set(
        stream,
        setTimeout(() => this.#end(stream), gap),
      );
    } else {
      this.#end(stream);
    }
  }

  /** The stream is over: nobody publishes it, and none is waited for. */
  #end(stream: Stream): void {
    clearTimeout(this.#gaps.get(stream));
    this.#gaps.delete(stream);
    stream.end();
    this.#tell((observer) => observer.ended?.(stream));
    if (!this.settings.idle_streams || this.closed) {
      for (const subscription of [...this.#subscriptions]) {
        if (subscription.stream === stream) subscription.request.dismiss('the stream has ended');
      }
    }
    this.#release(stream);
  }

  #unplay(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#tell((observer) => observer.unplayed?.(subscription));
    this.#release(subscription.stream);
  }

  /** Forgets a stream that nobody holds any more. */
  #release(stream: Stream): void {
    if (this.#publications.has(stream) || this.#gaps.has(stream) || stream.listeners > 1) return;
    if (this.#streams.get(stream.name) === stream) this.#streams.delete(stream.name);
  }

  #tell(what: (observer: Observer) => void): void {
    for (const observer of this.#observers) what(observer);
  }
}
