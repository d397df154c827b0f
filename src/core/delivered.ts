import type { Feed } from './feed.ts';

/** What a stream's feeds have given to players, those that are no more included. */
export class Delivered {
  readonly #feeds: ReadonlyMap<string, Feed>;
  /** Bytes of feeds that are no more, by the family of their format. */
  readonly #before = new Map<string, number>();
  #skippedBefore = 0;

  constructor(feeds: ReadonlyMap<string, Feed>) {
    this.#feeds = feeds;
  }

  /** A feed ends. */
  keep(feed: Feed): void {
    addTo(this.#before, feed);
    this.#skippedBefore += feed.skippedPackets;
  }

  /** Bytes in all. */
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
}

/** `rtmp` is the family of `rtmp/4096`. */
function addTo(sums: Map<string, number>, { format, bytesOut }: Feed): void {
  const family = format.name.split('/', 1)[0]!;
  sums.set(family, (sums.get(family) ?? 0) + bytesOut);
}
