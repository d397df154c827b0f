import type { Format } from '../../media/format.ts';
import type { MediaPacket } from '../../media/packet.ts';
import { Feed, type FeedSource } from './feed.ts';
import type { FlushPolicy } from './flush.ts';
import type { Seat } from './seat.ts';

/** The feeds of one stream, a format each, and what those that are no more have given to players. */
export class Feeds {
  readonly #source: FeedSource;
  readonly #policy: FlushPolicy;
  readonly #feeds = new Map<string, Feed>();
  /** Bytes of feeds that are no more, by the family of their format. */
  readonly #before = new Map<string, number>();
  #skippedBefore = 0;

  constructor(source: FeedSource, policy: FlushPolicy) {
    this.#source = source;
    this.#policy = policy;
  }

  [Symbol.iterator](): Iterator<Feed> {
    return this.#feeds.values();
  }

  get size(): number {
    return this.#feeds.size;
  }

  get players(): number {
    let players = 0;
    for (const feed of this.#feeds.values()) players += feed.seats.length;
    return players;
  }

  /** Bytes given in all. */
  get bytes(): number {
    let bytes = 0;
    for (const before of this.#before.values()) bytes += before;
    for (const feed of this.#feeds.values()) bytes += feed.bytesOut;
    return bytes;
  }

  /** Bytes by the family of the format: `flv`, `rtmp`. */
  get byFamily(): ReadonlyMap<string, number> {
    const sums = new Map(this.#before);
    for (const feed of this.#feeds.values()) addTo(sums, feed);
    return sums;
  }

  /** Packets that players missed by being too slow. */
  get skippedPackets(): number {
    let packets = this.#skippedBefore;
    for (const feed of this.#feeds.values()) packets += feed.skippedPackets;
    return packets;
  }

  join(format: Format, seat: Seat): void {
    let feed = this.#feeds.get(format.name);
    if (feed === undefined) {
      feed = new Feed(format, this.#source, this.#policy);
      this.#feeds.set(format.name, feed);
    }
    feed.join(seat);
  }

  /** False where it had no place. */
  leave(format: Format, seat: Seat): boolean {
    const feed = this.#feeds.get(format.name);
    if (feed === undefined || seat.index < 0) return false;
    feed.leave(seat);
    if (feed.seats.length === 0) {
      addTo(this.#before, feed);
      this.#skippedBefore += feed.skippedPackets;
      feed.close();
      this.#feeds.delete(format.name);
    }
    return true;
  }

  push(packet: MediaPacket, entry: boolean, now: number): void {
    for (const feed of this.#feeds.values()) feed.push(packet, entry, now);
  }

  /** What is due goes out; returns for how long what comes from now on would only wait here, `most` ms at most. */
  endOfRead(now: number, most: number): number {
    let patience = most;
    for (const feed of this.#feeds.values()) patience = Math.min(patience, feed.endOfRead(now));
    return patience;
  }

  /** What comes next is left unread until the next `endOfRead`, or it is not. */
  await(rests: boolean, now: number): void {
    for (const feed of this.#feeds.values()) {
      if (rests) feed.rest(now);
      else feed.watch(now);
    }
  }

  flush(): void {
    for (const feed of this.#feeds.values()) feed.flush();
  }

  forget(): void {
    for (const feed of this.#feeds.values()) feed.forget();
  }
}

/** `rtmp` is the family of `rtmp/4096`. */
function addTo(sums: Map<string, number>, { format, bytesOut }: Feed): void {
  const family = format.name.split('/', 1)[0]!;
  sums.set(family, (sums.get(family) ?? 0) + bytesOut);
}
