import { type StreamFacts, streamFacts } from '../../media/facts.ts';
import type { Format } from '../../media/format.ts';
import { AUDIO, DATA, type Kind, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';
import { HEADER, headerSlot, KEY, MEDIA, tagFacts } from '../../media/tag.ts';
import { Timeline } from '../../media/timeline.ts';
import type { Sink } from '../connections/sink.ts';
import type { FeedSource } from './feed.ts';
import { Feeds } from './feeds.ts';
import type { Audience, FlushPolicy } from './flush.ts';
import type { Framing } from './framing.ts';
import { Group, type GroupBounds } from './group.ts';
import { lookAt } from './health.ts';
import { Meter, type Rates, type StreamCounters, type Totals } from './meter.ts';
import { Openings } from './openings.ts';
import { PacketMemory } from './packet-memory.ts';
import { LEAST_REST_MS, LONGEST_REST_MS } from './rest.ts';
import { type Patience, Seat } from './seat.ts';
import { type Tap, Taps } from './taps.ts';
import { Visitors } from './visitors.ts';
import { Vitals } from './vitals.ts';

/** What happens to a stream, told to those who play it. Calls come synchronously. */
export interface StreamListener {
  /** The first media of a publisher have come. */
  started?(): void;
  /** The publisher has left, or was cut off. */
  stopped?(): void;
}

/** The settings a stream reads from its application at each use, so that a reload takes effect in mid-stream. */
export interface StreamSettings extends GroupBounds {
  readonly gop_cache: boolean;
  readonly wait_key: boolean;
  readonly wait_video: boolean;
}

/** How long the opening of a new stream is held back for a second track, ms. */
const TRACK_WAIT_MS = 300;
/** Without a video frame for this long, players no longer wait for a key frame, ms. */
const VIDEO_GONE_MS = 10_000;

/**
 * One name of one application: what its publisher sends, what newcomers need first, and everybody it goes to. It
 * outlives publishers while anybody is attached, and knows nothing of the configuration but its settings.
 */
export class Stream implements FeedSource {
  readonly name: string;
  readonly vitals = new Vitals();
  /** Wall clock, ms, of the first media of the present publisher; 0 while there is none. */
  startedAt = 0;
  /** Monotonic ms of the newest media. */
  lastMediaAt = 0;
  readonly timeline = new Timeline();
  /** Viewers without a connection of their own. */
  readonly visitors = new Visitors();
  readonly #settings: () => StreamSettings;
  readonly #audience: Audience;
  readonly #first = { audio: -1, video: -1 };
  readonly #meter: Meter;
  readonly feeds: Feeds;
  readonly #taps: Taps;
  readonly #listeners = new Set<StreamListener>();
  readonly #openings = new Openings(() => {
    this.feeds.flush();
  });
  readonly #group = new Group();
  readonly #memory = new PacketMemory();
  #renewing = false;
  /** Monotonic ms of the newest video. */
  #lastVideoAt = 0;
  #settled = false;
  #settling: NodeJS.Timeout | undefined;

  /** `failed` is told of a reader inside the server that threw; it gets no more packets. */
  constructor(
    name: string,
    settings: () => StreamSettings,
    policy: FlushPolicy,
    audience: Audience,
    failed: (error: unknown) => void,
  ) {
    this.name = name;
    this.#taps = new Taps(failed);
    this.#settings = settings;
    this.feeds = new Feeds(this, policy);
    this.#audience = audience;
    this.#meter = new Meter(this.#totals, performance.now());
  }

  get opening(): Opening {
    return this.#openings.current;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get cached(): readonly MediaPacket[] {
    return this.#group.packets;
  }

  get early(): readonly MediaPacket[] {
    return this.#group.early;
  }

  get waitKey(): boolean {
    return this.#settings().wait_key && this.#video;
  }

  get waitVideo(): boolean {
    return this.#settings().wait_video && this.#video;
  }

  /** Video frames are coming, or are to come. */
  get #video(): boolean {
    const announced = this.opening.hasVideo || this.opening.headers[0]?.kind === VIDEO;
    return announced && this.lastMediaAt - this.#lastVideoAt <= VIDEO_GONE_MS;
  }

  /** Media are flowing, or did since the publisher came. */
  get live(): boolean {
    return this.startedAt !== 0;
  }

  get counters(): StreamCounters {
    return this.vitals.counters;
  }

  get keyInterval(): number {
    return this.vitals.keyInterval;
  }

  /** Bytes given to players, in all. */
  get bytesOut(): number {
    return this.feeds.bytes;
  }

  /** What codecs, pictures and sound it has. */
  get facts(): StreamFacts {
    return streamFacts(this.opening, this.#first);
  }

  /** What it moves on average; `now` is monotonic ms. */
  rates(now: number): Rates {
    return this.#meter.rates(this.#totals, now);
  }

  /** How far its media are behind the clock, ms; 0 while none are to come. `now` is monotonic ms. */
  lag(now: number): number {
    return this.live ? this.vitals.lag.behind(Math.max(now - this.lastMediaAt, 0)) : 0;
  }

  get #totals(): Totals {
    return { ...this.counters, bytesOut: this.bytesOut };
  }

  get players(): number {
    return this.feeds.players;
  }

  /** Those who are told what happens to it: its application, and one per player. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * A message of the publisher: `raw` is its 32-bit timestamp in ms, `body` is on loan and copied where anybody needs
   * it; `now` is monotonic ms.
   */
  ingest(kind: Kind, raw: number, body: Buffer, now: number): void {
    if (this.#renewing) this.#renew();
    const counters = this.counters;
    counters.bytesIn += body.length;
    if (kind === DATA) {
      counters.dataPackets += 1;
      if (!this.attended) return;
      const time = Math.max(this.timeline.last, 0);
      const data = { kind, time, key: false, config: false, body: this.#memory.copy(body) };
      this.#distribute(data, false, now);
      return;
    }
    const facts = tagFacts(kind, body);
    const config = (facts & HEADER) !== 0;
    // Many publishers send headers with a timestamp of 0, whatever their clock shows.
    const time = config ? Math.max(this.timeline.last, 0) : this.timeline.place(raw, kind === AUDIO, now);
    const key = (facts & KEY) !== 0;
    const loan: MediaPacket = { kind, time, key, config, body };
    this.vitals.came(loan, now);
    this.lastMediaAt = now;
    if (!this.live) this.#start();
    if (kind === VIDEO) this.#lastVideoAt = now;
    const packet = this.#keep(loan);
    if (packet.config) {
      // What was cached was made for another decoder configuration.
      if (this.#openings.header(packet, headerSlot(facts)) === 'replaced') {
        this.vitals.changes += 1;
        this.#dropGroup();
      }
    } else {
      if ((facts & MEDIA) !== 0) {
        this.#openings.notice(kind);
        if (body.length > 0) this.#first[kind === AUDIO ? 'audio' : 'video'] = body[0]!;
      }
    }
    const entry = packet.key || (kind === AUDIO && !packet.config && !this.#video);
    if (!packet.config) this.#remember(packet, entry);
    this.#distribute(packet, entry, now);
    if (key) this.#memory.turned(this.#group.early.length === 0, this.#taps.keeping);
    if (this.cached.length === 0) this.#memory.forget();
    if (!this.#settled && this.opening.hasAudio && this.opening.hasVideo) this.#settle();
  }

  /** Anybody gets packets. */
  get attended(): boolean {
    return this.feeds.size > 0 || this.#taps.size > 0;
  }

  /**
   * The packet for all who need it. Feeds pack what they have before each key frame, so that after it nobody has anything
   * of the group before but readers.
   */
  #keep(loan: MediaPacket): MediaPacket {
    if (loan.key) this.#memory.turn();
    const wanted = this.attended || loan.key || !this.#settled || this.cached.length > 0;
    return wanted ? { ...loan, body: this.#memory.copy(loan.body) } : loan;
  }

  /** The publisher's metadata (AMF0 `onMetaData` and its object, without the `@setDataFrame` before it); null: none. */
  describe(body: Buffer | null, now: number): void {
    if (this.#renewing) this.#renew();
    const known = this.opening.metadata;
    if (body === null ? known === null : known?.body.equals(body) === true) return;
    const metadata: MediaPacket | null =
      body === null
        ? null
        : {
            kind: DATA,
            // Players read metadata at any time; some take it for a track of text unless it stands at 0.
            time: 0,
            key: false,
            config: false,
            body: Buffer.from(body),
          };
    this.#openings.metadata(metadata);
    if (metadata !== null) this.#distribute(metadata, false, now);
  }

  /**
   * Called once after the messages of one read: batches go out, or wait to be merged. Where the caller `mayRest`, it may
   * leave what comes unread for as long as is returned, ms, and then has to call again; 0: it has to read on.
   */
  endOfRead(now: number, mayRest = false): number {
    const patience = this.feeds.endOfRead(now, Math.min(this.#taps.patience, LONGEST_REST_MS));
    this.#taps.endOfRead();
    const rests = mayRest && patience >= LEAST_REST_MS;
    this.feeds.await(rests, now);
    return rests ? patience : 0;
  }

  /** A publisher takes the name; its clock has nothing to do with that of the one before. */
  begin(): void {
    this.timeline.restart();
    this.#renewing = true;
  }

  /**
   * The first message of a new publisher: what the one before said about its stream no longer counts, and players wait
   * for a place to begin. The tracks have to be found anew; players that have come through a gap have their opening.
   */
  #renew(): void {
    this.#renewing = false;
    for (const feed of this.feeds) feed.renew();
    this.#openings.renew();
    this.#first.audio = -1;
    this.#first.video = -1;
    this.vitals.restart();
    this.#dropGroup();
    this.#settled = false;
    if (this.live) this.#awaitTracks();
  }

  /** The publisher has left. Players keep their places. */
  end(): void {
    if (this.#settling !== undefined) this.#settle();
    this.feeds.flush();
    this.feeds.forget();
    this.#dropGroup();
    this.#settled = false;
    const wasLive = this.live;
    this.startedAt = 0;
    if (wasLive) for (const listener of [...this.#listeners]) listener.stopped?.();
  }

  listen(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Attaches a reader: it gets the opening and the cached group of pictures now, and everything after. */
  tap(tap: Tap): () => void {
    const { metadata, headers } = this.opening;
    if (metadata !== null) tap.packet(metadata);
    for (const header of headers) tap.packet(header);
    for (const packet of this.#group.packets) tap.packet(packet);
    if (tap.keeps !== false) this.#memory.keep();
    return this.#taps.add(tap);
  }

  /**
   * Gives a player a seat. It is written to at once where there is a group of pictures to begin with, and that is not
   * from before `after`: the time up to which the player has been here already.
   */
  join(format: Format, sink: Sink, framing: Framing, patience: Patience, after = -1): Seat {
    const seat = new Seat(sink, framing, patience, this.#settings().gop_cache, after);
    this.#audience.players += 1;
    this.feeds.join(format, seat);
    return seat;
  }

  leave(format: Format, seat: Seat): void {
    if (this.feeds.leave(format, seat)) this.#audience.players -= 1;
  }

  sweep(now: number): void {
    for (const feed of this.feeds) feed.sweep(now);
    this.#dropUnwanted();
    this.visitors.sweep(now);
    this.#meter.sample(this.#totals, now);
    lookAt(this, now);
  }

  #start(): void {
    this.startedAt = Date.now();
    this.#awaitTracks();
    for (const listener of [...this.#listeners]) listener.started?.();
  }

  #awaitTracks(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), TRACK_WAIT_MS);
  }

  /** The tracks are taken as known from now on. */
  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    this.#settled = true;
    for (const feed of this.feeds) feed.settle();
    this.#group.settle();
    this.#dropUnwanted();
  }

  #remember(packet: MediaPacket, entry: boolean): void {
    const settings = this.#settings();
    // Before the tracks are known, it is for those who wait for them.
    if (!settings.gop_cache && this.#settled) this.#dropGroup();
    else if (!this.#group.add(packet, entry, !this.#settled, settings)) {
      this.feeds.forget();
    }
  }

  #dropUnwanted(): void {
    if (this.#settled && !this.#settings().gop_cache) this.#dropGroup();
  }

  #dropGroup(): void {
    if (this.cached.length > 0) this.feeds.forget();
    this.#group.clear();
  }

  #distribute(packet: MediaPacket, entry: boolean, now: number): void {
    this.feeds.push(packet, entry, now);
    this.#taps.packet(packet);
  }
}
