import { LONGEST_REST_MS } from '../../core/streams/rest.ts';
import { MediaError } from '../../media/bits.ts';
import { readMp3Header } from '../../media/mp3.ts';
import { DATA, type MediaPacket, VIDEO } from '../../media/packet.ts';
import { type Payload, readAudioPayload, readVideoPayload } from '../../media/payload.ts';
import { AudioGatherer } from '../../wire/mpegts/audio.ts';
import { TICKS_PER_MS, type TransportMuxer } from '../../wire/mpegts/muxer.ts';
import { sameTracks, TABLES_BYTES, type Tracks } from '../../wire/mpegts/tables.ts';
import { type AudioSetup, readAudioSetup, readVideoSetup, type VideoSetup } from './codecs.ts';
import { LOST_MS, Pace, STEPS } from './pace.ts';
import type { Cutting, Segment, SegmenterEvents, SegmenterSource } from './segment.ts';

/** How far before `fragment` a key frame may come and still end a segment: timestamps are rounded to ms, rates are not. */
const EARLY_SHARE = 0.02;
const EARLY_MOST_MS = 100;
/** A hole in time shorter than this never ends a segment. */
const HOLE_MS = 2000;
/** Bounds of what is held while the tracks are not yet known. */
const HELD_PACKETS = 2048;
const HELD_BYTES = 16 * 1024 * 1024;
/** Left between the frames of two publishers, so that the last sound of the first is over. */
const SEAM_MS = 40;
/** A segment is cut at this size whatever it holds, so that no publisher takes all memory. */
const LARGEST_BYTES = 128 * 1024 * 1024;

/** Cuts the packets of one publisher into segments. */
export class Segmenter {
  /** Of a segment of seconds. */
  readonly patience = LONGEST_REST_MS;
  readonly #muxer: TransportMuxer;
  readonly #gatherer: AudioGatherer;
  readonly #cutting: () => Cutting;
  readonly #source: SegmenterSource;
  readonly #events: SegmenterEvents;
  readonly #told = new Set<string>();
  /** Media that came before the tracks were known; null from then on. */
  #held: MediaPacket[] | null = [];
  #heldBytes = 0;
  #video: VideoSetup | null = null;
  #audio: AudioSetup | null = null;
  readonly #pace = { video: new Pace(), audio: new Pace() };
  /** The pictures cannot be packed: there will be no segments. */
  #unfit = false;
  #newest = -1;
  #first = -1;
  #open = false;
  #start = 0;
  #tracks: Tracks = { video: null, audio: null };
  #discontinuity = true;
  #independent = true;
  #lastKey = -1;
  #keyInterval = 0;
  /** Where the segments of the publisher before ended, -1 where there are none. */
  readonly #floor: number;
  #offset: number | null = null;

  constructor(
    muxer: TransportMuxer,
    cutting: () => Cutting,
    source: SegmenterSource,
    events: SegmenterEvents,
    floor = -1,
  ) {
    this.#floor = floor;
    this.#muxer = muxer;
    this.#cutting = cutting;
    this.#source = source;
    this.#events = events;
    this.#gatherer = new AudioGatherer(muxer, () => {
      const { audioDelay, sync, audioBytes } = cutting();
      return { delay: audioDelay, sync, bytes: audioBytes };
    });
  }

  /** What is added to the stream's time, ms, so that segments go on where those of the publisher before ended. */
  get offset(): number {
    return this.#offset ?? 0;
  }

  /** Packets are kept only until the tracks are known. */
  get keeps(): boolean {
    return this.#held !== null;
  }

  packet(original: MediaPacket): void {
    if (this.#unfit || original.kind === DATA) return;
    this.#offset ??= this.#offsetFrom(original.time);
    const packet = this.#offset === 0 ? original : { ...original, time: original.time + this.#offset };
    if (packet.kind === VIDEO) {
      const payload = readVideoPayload(packet.body);
      if (payload.type === 'other' || !this.#fitVideo(payload)) return;
      if (payload.type === 'config') this.#configureVideo(packet.body.subarray(payload.offset));
      else if (this.#video !== null) this.#media(packet, payload);
    } else {
      const payload = readAudioPayload(packet.body);
      if (payload.type === 'other' || !this.#fitAudio(payload, packet.body)) return;
      if (payload.type === 'config') this.#configureAudio(packet.body.subarray(payload.offset));
      else if (this.#audio !== null) this.#media(packet, payload);
    }
  }

  /** The publisher is gone: the open segment ends with its last frame. */
  finish(): void {
    if (this.#held !== null) this.#release();
    if (this.#open) this.#close(this.#end());
    this.#gatherer.reset();
  }

  /** Players that pass over discontinuities stumble over times that go back. Aligned streams keep their alignment. */
  #offsetFrom(time: number): number {
    const from = this.#floor + SEAM_MS;
    if (this.#floor < 0 || time >= this.#floor) return 0;
    const { aligned, fragment } = this.#cutting();
    return aligned ? Math.ceil((from - time) / fragment) * fragment : from - time;
  }

  #fitVideo(payload: Payload): boolean {
    if (payload.codec === 'avc1') return true;
    if (this.#held !== null) this.#held = [];
    this.finish();
    this.#unfit = true;
    this.#tell('video-codec', payload.codec);
    return false;
  }

  /** Finds out about sound that announces itself by no header. */
  #fitAudio(payload: Payload, body: Buffer): boolean {
    if (payload.codec === 'mp4a') return true;
    if (payload.codec === '.mp3') {
      if (readMp3Header(body, payload.offset) === null) return false;
      if (this.#audio?.codec !== 'mp3') this.#setAudio({ codec: 'mp3' });
      return true;
    }
    this.#tell('audio-codec', payload.codec);
    return false;
  }

  #configureVideo(record: Buffer): void {
    if (this.#video?.record.equals(record)) return;
    const setup = this.#read(() => readVideoSetup(Buffer.from(record)));
    if (setup === null) return;
    if (this.#video !== null) this.#interrupt();
    this.#video = setup;
  }

  #configureAudio(record: Buffer): void {
    if (this.#audio?.codec === 'aac' && this.#audio.record.equals(record)) return;
    const setup = this.#read(() => readAudioSetup(Buffer.from(record)));
    if (setup !== null) this.#setAudio(setup);
  }

  #setAudio(setup: AudioSetup): void {
    if (this.#audio !== null) this.#interrupt();
    this.#audio = setup;
  }

  /** What comes next has other parameters: nothing of it may go into the open segment. */
  #interrupt(): void {
    if (this.#held !== null && this.#held.length > 0) this.#release();
    if (this.#open) this.#close(this.#end());
    this.#discontinuity = true;
  }

  #read<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      this.#tell('broken-header', error.message);
      return null;
    }
  }

  #tell(what: Parameters<SegmenterEvents['unfit']>[0], detail: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#events.unfit(what, detail);
  }

  #media(packet: MediaPacket, payload: Payload): void {
    const held = this.#held;
    if (held === null) {
      this.#frame(packet, payload);
      return;
    }
    held.push(packet);
    this.#heldBytes += packet.body.length;
    this.#paceOf(packet).frame(packet.time);
    if (this.#tracksKnown(held, packet.time)) this.#release();
  }

  #tracksKnown(held: readonly MediaPacket[], time: number): boolean {
    const hasVideo = this.#pace.video.last >= 0;
    const hasAudio = this.#pace.audio.last >= 0;
    if (hasVideo && hasAudio) return true;
    if (held.length >= HELD_PACKETS || this.#heldBytes >= HELD_BYTES) return true;
    if (time - held[0]!.time > LOST_MS) return true;
    const { settled, opening } = this.#source;
    if (!settled) return false;
    return (
      (hasVideo || !opening.hasVideo) && (hasAudio || !opening.hasAudio || this.#told.has('audio-codec'))
    );
  }

  /** The tracks are known: what came meanwhile goes on its way. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const packet of held) {
      const payload = packet.kind === VIDEO ? readVideoPayload(packet.body) : readAudioPayload(packet.body);
      this.#frame(packet, payload);
    }
  }

  #paceOf({ kind }: MediaPacket): Pace {
    return kind === VIDEO ? this.#pace.video : this.#pace.audio;
  }

  #frame(packet: MediaPacket, payload: Payload): void {
    const { time } = packet;
    const steady = STEPS * Math.max(this.#pace.video.longest, this.#pace.audio.longest);
    if (this.#open && time - this.#newest > Math.max(HOLE_MS, this.#cutting().fragment, steady)) {
      this.#close(this.#end());
      this.#discontinuity = true;
    }
    this.#paceOf(packet).frame(packet.time);
    if (this.#first < 0) this.#first = time;
    if (packet.kind === VIDEO) this.#picture(packet, payload);
    else this.#sound(packet, payload);
    if (time > this.#newest) this.#newest = time;
  }

  #picture(packet: MediaPacket, payload: Payload): void {
    const { time, key } = packet;
    if (key) {
      this.#cutIfDue(time);
      if (this.#lastKey >= 0) this.#keyInterval = Math.max(this.#keyInterval, time - this.#lastKey);
      this.#lastKey = time;
    } else this.#cutIfTooLong(time);
    if (!this.#open || this.#tracks.video === null || this.#video === null) return;
    const ticks = time * TICKS_PER_MS;
    this.#gatherer.before(ticks);
    this.#muxer.video({
      dts: ticks,
      pts: ticks + payload.composition * TICKS_PER_MS,
      key,
      data: packet.body,
      offset: payload.offset,
      lengthSize: this.#video.lengthSize,
      parameterSets: this.#video.parameterSets,
    });
  }

  #sound(packet: MediaPacket, payload: Payload): void {
    const { time, body } = packet;
    if (this.#wanted(time).video === null) this.#cutIfDue(time);
    else if (time - this.#pace.video.last > HOLE_MS) this.#cutIfTooLong(time);
    const audio = this.#audio;
    if (!this.#open || this.#tracks.audio === null || audio === null) return;
    const ticks = time * TICKS_PER_MS;
    if (audio.codec === 'aac') {
      this.#gatherer.aac(ticks, body, payload.offset, audio.config);
      return;
    }
    const header = readMp3Header(body, payload.offset);
    if (header !== null) this.#gatherer.mp3(ticks, body, payload.offset, header);
  }

  /** The tracks that a segment beginning now would have. */
  #wanted(time: number): Tracks {
    return {
      video: this.#video !== null && this.#pace.video.alive(time) ? 'avc' : null,
      audio: this.#audio !== null && this.#pace.audio.alive(time) ? this.#audio.codec : null,
    };
  }

  /** A segment may begin at `time`: ends the open one where it is long enough or its tracks have changed. */
  #cutIfDue(time: number): void {
    const { fragment, aligned } = this.#cutting();
    const tracks = this.#wanted(time);
    const early = Math.min(fragment * EARLY_SHARE, EARLY_MOST_MS);
    const slot = (at: number): number => Math.floor((at + early) / fragment);
    if (!this.#open) {
      const starts = !aligned || slot(time) !== slot(this.#first) || (time + early) % fragment <= 2 * early;
      if (starts) this.#begin(time, tracks, true);
      return;
    }
    if (!sameTracks(tracks, this.#tracks)) {
      this.#close(time);
      this.#discontinuity = true;
      this.#begin(time, tracks, true);
      return;
    }
    const due = aligned ? slot(time) !== slot(this.#start) : time - this.#start + early >= fragment;
    if (due) {
      this.#close(time);
      this.#begin(time, tracks, true);
    }
  }

  /** Ends a segment that waits for a key frame in vain. */
  #cutIfTooLong(time: number): void {
    if (!this.#open) return;
    if (time - this.#start <= this.#cutting().longest && this.#muxer.length < LARGEST_BYTES) return;
    this.#close(time);
    this.#begin(time, this.#tracks, this.#tracks.video === null);
  }

  #begin(time: number, tracks: Tracks, independent: boolean): void {
    if (this.#discontinuity) this.#gatherer.reset();
    this.#muxer.start(tracks, this.#discontinuity);
    this.#open = true;
    this.#start = time;
    this.#tracks = tracks;
    this.#independent = independent;
    this.#keyInterval = 0;
  }

  /** The time at which what has come so far ends: one frame after the last. */
  #end(): number {
    const { last, recent } = this.#tracks.video === null ? this.#pace.audio : this.#pace.video;
    return Math.max(last + Math.min(recent, HOLE_MS), this.#newest);
  }

  #close(end: number): void {
    this.#gatherer.flush();
    this.#open = false;
    const bytes = this.#muxer.finish();
    if (bytes.length <= TABLES_BYTES) return;
    const segment: Segment = {
      bytes,
      start: this.#start,
      duration: Math.max(1, Math.round(end - this.#start)),
      discontinuity: this.#discontinuity,
      independent: this.#independent,
      keyInterval: this.#keyInterval,
      video: this.#tracks.video === null ? null : this.#video,
      audio: this.#tracks.audio === null ? null : this.#audio,
    };
    this.#discontinuity = false;
    this.#events.segment(segment);
  }
}
