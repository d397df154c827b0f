import { randomUUID } from 'node:crypto';
import type { Logger } from '../logs/log.ts';
import { type Audience, type FlushPolicy, flushPolicy } from '../streams/flush.ts';
import { Stream } from '../streams/stream.ts';
import { Admission } from './admission.ts';
import type { Elsewhere } from './elsewhere.ts';
import { Gaps } from './gaps.ts';
import { Gates } from './gates.ts';
import type { LiveSettings } from './live.ts';
import { Loans } from './loans.ts';
import type { Observer } from './observer.ts';
import { Origins } from './origins.ts';
import { Playlists } from './playlists.ts';
import { Publication } from './publication.ts';
import { Recorders } from './recordings.ts';
import { Relays } from './relays.ts';
import { type Client, isSilent, type PlayRequest, type PublishRequest, type Request } from './request.ts';
import { hopOf } from './route.ts';
import { type StreamTask, StreamTasks } from './stream-tasks.ts';
import { Subscription } from './subscription.ts';

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
  readonly loans = new Loans();
  readonly playlists = new Playlists();
  /** Where streams come from that nobody publishes here. */
  readonly origins = new Origins();
  readonly gates = new Gates<Request>();
  readonly #streams = new Map<string, Stream>();
  readonly #publications = new Map<Stream, Publication>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #gaps = new Gaps();
  /** Streams that other workers' publishers feed, or fed last: their services run over there. */
  readonly #foreign = new Map<Stream, Publication | null>();
  readonly #observers = new Set<Observer>();
  readonly #tasks = new StreamTasks();
  readonly #identity: string;
  readonly #policy: FlushPolicy;
  readonly #audience: Audience;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #admission: Admission;

  /** `server` names the server block it stands in, `settings` are its live settings, `identity` the process. */
  constructor(
    server: string,
    name: string,
    settings: LiveSettings,
    audience: Audience,
    log: Logger,
    identity: string = randomUUID(),
    elsewhere?: Elsewhere,
  ) {
    this.#identity = identity;
    this.#elsewhere = elsewhere;
    this.server = this.#home = server;
    this.name = name;
    this.settings = settings;
    this.log = log;
    this.#audience = audience;
    this.#policy = flushPolicy(audience, () => this.settings.out_merge);
    this.#admission = new Admission(this, elsewhere, {
      published: (request) => this.#publish(request),
      played: (request) => this.#play(request),
      refused: (request) => this.#tell((observer) => observer.refused?.(request)),
    });
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

  /** A client has gone. */
  leave(client: Client): void {
    this.#tell((observer) => observer.left?.(client));
  }

  publicationOf(stream: Stream): Publication | undefined {
    return this.#publications.get(stream);
  }

  /** Who publishes a name here. */
  publicationNamed(name: string): Publication | undefined {
    const stream = this.#streams.get(name);
    return stream && this.#publications.get(stream);
  }

  /** Whether the stream comes from another worker, which counts its publisher and runs its services. */
  isForeign(stream: Stream): boolean {
    return this.#foreign.has(stream);
  }

  observe(observer: Observer): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Runs a task for every stream that is live now and later, until it is undone. */
  forEachStream(task: StreamTask): () => void {
    const served = [...this.#streams.values()].filter((stream) => this.#serves(stream));
    return this.#tasks.add(task, served);
  }

  /** A stream of this application in the routes of relays, under one name for life; see `Client.via`. */
  hop(name: string): string {
    return hopOf(this.#identity, this.#home, this.name, name);
  }

  /** Settled once what the publisher of a name here has sent by now is read, its leaving included. */
  async hearOut(name: string): Promise<void> {
    await this.publicationNamed(name)?.request.hearOut?.();
  }

  /** Asks the gates and takes the name. Throws Refused. */
  publish(request: PublishRequest): Promise<Publication> {
    return this.#admission.publish(request);
  }

  #publish(request: PublishRequest): Publication {
    const stream = this.#stream(request.name);
    this.#takeOver(stream);
    const publication = new Publication(request, stream, (ended) => this.#unpublish(ended));
    this.#publications.set(stream, publication);
    const foreign = this.#foreign.delete(stream);
    stream.begin();
    this.#tell((observer) => observer.published?.(publication));
    // It was live here already by another worker's publisher, and now it is this one's to serve.
    if (foreign && stream.live && this.#serves(stream)) this.#tasks.started(stream);
    return publication;
  }

  /**
   * Asks the gates and attaches a player. A stream that is not here is asked for from its origins. Throws Refused,
   * with `not-found` where it cannot be had, or nobody publishes and none may wait.
   */
  play(request: PlayRequest, mayWait: boolean): Promise<Subscription> {
    return this.#admission.play(request, mayWait);
  }

  #play(request: PlayRequest): Subscription {
    const stream = this.#stream(request.name);
    const subscription = new Subscription(request, stream, (ended) => this.#unplay(ended));
    this.#subscriptions.add(subscription);
    this.#tell((observer) => observer.played?.(subscription));
    if (!this.has(request.name)) this.#elsewhere?.awaited(this, request.name);
    return subscription;
  }

  /** Once a second: cuts off dead players and idle publishers. */
  sweep(now: number): void {
    const idle = this.settings.drop_idle_publisher ?? Number.POSITIVE_INFINITY;
    for (const stream of this.#streams.values()) stream.sweep(now);
    for (const { heardAt, request } of this.#publications.values()) {
      if (now - heardAt > idle) request.dismiss('the publisher sends nothing');
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
    for (const feeder of this.#foreign.values()) feeder?.request.dismiss(reason);
    for (const stream of [...this.#gaps.keys(), ...this.#foreign.keys()]) this.#end(stream);
    for (const subscription of [...this.#subscriptions]) {
      subscription.request.dismiss(reason);
      subscription.close();
    }
  }

  /** Somebody publishes the name, or did and may return, here or at another worker that it is fetched from. */
  has(name: string): boolean {
    const stream = this.#streams.get(name);
    if (stream === undefined) return false;
    return stream.live || this.#publications.has(stream) || (this.#foreign.get(stream) ?? null) !== null;
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
      started: () => {
        if (this.#serves(stream)) this.#tasks.started(stream);
      },
      stopped: () => this.#tasks.stopped(stream),
    });
    this.#streams.set(name, stream);
    return stream;
  }

  /** Frees a name for a publisher that may have it: the one before is sent away, the wait for one is over. */
  #takeOver(stream: Stream): void {
    this.#gaps.cancel(stream);
    this.#foreign.get(stream)?.request.dismiss('the stream is published here');
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
    if (!this.#wait(stream)) this.#end(stream);
    else this.#elsewhere?.vacant(this, stream.name);
  }

  /** Waits for a publisher to return, where that is wanted. */
  #wait(stream: Stream): boolean {
    const gap = this.settings.publish_gap;
    if (gap === 0 || this.closed || !stream.live) return false;
    this.#gaps.wait(stream, gap, () => this.#end(stream));
    return true;
  }

  /** The stream is over: nobody publishes it, and none is waited for. */
  #end(stream: Stream): void {
    this.#gaps.cancel(stream);
    stream.end();
    if (!this.#foreign.delete(stream)) {
      this.#tell((observer) => observer.ended?.(stream));
      this.#elsewhere?.ended(this, stream.name);
    }
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
    this.#elsewhere?.unplayed(this, subscription.stream.name);
  }

  /** The name is another worker's from now on: its publisher here is sent away, its services end, its players stay. */
  yield(name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || this.#foreign.has(stream)) return;
    this.#takeOver(stream);
    this.#foreign.set(stream, null);
    this.#tasks.stopped(stream);
    this.#tell((observer) => observer.ended?.(stream));
  }

  /** Another worker feeds the stream: neither gates nor services, and nobody is told. Null where it is published here. */
  mirror(request: PublishRequest): Publication | null {
    const stream = this.#stream(request.name);
    if (this.closed || this.#publications.has(stream)) return null;
    this.#gaps.cancel(stream);
    // Its publisher has left here and come back elsewhere: so have the services of its stream.
    if (stream.live && !this.#foreign.has(stream)) this.#tasks.stopped(stream);
    const publication = new Publication(request, stream, (ended) => {
      if (this.#foreign.get(stream) === ended) this.#foreign.set(stream, null);
    });
    this.#foreign.set(stream, publication);
    stream.begin();
    return publication;
  }

  /** No other worker has the name any more; its publisher `mayReturn`. */
  forsake(name: string, mayReturn: boolean): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || !this.#foreign.has(stream) || this.#gaps.has(stream)) return;
    if (!mayReturn || !this.#wait(stream)) this.#end(stream);
  }

  #serves(stream: Stream): boolean {
    const publication = this.#publications.get(stream);
    return !this.#foreign.has(stream) && !(publication && isSilent(publication.request.client));
  }

  /** Forgets a stream that nobody holds any more. */
  #release(stream: Stream): void {
    const held = [this.#publications, this.#gaps, this.#foreign].some((holders) => holders.has(stream));
    if (held || stream.listeners > 1) return;
    if (this.#streams.get(stream.name) === stream) this.#streams.delete(stream.name);
  }

  #tell(what: (observer: Observer) => void): void {
    for (const observer of this.#observers) what(observer);
  }
}
