import type { Format, Muxer } from '../media/format.ts';
import { AUDIO, DATA, type MediaPacket, type Opening, VIDEO } from '../media/packet.ts';
import type { FlushPolicy } from './flush.ts';
import { chunkOf, type Framing, frameChunk, HEAD, type Packed, TAIL } from './framing.ts';
import type { Sink } from './sink.ts';

/** What a player begins with, and what that was made from. */
interface Opened extends Packed {
  readonly opening: Opening;
  readonly time: number;
  /** It is the first that the player gets at all. */
  readonly first: boolean;
}

/** A run of packets, packed once for all players of a feed. */
interface Batch extends Packed {
  /** A player may begin here. */
  readonly entry: boolean;
  /** Sequence headers or metadata, which a player that begins gets in its opening. */
  readonly opening: boolean;
  readonly audio: boolean;
  readonly video: boolean;
  readonly packets: number;
  readonly time: number;
}

/** What a player is owed and what it missed. */
export interface SeatCounters {
  readonly bytes: number;
  /** Times it was skipped forward because it could not keep up. */
  readonly skips: number;
  readonly skippedBytes: number;
  readonly skippedPackets: number;
}

/** Limits of one player's queue. */
export interface Patience {
  /** Bytes of backlog above which a player is skipped to a later key frame. */
  readonly bytes: number;
  /** ms without progress after which a player that is behind is cut off. */
  readonly stall: number;
}

const WAITING = 0; // for the stream's tracks to be known
const LIVE = 1;
const AT_ENTRY = 2; // for the next batch that players may begin with
const BEHIND = 3; // for its backlog to drain, then for the next entry

/** A player's place in a feed. */
export class Seat implements SeatCounters {
  readonly sink: Sink;
  readonly framing: Framing;
  readonly patience: Patience;
  /** @internal That of its patience, at hand. */ readonly limit: number;
  bytes = 0;
  skips = 0;
  skippedBytes = 0;
  skippedPackets = 0;
  /** @internal */ state = WAITING;
  /** @internal the version of the opening this player knows */ opening = -1;
  /** @internal */ index = -1;
  /** @internal Whether it begins with the cached group of pictures, */ readonly instant: boolean;
  /** @internal unless that is from before this time. */ readonly after: number;
  /** @internal Bytes of the cached group it began with: on top of its patience until they are gone. */
  burst = 0;
  #progress = 0;
  #progressAt = 0;

  constructor(sink: Sink, framing: Framing, patience: Patience, instant: boolean, after = -1) {
    this.sink = sink;
    this.framing = framing;
    this.patience = patience;
    this.limit = patience.bytes;
    this.instant = instant;
    this.after = after;
  }

  /** @internal True when the player has been behind without taking a byte for longer than its patience. */
  stalled(now: number): boolean {
    const sent = this.sink.sent;
    if (this.sink.backlog === 0 || sent !== this.#progress || this.#progressAt === 0) {
      this.#progress = sent;
      this.#progressAt = now;
      return false;
    }
    return now - this.#progressAt > this.patience.stall;
  }
}

/** What a feed asks of its stream. */
export interface FeedSource {
  readonly opening: Opening;
  /** The tracks are known, so an opening may be made. */
  readonly settled: boolean;
  /** The cached group of pictures, from a key frame on; empty where there is none. */
  readonly cached: readonly MediaPacket[];
  /** What came before that since the beginning, until the tracks are known. */
  readonly early: readonly MediaPacket[];
  /** Whether players wait for a key frame before their first frame. */
  readonly waitKey: boolean;
  /** Whether players get no audio before their first video frame. */
  readonly waitVideo: boolean;
}

/**
 * One format of one stream: packs each packet once and hands the same bytes to every player in one loop. There is no
 * object, timer, promise or copy per player and packet.
 */
export class Feed {
  readonly format: Format;
  bytesOut = 0;
  /** Packets that players missed by being too slow. */
  skippedPackets = 0;
  readonly #muxer: Muxer;
  readonly #source: FeedSource;
  readonly #policy: FlushPolicy;
  readonly #seats: Seat[] = [];
  /** Packed since the newest entry, for players that join. */
  #group: Batch[] = [];
  #opened: Opened | null = null;
  #pending: MediaPacket[] = [];
  #pendingEntry = false;
  #pendingOpening = false;
  #pendingAudio = false;
  #pendingVideo = false;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #flushedAt = 0;

  constructor(format: Format, source: FeedSource, policy: FlushPolicy) {
    this.format = format;
    this.#muxer = format.muxer();
    this.#source = source;
    this.#policy = policy;
  }

  get seats(): readonly Seat[] {
    return this.#seats;
  }

  /**
   * A packet of the stream; `entry` says that players may begin with it. Sequence headers come here too. Batches begin
   * at key frames, so that caching and skipping work in whole batches, and hold either media or parts of the opening.
   */
  push(packet: MediaPacket, entry: boolean, now: number): void {
    const opening = packet.config || packet === this.#source.opening.metadata;
    if (this.#pending.length > 0 && (packet.key || opening !== this.#pendingOpening)) this.flush();
    // With video to wait for, nothing may stand before the first frame.
    else if (packet.kind === VIDEO && !this.#pendingVideo && this.#source.waitVideo) this.flush();
    if (this.#pending.length === 0) {
      this.#pendingEntry = entry;
      this.#pendingOpening = opening;
      this.#since = now;
    }
    if (packet.kind === VIDEO) this.#pendingVideo = true;
    else if (packet.kind === AUDIO) this.#pendingAudio = true;
    this.#pending.push(packet);
  }

  /** The publisher's bytes at hand have been read: flushes now, or lets more packets gather as the policy says. */
  endOfRead(now: number): void {
    if (this.#pending.length === 0) return;
    const delay = this.#policy.delay(this.#pendingVideo, now - this.#since, now - this.#flushedAt);
    if (delay <= 0) {
      this.flush();
      return;
    }
    const due = now + delay;
    if (this.#timer !== undefined) {
      if (this.#due <= due) return;
      clearTimeout(this.#timer);
    }
    this.#due = due;
    this.#timer = setTimeout(this.#expired, delay);
  }

  readonly #expired = (): void => {
    this.#timer = undefined;
    this.flush();
  };

  /** Packs what is pending and writes it once to every player. */
  flush(): void {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    const pending = this.#pending;
    if (pending.length === 0) return;
    const begun = performance.now();
    const batch: Batch = {
      ...this.#pack(pending),
      entry: this.#pendingEntry,
      opening: this.#pendingOpening,
      audio: this.#pendingAudio,
      video: this.#pendingVideo,
      packets: pending.length,
    };
    this.#pending = [];
    this.#pendingAudio = false;
    this.#pendingVideo = false;
    this.#flushedAt = performance.now();
    this.#remember(batch);
    this.#write(batch);
    this.#policy.flushed(batch.plain.length, performance.now() - begun);
  }

  #pack(packets: readonly MediaPacket[]): Pick<Batch, 'plain' | 'chunked' | 'time'> {
    const plain = this.#muxer.encode(packets, HEAD, TAIL);
    return { plain, chunked: frameChunk(plain), time: startOf(packets) };
  }

  #remember(batch: Batch): void {
    if (this.#source.cached.length === 0) {
      if (this.#group.length > 0) this.#group = [];
    } else if (batch.entry) {
      this.#group = [batch];
    } else if (this.#group.length > 0 && !batch.opening) {
      this.#group.push(batch);
    }
  }

  #write(batch: Batch): void {
    const seats = this.#seats;
    const { plain, chunked } = batch;
    const version = this.#source.opening.version;
    let sent = 0;
    for (let i = 0; i < seats.length; i++) {
      const seat = seats[i]!;
      if (seat.state !== LIVE && !this.#mayEnter(seat, batch)) continue;
      const { backlog } = seat.sink;
      if (backlog <= seat.limit) seat.burst = 0;
      else if (backlog > seat.limit + seat.burst) {
        seat.burst = 0;
        seat.state = BEHIND;
        seat.skips += 1;
        seat.skippedBytes += plain.length;
        seat.skippedPackets += batch.packets;
        this.skippedPackets += batch.packets;
        continue;
      }
      seat.opening = version;
      // Nothing in it for this format: an empty HTTP chunk would end the body.
      if (plain.length === 0) continue;
      const bytes = seat.framing === 'plain' ? plain : chunked;
      seat.sink.write(bytes);
      seat.bytes += bytes.length;
      sent += bytes.length;
    }
    this.bytesOut += sent;
  }

  /** Brings a player that is not live back in, if this batch is one to begin with and its queue has drained. */
  #mayEnter(seat: Seat, batch: Batch): boolean {
    const source = this.#source;
    if (seat.state === BEHIND) {
      if (!batch.entry || seat.sink.backlog > seat.limit / 4) {
        seat.skippedBytes += batch.plain.length;
        seat.skippedPackets += batch.packets;
        this.skippedPackets += batch.packets;
        return false;
      }
    } else if (seat.state === WAITING || batch.opening || !(batch.audio || batch.video)) {
      return false;
    } else if (!batch.entry && (source.waitKey || (source.waitVideo && !batch.video))) {
      return false;
    }
    seat.state = LIVE;
    if (seat.opening !== source.opening.version) this.#open(seat, batch.time, []);
    return true;
  }

  /** Seats a player: opening and cached group at once where there are any, then the live edge. */
  join(seat: Seat): void {
    if (!this.#follows(seat)) this.flush();
    seat.index = this.#seats.length;
    this.#seats.push(seat);
    this.#admit(seat, seat.instant);
  }

  /**
   * What is pending goes on where the packed group ends, for a player that begins with that. Else a crowd that comes in
   * would have everybody written to with each of them.
   */
  #follows({ instant, after }: Seat): boolean {
    const grouped = instant && after < 0 && this.#group.length > 0 && this.#source.settled;
    return grouped && !this.#pendingEntry && !this.#pendingOpening;
  }

  /**
   * The stream's tracks have become known: every waiting player gets its opening, and all that was kept as well, since it
   * was there before the first frame.
   */
  settle(): void {
    this.flush();
    const waiting = this.#seats.filter(({ state }) => state === WAITING);
    if (waiting.length === 0) return;
    const { early } = this.#source;
    const before = early.length === 0 ? [] : [this.#batchOf(early)];
    for (const seat of waiting) this.#admit(seat, true, before);
  }

  /** The packets to come are those of another publisher: players wait for a place to begin, with what they know. */
  renew(): void {
    this.flush();
    for (const seat of this.#seats) {
      if (seat.state === BEHIND) continue;
      seat.state = seat.opening < 0 && this.format.statesTracks ? WAITING : AT_ENTRY;
    }
  }

  #admit(seat: Seat, instant: boolean, early: readonly Batch[] = []): void {
    const source = this.#source;
    if (this.format.statesTracks && !source.settled) return;
    const { cached } = source;
    if (cached.length > 0 && this.#group.length === 0) this.#group = [this.#batchOf(cached)];
    const group = cached.length > 0 ? [...early, ...this.#group] : early;
    const time = (early.length > 0 ? source.early : cached)[0]?.time ?? -1;
    if (!instant || group.length === 0 || time <= seat.after) {
      seat.state = AT_ENTRY;
      return;
    }
    seat.state = LIVE;
    const before = seat.bytes;
    this.#open(seat, time, group);
    seat.burst = seat.bytes - before;
  }

  #batchOf(packets: readonly MediaPacket[]): Batch {
    const contents = { entry: true, opening: false, audio: true, video: true, packets: packets.length };
    return { ...this.#pack(packets), ...contents };
  }

  #open(seat: Seat, time: number, group: readonly Batch[]): void {
    const first = this.#openingAt(time, seat.opening < 0)[seat.framing];
    const buffers = first.length > 0 ? [first] : [];
    let bytes = first.length;
    for (const batch of group) {
      const part = batch[seat.framing];
      if (part.length === 0) continue;
      buffers.push(part);
      bytes += part.length;
    }
    seat.opening = this.#source.opening.version;
    seat.bytes += bytes;
    this.bytesOut += bytes;
    if (buffers.length > 0) seat.sink.writeAll(buffers);
  }

  /** What a player begins with, made once for all who come while the same group of pictures is cached. */
  #openingAt(time: number, first: boolean): Packed {
    const { opening } = this.#source;
    const known = this.#opened;
    if (known !== null && known.opening === opening && known.time === time && known.first === first)
      return known;
    const plain = this.#muxer.open(opening, time, first);
    this.#opened = { opening, time, first, plain, chunked: chunkOf(plain) };
    return this.#opened;
  }

  leave(seat: Seat): void {
    if (this.#seats[seat.index] !== seat) return;
    const last = this.#seats.pop()!;
    if (last !== seat) {
      this.#seats[seat.index] = last;
      last.index = seat.index;
    }
    seat.index = -1;
  }

  /** Cuts off players that have not taken a byte for longer than their patience. */
  sweep(now: number): void {
    for (const seat of [...this.#seats]) if (seat.stalled(now)) seat.sink.abort('the player stopped reading');
  }

  /** Forgets what was packed: the cached group is no longer that of the stream. */
  forget(): void {
    this.#group = [];
  }

  close(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The time of the first media; metadata have none. */
function startOf(packets: readonly MediaPacket[]): number {
  for (const { kind, time } of packets) if (kind !== DATA) return time;
  return packets[0]!.time;
}
