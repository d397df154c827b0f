import type { Format } from '../../media/format.ts';
import type { Sink } from '../connections/sink.ts';
import type { Framing } from '../streams/framing.ts';
import type { Patience, Seat, SeatCounters } from '../streams/seat.ts';
import type { Stream } from '../streams/stream.ts';
import type { PlayRequest } from './request.ts';

/** A player's hold of a stream, with a seat in a feed or, while paused, without. */
export class Subscription {
  readonly request: PlayRequest;
  readonly stream: Stream;
  readonly since = Date.now();
  readonly #end: (subscription: Subscription) => void;
  readonly #unlisten: () => void;
  #format: Format | undefined;
  /** The stream's time when the seat was given up. */
  #after = -1;
  #before: SeatCounters = { bytes: 0, skips: 0, skippedBytes: 0, skippedPackets: 0 };
  seat: Seat | undefined;
  closed = false;

  constructor(request: PlayRequest, stream: Stream, end: (subscription: Subscription) => void) {
    this.request = request;
    this.stream = stream;
    this.#end = end;
    this.#unlisten = stream.listen(request.listener);
  }

  get live(): boolean {
    return this.stream.live;
  }

  /** What the player got and missed, over all the seats it has had. */
  get counters(): SeatCounters {
    return sumOf(this.#before, this.seat);
  }

  /**
   * Takes a seat: media flow from the cached group of pictures or the next key frame on, never from before what it had
   * on the seat it leaves.
   */
  sit(format: Format, sink: Sink, framing: Framing, patience: Patience): void {
    this.stand();
    if (this.closed) return;
    this.#format = format;
    this.seat = this.stream.join(format, sink, framing, patience, this.#after);
  }

  /** Gives the seat up, as when paused. */
  stand(): void {
    if (this.#format === undefined || this.seat === undefined) return;
    this.stream.leave(this.#format, this.seat);
    this.#after = this.stream.timeline.last;
    this.#before = this.counters;
    this.seat = undefined;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stand();
    this.#unlisten();
    this.#end(this);
  }
}

function sumOf(before: SeatCounters, seat: SeatCounters | undefined): SeatCounters {
  if (seat === undefined) return before;
  return {
    bytes: before.bytes + seat.bytes,
    skips: before.skips + seat.skips,
    skippedBytes: before.skippedBytes + seat.skippedBytes,
    skippedPackets: before.skippedPackets + seat.skippedPackets,
  };
}
