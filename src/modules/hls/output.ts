import type { Application } from '../../core/applications/application.ts';
import type { PublishRequest } from '../../core/applications/request.ts';
import type { Logger } from '../../core/logs/log.ts';
import type { Total } from '../../core/measures/measures.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { MemoryFiles } from '../../core/workers/memory-files.ts';
import { TransportMuxer } from '../../wire/mpegts/muxer.ts';
import { Dates } from './dates.ts';
import { type DiskAccess, DiskQueue, type DiskTrouble } from './disk.ts';
import { type History, readHistory } from './history.ts';
import { encryptSegment, initialisationVector, KeyRing } from './keys.ts';
import { type Layout, layoutOf } from './layout.ts';
import type { Cutting, Segment, SegmenterEvents } from './segment.ts';
import { Segmenter } from './segmenter.ts';
import { Shelf } from './shelf.ts';
import { type HlsSettings, longestSegment } from './table.ts';
import { type Listed, PlaylistWindow } from './window.ts';

export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
const SEGMENT_TYPE = 'video/mp2t';
const KEY_TYPE = 'application/octet-stream';
/** Keys are for the server's own eyes; it hands them to players itself. */
const KEY_MODE = 0o600;
/** What is in memory of a list that is on disk: this much media up to the newest, ms, and so many segments at least. */
const HOT_MS = 15_000;
const HOT_SEGMENTS = 4;

/** What is counted of the segments of one application. */
export interface OutputCounts {
  readonly made: Total;
  /** From memory; who asks late is given the file. */
  readonly served: Total;
  readonly sent: Total;
}

/** What the outputs of one application share. */
export interface OutputGround {
  readonly conf: () => HlsSettings;
  readonly prefix: string;
  readonly files: MemoryFiles;
  readonly log: Logger;
  readonly disk: DiskAccess;
  readonly trouble: DiskTrouble;
  readonly application: Application;
  /** Whether other workers may have made the stream's files since this one did. */
  readonly elsewhere: () => boolean;
  readonly counts: OutputCounts;
  /** The playlist has a new segment. */
  readonly listed: (output: StreamOutput) => void;
  /** Told of a viewer that is new, or was away. */
  readonly visited: (output: StreamOutput) => void;
  /** Nobody has published for so long that nothing of the output needs to be remembered. */
  readonly expired: (output: StreamOutput) => void;
}

/** A segment that is to be listed, with wall clock and stream time, ms, of its first frame. */
interface Dated {
  readonly segment: Segment;
  readonly date: number;
  /** The publisher's own time of it. */
  readonly time: number;
}

/** Of a long list others are told so many of its last segments. */
const BRIEF_SEGMENTS = 20;

/**
 * The HLS side of one stream name, over any number of publishers: its playlist, its segments in memory, and their
 * way to disk. Segment first, then playlist, in memory at the same moment and on disk in the same order.
 */
export class StreamOutput {
  readonly name: string;
  readonly #ground: OutputGround;
  readonly #layout: Layout;
  readonly #muxer = new TransportMuxer();
  readonly #shelf: Shelf;
  readonly #keys = new KeyRing();
  #window: PlaylistWindow;
  /** Segments that wait for the history to be read; null once it is. */
  #waiting: Dated[] | null = null;
  #loading: Promise<void> = Promise.resolve();
  #known = false;
  #listedAt = 0;
  /** Where the newest segment ends on the time line of all publishers, ms. */
  #end = -1;
  #attached = false;
  #attachedAt = 0;
  #stream: Stream | undefined;
  /** Who published what was listed last. */
  #publisher: PublishRequest | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #peak = 0;
  #last: Segment | null = null;

  constructor(name: string, ground: OutputGround) {
    this.name = name;
    this.#ground = ground;
    this.#layout = layoutOf(ground.conf(), ground.prefix, name);
    const disk = new DiskQueue(ground.disk, ground.trouble, () => ground.conf().hls_dir_access);
    this.#shelf = new Shelf(ground.files, disk);
    this.#window = new PlaylistWindow(clockSequence(ground.conf()));
  }

  /** Whoever asks for the playlist watches the stream. */
  readonly #visited = (who: string): void => {
    if (this.#stream?.visitors.saw(who, performance.now()) === true) this.#ground.visited(this);
  };

  readonly #given = (_who: string, bytes: number): void => {
    const { served, sent } = this.#ground.counts;
    if (bytes > 0) served.add();
    sent.add(bytes);
    if (this.#stream !== undefined) this.#stream.visitors.bytes += bytes;
  };

  get playlistPath(): string {
    return this.#layout.playlist;
  }

  /** Its playlist lists something of the present publisher. */
  get current(): boolean {
    return this.#attached && this.#listedAt > this.#attachedAt;
  }

  get attached(): boolean {
    return this.#attached;
  }

  get segments(): readonly Listed[] {
    return this.#window.segments;
  }

  /** The newest segment's codecs and picture; null before the first. */
  get newest(): Segment | null {
    return this.#last;
  }

  /** Largest bit/s of any segment so far. */
  get peak(): number {
    return this.#peak;
  }

  /** Longest time, ms, that something listed now may stay listed. */
  get reach(): number {
    return Math.max(this.#ground.conf().hls_playlist_length, this.#window.duration);
  }

  /** A file that cleanup must leave: it is in a playlist that is alive, or some player may still ask for it. */
  protects(path: string): boolean {
    if (this.#shelf.has(path)) return true;
    const over = !this.#attached && !this.#shelf.has(this.#layout.playlist);
    if (over && this.#ground.conf().hls_type !== 'event') return false;
    if (path === this.#layout.playlist) return true;
    return this.#window.segments.some((segment) => segment.path === path || segment.keyPath === path);
  }

  /** Segments what a publisher sends until the returned function is called. */
  attach(stream: Stream): () => void {
    const { conf, log } = this.#ground;
    this.#attached = true;
    this.#attachedAt = performance.now();
    this.#stream = stream;
    this.#publisher = this.#ground.application.publicationOf(stream)?.request;
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    this.#keys.renew();
    this.#continue();
    const dates = new Dates();
    const events: SegmenterEvents = {
      segment: (segment) => {
        const time = segment.start - segmenter.offset;
        dates.look(Math.max(stream.timeline.last, 0), Date.now(), segment.discontinuity);
        this.#end = segment.start + segment.duration;
        this.#arrive({ segment, date: dates.of(time), time });
      },
      unfit: (what, codec) => {
        const fields = { stream: this.name, codec, issue: 'codec-not-for-hls' };
        if (what !== 'broken-header') stream.vitals.health.find('codec-not-for-hls');
        if (what === 'video-codec') log.warn(fields, 'no HLS segments: the picture is not H.264');
        else if (what === 'audio-codec') log.warn(fields, 'HLS without sound: it is neither AAC nor MP3');
        else log.warn({ stream: this.name, reason: codec }, 'a sequence header of the publisher is broken');
      },
    };
    const segmenter = new Segmenter(this.#muxer, () => cuttingOf(conf()), stream, events, this.#end);
    const leave = stream.tap(segmenter);
    return () => {
      leave();
      segmenter.finish();
      this.#attached = false;
      this.#stream = undefined;
      this.#expireLater();
    };
  }

  /** The service ends: what is in memory goes when its time has come. */
  close(): void {
    if (this.#expiry === undefined) this.#expireLater();
  }

  /** Everything that has been decided is in memory, and on disk where that works. */
  async idle(): Promise<void> {
    await this.#loading;
    await this.#shelf.idle();
  }

  /** Makes the list ready for a new publisher. */
  #continue(): void {
    if (this.#known && !this.#ground.elsewhere()) {
      this.#clearIfOver(performance.now() - this.#listedAt);
      return;
    }
    this.#known = true;
    this.#waiting = [];
    this.#loading = readHistory(this.#layout, this.#ground.files).then((history) => {
      if (history !== null) this.#restore(history);
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      for (const dated of waiting) this.#list(dated);
    });
  }

  #restore(history: History): void {
    this.#window.restore(history.playlist, history.segments);
    this.#clearIfOver(Date.now() - history.changed);
  }

  /** A list that every player has played to its end, ms ago, is not shown again: newcomers would begin in the past. */
  #clearIfOver(age: number): void {
    const { hls_continuous, hls_type } = this.#ground.conf();
    const over = hls_type !== 'event' && age > this.reach;
    if (hls_continuous && !over) return;
    for (const segment of this.#window.clear()) this.#leave(segment);
  }

  #arrive(dated: Dated): void {
    if (this.#waiting !== null) this.#waiting.push(dated);
    else this.#list(dated);
  }

  #list({ segment, date, time }: Dated): void {
    const conf = this.#ground.conf();
    const id = this.#identify(segment, date, conf);
    const path = this.#layout.segment(id);
    const key = conf.hls_keys ? this.#encryption(id, conf.hls_fragments_per_key) : null;
    const body = key === null ? segment.bytes : encryptSegment(segment.bytes, key.key, key.iv);
    this.#shelf.put(path, body, SEGMENT_TYPE, { visited: this.#given });
    this.#ground.counts.made.add();
    const listed: Listed = {
      uri: this.#layout.segmentUri(id),
      duration: segment.duration,
      discontinuity: segment.discontinuity && !this.#window.fresh,
      date: conf.hls_datetime === 'none' ? null : conf.hls_datetime === 'timestamp' ? time : date,
      key: key === null ? null : { uri: this.#layout.keyUri(key.key.id), iv: key.iv },
      path,
      keyPath: key === null ? null : this.#layout.key(key.key.id),
      independent: segment.independent,
    };
    const limits = { length: conf.hls_playlist_length, event: conf.hls_type === 'event' };
    const removed = this.#window.add(listed, limits, expectedLength(segment, conf.hls_fragment));
    this.#listedAt = performance.now();
    this.#last = segment;
    if (segment.duration * 2 >= conf.hls_fragment || this.#peak === 0) {
      this.#peak = Math.max(this.#peak, Math.ceil((body.length * 8000) / segment.duration));
    }
    this.#writePlaylist(false);
    for (const gone of removed) this.#leave(gone);
    this.#coolDown();
    this.#shelf.sweep();
    this.#ground.listed(this);
  }

  /** Players stay near the live edge; what lies further back is left to the disk, however long the list is. */
  #coolDown(): void {
    const { segments } = this.#window;
    let behind = 0;
    for (let i = segments.length - 1; i >= 0; i -= 1) {
      const segment = segments[i]!;
      const hot = behind < HOT_MS || i >= segments.length - HOT_SEGMENTS;
      if (!hot) this.#shelf.leaveToDisk(segment.path);
      behind += segment.duration;
    }
  }

  #writePlaylist(ended: boolean): void {
    const { hls_type, hls_allow_client_cache } = this.#ground.conf();
    const render = (last?: number): Buffer =>
      Buffer.from(this.#window.render(hls_type, hls_allow_client_cache, ended, last));
    const { application } = this.#ground;
    const publication = this.#stream === undefined ? undefined : application.publicationOf(this.#stream);
    this.#publisher = publication?.request ?? this.#publisher;
    const request = this.#publisher;
    const path = this.#layout.playlist;
    this.#shelf.put(path, render(), PLAYLIST_TYPE, {
      visited: this.#visited,
      brief: () => render(BRIEF_SEGMENTS),
      ...(request === undefined
        ? {}
        : { written: () => application.playlists.written({ module: 'hls', path, request }) }),
    });
  }

  /** The number in the segment's name: that of the naming, or the next one of which there is no file in use. */
  #identify(segment: Segment, date: number, conf: HlsSettings): number {
    const naming = conf.hls_fragment_naming;
    const raw =
      naming === 'sequential' ? this.#window.next : naming === 'timestamp' ? segment.start * 90 : date;
    const step = Math.max(1, conf.hls_fragment_naming_granularity);
    let id = Math.floor(raw / step) * step;
    const taken = new Set(this.#window.segments.map((other) => other.path));
    while (taken.has(this.#layout.segment(id)) || this.#shelf.has(this.#layout.segment(id))) id += step;
    return id;
  }

  #encryption(
    id: number,
    perKey: number,
  ): { readonly key: { bytes: Buffer; id: number }; readonly iv: string } {
    const { key, fresh } = this.#keys.next(id, perKey);
    if (fresh) {
      this.#shelf.put(this.#layout.key(key.id), key.bytes, KEY_TYPE, { mode: KEY_MODE });
    }
    return { key, iv: initialisationVector(id) };
  }

  /** A segment left the list. Players that are late find it on disk, or where that failed for a while in memory. */
  #leave(segment: Listed): void {
    this.#shelf.retire(segment.path, this.reach);
    const { keyPath } = segment;
    if (keyPath !== null && !this.#window.segments.some((other) => other.keyPath === keyPath)) {
      this.#shelf.retire(keyPath, this.reach);
    }
  }

  #expireLater(): void {
    this.#expiry = setTimeout(() => this.#expire(), 2 * this.reach);
    this.#expiry.unref();
  }

  #expire(): void {
    this.#expiry = undefined;
    const { hls_type } = this.#ground.conf();
    const ends = hls_type === 'event' && this.#window.segments.length > 0;
    if (ends && this.#shelf.has(this.#layout.playlist)) this.#writePlaylist(true);
    void this.#shelf.idle().then(() => {
      if (this.#attached) return;
      // Without a playlist on disk the numbers are only known here.
      const forgettable = this.#shelf.onDisk(this.#layout.playlist);
      this.#shelf.clear();
      if (forgettable) this.#ground.expired(this);
    });
  }
}

/**
 * Where a stream without any history begins to count: a number of the wall clock that grows at least as fast as
 * segments can be made, so that numbers never go back even where every file was lost.
 */
function clockSequence(conf: HlsSettings): number {
  return Math.floor(Date.now() / Math.min(1000, conf.hls_fragment));
}

/** How long segments will be, from the distance between key frames, ms. */
function expectedLength(segment: Segment, fragment: number): number {
  const { keyInterval } = segment;
  if (keyInterval === 0) return fragment;
  return Math.max(fragment, Math.ceil(fragment / keyInterval - 0.05) * keyInterval);
}

function cuttingOf(conf: HlsSettings): Cutting {
  return {
    fragment: conf.hls_fragment,
    longest: longestSegment(conf),
    aligned: conf.hls_fragment_slicing === 'aligned',
    sync: conf.hls_sync,
    audioDelay: conf.hls_max_audio_delay,
    audioBytes: conf.hls_audio_buffer_size,
  };
}
