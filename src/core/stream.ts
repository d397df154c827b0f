import type { Format } from '../media/format.ts';
import { AUDIO, DATA, type Kind, type MediaPacket, type Opening, VIDEO } from '../media/packet.ts';
import { HEADER, headerSlot, KEY, MEDIA, tagFacts } from '../media/tag.ts';
import { Timeline } from '../media/timeline.ts';
import { Feed, type FeedSource, type Framing, type Patience, Seat } from './feed.ts';
import type { Audience, FlushPolicy } from './flush.ts';
import type { Sink } from './sink.ts';

/** A reader of a stream's packets inside the server: a segmenter, a recorder, a relay. Calls come synchronously. */
export interface Tap {
  /** Sequence headers, metadata and media in order; on attaching, first those that are already there. */
  packet(packet: MediaPacket): void;
  /** The publisher's bytes at hand have been read. */
  endOfRead?(): void;
}

/** What happens to a stream, told to those who play it. Calls come synchronously. */
export interface StreamListener {
  /** The first media of a publisher have come. */
  started?(): void;
  /** The publisher has left, or was cut off. */
  stopped?(): void;
}

/** The settings a stream reads from its application at each use, so that a reload takes effect in mid-stream. */
export interface StreamSettings {
  readonly gop_cache: boolean;
  readonly gop_max_frame_count: number;
  readonly gop_max_video_count: number;
  readonly gop_max_audio_count: number;
  readonly gop_max_size: number;
  readonly wait_key: boolean;
  readonly meta: 'on' | 'copy' | 'off';
}

/** Counters over the life of a stream; bytes are those of message bodies. */
export interface StreamCounters {
  bytesIn: number;
  audioBytes: number;
  videoBytes: number;
  audioPackets: number;
  videoPackets: number;
  keyFrames: number;
  dataPackets: number;
}

/** How long the opening of a new stream is held back for a second track, ms. */
const TRACK_WAIT_MS = 300;

const NOTHING: Opening = { version: 0, metadata: null, headers: [], hasAudio: false, hasVideo: false };

/**
 * One name of one application: what its publisher sends, what newcomers need first, and everybody it goes to. It
 * outlives publishers while anybody is attached, and knows nothing of the configuration but its settings.
 */
export class Stream implements FeedSource {
  readonly name: string;
  readonly counters: StreamCounters = {
    bytesIn: 0,
    audioBytes: 0,
    videoBytes: 0,
    audioPackets: 0,
    videoPackets: 0,
    keyFrames: 0,
    dataPackets: 0,
  };
  /** Wall clock, ms, of the first media of the present publisher; 0 while there is none. */
  startedAt = 0;
  /** Monotonic ms of the newest media. */
  lastMediaAt = 0;
  readonly timeline = new Timeline();
  readonly #settings: () => StreamSettings;
  readonly #policy: FlushPolicy;
  readonly #audience: Audience;
  readonly #feeds = new Map<string, Feed>();
  readonly #taps = new Set<Tap>();
  readonly #listeners = new Set<StreamListener>();
  #opening: Opening = NOTHING;
  /** Sequence headers by kind and slot: those of the present publisher, and of the one before it. */
  #headers = new Map<string, MediaPacket>();
  #previous = new Map<string, MediaPacket>();
  #renewing = false;
  #group: MediaPacket[] = [];
  #groupBytes = 0;
  #groupVideo = 0;
  /** Set when a group outgrew its bounds: nothing is cached before the next key frame. */
  #overflowed = false;
  #settled = false;
  #settling: NodeJS.Timeout | undefined;

  constructor(name: string, settings: () => StreamSettings, policy: FlushPolicy, audience: Audience) {
    this.name = name;
    this.#settings = settings;
    this.#policy = policy;
    this.#audience = audience;
  }

  get opening(): Opening {
    return this.#opening;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get cached(): readonly MediaPacket[] {
    return this.#group;
  }

  get waitKey(): boolean {
    return this.#settings().wait_key && this.#opening.hasVideo;
  }

  get feeds(): Iterable<Feed> {
    return this.#feeds.values();
  }

  /** Media are flowing, or did since the publisher came. */
  get live(): boolean {
    return this.startedAt !== 0;
  }

  get players(): number {
    let players = 0;
    for (const feed of this.#feeds.values()) players += feed.seats.length;
    return players;
  }

  /** Those who are told what happens to it: its application, and one per player. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * A message of the publisher: `raw` is its 32-bit timestamp in ms, `body` its own memory or a view that stays
   * unchanged; `now` is monotonic ms.
   */
  ingest(kind: Kind, raw: number, body: Buffer, now: number): void {
    if (this.#renewing) this.#renew();
    const counters = this.counters;
    counters.bytesIn += body.length;
    if (kind === DATA) {
      counters.dataPackets += 1;
      this.#distribute(
        { kind, time: Math.max(this.timeline.last, 0), key: false, config: false, body },
        false,
        now,
      );
      return;
    }
    const facts = tagFacts(kind, body);
    const time = this.timeline.place(raw, kind === AUDIO, now);
    const packet: MediaPacket = {
      kind,
      time,
      key: (facts & KEY) !== 0,
      config: (facts & HEADER) !== 0,
      body,
    };
    if (kind === AUDIO) {
      counters.audioPackets += 1;
      counters.audioBytes += body.length;
    } else {
      counters.videoPackets += 1;
      counters.videoBytes += body.length;
      if (packet.key) counters.keyFrames += 1;
    }
    this.lastMediaAt = now;
    if (!this.live) this.#start();
    if (packet.config) {
      const news = this.#keepHeader(packet, headerSlot(facts));
      if (!news) {
        for (const tap of this.#taps) tap.packet(packet);
        return;
      }
    } else {
      if ((facts & MEDIA) !== 0) this.#noticeTrack(kind);
      this.#remember(packet);
    }
    this.#distribute(packet, packet.key || (!this.#opening.hasVideo && kind === AUDIO), now);
    if (!this.#settled && this.#opening.hasAudio && this.#opening.hasVideo) this.#settle();
  }

  /** The publisher's metadata (AMF0 `onMetaData` and its object, without the `@setDataFrame` before it); null: none. */
  describe(body: Buffer | null, now: number): void {
    if (this.#renewing) this.#renew();
    const metadata: MediaPacket | null =
      body === null
        ? null
        : {
            kind: DATA,
            time: Math.max(this.timeline.last, 0),
            key: false,
            config: false,
            body: Buffer.from(body),
          };
    this.#opening = { ...this.#opening, version: this.#opening.version + 1, metadata };
    if (metadata !== null && this.live) this.#distribute(metadata, false, now);
  }

  /** Called once after the messages of one read: batches go out, or wait to be merged. */
  endOfRead(now: number): void {
    for (const feed of this.#feeds.values()) feed.endOfRead(now);
    for (const tap of this.#taps) tap.endOfRead?.();
  }

  /** A publisher takes the name; its clock has nothing to do with that of the one before. */
  begin(): void {
    this.timeline.restart();
    this.#renewing = true;
  }

  /** The first message of a new publisher: what the one before said about its stream no longer counts. */
  #renew(): void {
    this.#renewing = false;
    this.#previous = this.#headers;
    this.#headers = new Map();
    this.#opening = { ...NOTHING, version: this.#opening.version + 1 };
    this.#dropGroup();
  }

  /** The publisher has left. Players keep their places. */
  end(): void {
    if (this.#settling !== undefined) this.#settle();
    for (const feed of this.#feeds.values()) {
      feed.flush();
      feed.forget();
    }
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
    const { metadata, headers } = this.#opening;
    if (metadata !== null) tap.packet(metadata);
    for (const header of headers) tap.packet(header);
    for (const packet of this.#group) tap.packet(packet);
    this.#taps.add(tap);
    return () => this.#taps.delete(tap);
  }

  /** Gives a player a seat. It is written to at once where there is a group of pictures to begin with. */
  join(format: Format, sink: Sink, framing: Framing, patience: Patience): Seat {
    let feed = this.#feeds.get(format.name);
    if (feed === undefined) {
      feed = new Feed(format, this, this.#policy);
      this.#feeds.set(format.name, feed);
    }
    const seat = new Seat(sink, framing, patience, this.#settings().gop_cache);
    this.#audience.players += 1;
    feed.join(seat);
    return seat;
  }

  leave(format: Format, seat: Seat): void {
    const feed = this.#feeds.get(format.name);
    if (feed === undefined || seat.index < 0) return;
    feed.leave(seat);
    this.#audience.players -= 1;
    if (feed.seats.length === 0) {
      feed.close();
      this.#feeds.delete(format.name);
    }
  }

  sweep(now: number): void {
    for (const feed of this.#feeds.values()) feed.sweep(now);
    if (!this.#settings().gop_cache) this.#dropGroup();
  }

  #start(): void {
    this.startedAt = Date.now();
    this.#settling = setTimeout(() => this.#settle(), TRACK_WAIT_MS);
    for (const listener of [...this.#listeners]) listener.started?.();
  }

  /** The tracks are taken as known from now on. */
  #settle(): void {
    if (this.#settling !== undefined) clearTimeout(this.#settling);
    this.#settling = undefined;
    this.#settled = true;
    for (const feed of this.#feeds.values()) feed.settle();
  }

  /** Keeps a sequence header for newcomers; false where players already have it from the publisher before. */
  #keepHeader(packet: MediaPacket, slot: number): boolean {
    const id = `${packet.kind}/${slot}`;
    const known = this.#headers.get(id);
    if (known?.body.equals(packet.body)) return true;
    // What was cached was made for another decoder configuration.
    if (known !== undefined) this.#dropGroup();
    this.#headers.set(id, { ...packet, body: Buffer.from(packet.body) });
    const headers = [...this.#headers.values()].sort((a, b) => b.kind - a.kind);
    this.#opening = { ...this.#opening, version: this.#opening.version + 1, headers };
    return this.#previous.get(id)?.body.equals(packet.body) !== true;
  }

  #noticeTrack(kind: Kind): void {
    const opening = this.#opening;
    if (kind === AUDIO ? opening.hasAudio : opening.hasVideo) return;
    this.#opening = {
      ...opening,
      hasAudio: opening.hasAudio || kind === AUDIO,
      hasVideo: opening.hasVideo || kind === VIDEO,
    };
  }

  #remember(packet: MediaPacket): void {
    const settings = this.#settings();
    if (packet.key) {
      this.#group = [];
      this.#groupBytes = 0;
      this.#groupVideo = 0;
      this.#overflowed = false;
    } else if (this.#group.length === 0) return;
    if (!settings.gop_cache || this.#overflowed) return;
    this.#group.push(packet);
    this.#groupBytes += packet.body.length;
    if (packet.kind === VIDEO) this.#groupVideo += 1;
    const frames = this.#group.length;
    if (
      frames > settings.gop_max_frame_count ||
      this.#groupVideo > settings.gop_max_video_count ||
      frames - this.#groupVideo > settings.gop_max_audio_count ||
      this.#groupBytes > settings.gop_max_size
    ) {
      this.#dropGroup();
      this.#overflowed = true;
    }
  }

  #dropGroup(): void {
    if (this.#group.length > 0) for (const feed of this.#feeds.values()) feed.forget();
    this.#group = [];
    this.#groupBytes = 0;
    this.#groupVideo = 0;
  }

  #distribute(packet: MediaPacket, entry: boolean, now: number): void {
    for (const feed of this.#feeds.values()) feed.push(packet, entry, now);
    for (const tap of this.#taps) tap.packet(packet);
  }
}
