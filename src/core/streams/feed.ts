import type { Format, Muxer } from '../../media/format.ts';
import { AUDIO, DATA, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';
import type { FlushPolicy } from './flush.ts';
import { chunkOf, type Framing, frameChunk, HEAD, type Packed, TAIL } from './framing.ts';
import { Row } from './row.ts';
import { AT_ENTRY, BEHIND, LIVE, type Seat, WAITING } from './seat.ts';

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
  /** Those that stand in no row. */
  readonly #apart: Seat[] = [];
  readonly #rows: Readonly<Record<Framing, Row>>;
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
  /** Since when nothing had been read; -1: it was all along. */
  #unread = -1;

  constructor(format: Format, source: FeedSource, policy: FlushPolicy) {
    this.format = format;
    this.#muxer = format.muxer();
    this.#source = source;
    this.#policy = policy;
    const left = (seat: Seat): void => this.#setApart(seat);
    this.#rows = { plain: new Row(left), chunked: new Row(left) };
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
      this.#since = this.#unread < 0 ? now : this.#unread;
    }
    if (packet.kind === VIDEO) this.#pendingVideo = true;
    else if (packet.kind === AUDIO) this.#pendingAudio = true;
    this.#pending.push(packet);
  }

  /**
   * The publisher's bytes at hand have been read: flushes what is due. Returns for how long what comes from now on would
   * only wait here, ms.
   */
  endOfRead(now: number): number {
    this.#unread = -1;
    if (this.#pending.length > 0) {
      const delay = this.#delay(now);
      if (delay > 0) return this.#policy.patience(delay, now - this.#flushedAt);
      this.flush();
    }
    return this.#policy.patience(null, now - this.#flushedAt);
  }

  /** What comes from now on is left unread until the next `endOfRead`, which is when it counts. */
  rest(now: number): void {
    this.#unread = now;
    this.#stopTimer();
  }

  /** What is pending goes out in time, whatever comes. */
  watch(now: number): void {
    if (this.#pending.length === 0) return;
    const delay = this.#delay(now);
    const due = now + delay;
    if (this.#timer !== undefined) {
      if (this.#due <= due) return;
      clearTimeout(this.#timer);
    }
    this.#due = due;
    this.#timer = setTimeout(this.#expired, delay);
  }

  #delay(now: number): number {
    return this.#policy.delay(this.#pendingVideo, now - this.#since, now - this.#flushedAt);
  }

  #stopTimer(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #expired = (): void => {
    this.#timer = undefined;
    this.flush();
  };

  /** Packs what is pending and writes it once to every player. */
  flush(): void {
    this.#stopTimer();
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
    const { version } = this.#source.opening;
    const apart = this.#apart;
    // Who leaves a row in between has had the batch.
    const count = apart.length;
    const { plain, chunked } = this.#rows;
    this.bytesOut += plain.write(batch.plain, version) + chunked.write(batch.chunked, version);
    for (let i = 0; i < count; i++) this.#writeTo(apart[i]!, batch, version);
    for (let i = count - 1; i >= 0; i--) {
      const seat = apart[i]!;
      if (seat.state === LIVE && this.#rows[seat.framing].admit(seat)) this.#unsetApart(i);
    }
  }

  /** Gives a batch to one player, unless it is not for it. */
  #writeTo(seat: Seat, batch: Batch, version: number): void {
    if (seat.state !== LIVE && !this.#mayEnter(seat, batch)) return;
    const { backlog } = seat.sink;
    if (backlog <= seat.limit) seat.burst = 0;
    else if (backlog > seat.limit + seat.burst) {
      seat.burst = 0;
      seat.state = BEHIND;
      seat.skips += 1;
      this.#skip(seat, batch);
      return;
    }
    seat.opening = version;
    const bytes = batch[seat.framing];
    // Nothing in it for this format: an empty HTTP chunk would end the body.
    if (bytes.length === 0) return;
    seat.sink.write(bytes);
    seat.given(bytes.length);
    this.bytesOut += bytes.length;
  }

  #skip(seat: Seat, batch: Batch): void {
    seat.skippedBytes += batch.plain.length;
    seat.skippedPackets += batch.packets;
    this.skippedPackets += batch.packets;
  }

  #setApart(seat: Seat): void {
    seat.place = this.#apart.length;
    this.#apart.push(seat);
  }

  #unsetApart(place: number): void {
    const last = this.#apart.pop()!;
    if (place === this.#apart.length) return;
    this.#apart[place] = last;
    last.place = place;
  }

  /** Brings a player that is not live back in, if this batch is one to begin with and its queue has drained. */
  #mayEnter(seat: Seat, batch: Batch): boolean {
    const source = this.#source;
    if (seat.state === BEHIND) {
      if (!batch.entry || seat.sink.backlog > seat.limit / 4) {
        this.#skip(seat, batch);
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
    this.#setApart(seat);
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
    for (const row of Object.values(this.#rows)) row.dissolve();
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
    seat.given(bytes);
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
    seat.row?.remove(seat);
    this.#unsetApart(seat.place);
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
    this.#stopTimer();
  }
}

/** The time of the first media; metadata have none. */
function startOf(packets: readonly MediaPacket[]): number {
  for (const { kind, time } of packets) if (kind !== DATA) return time;
  return packets[0]!.time;
}
