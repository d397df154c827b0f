import type { Borrower, Sink } from '../connections/sink.ts';
import type { Framing } from './framing.ts';
import type { Row } from './row.ts';

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

export const WAITING = 0; // for the stream's tracks to be known
export const LIVE = 1;
export const AT_ENTRY = 2; // for the next batch that players may begin with
export const BEHIND = 3; // for its backlog to drain, then for the next entry

/** A player's place in a feed. */
export class Seat implements SeatCounters, Borrower {
  readonly sink: Sink;
  readonly framing: Framing;
  readonly patience: Patience;
  /** @internal That of its patience, at hand. */ readonly limit: number;
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
  /** @internal The row it stands in; null: it stands apart. */
  row: Row | null = null;
  /** @internal Its place in the row, or among those that stand apart. */
  place = -1;
  /** Without what the row has given. */
  #bytes = 0;
  /** What the row had given to each before. */
  #before = 0;
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

  get bytes(): number {
    return this.row === null ? this.#bytes : this.#bytes + this.row.bytes - this.#before;
  }

  /** @internal It has been given so many bytes by itself. */
  given(bytes: number): void {
    this.#bytes += bytes;
  }

  /** @internal */
  enter(row: Row, place: number): void {
    this.row = row;
    this.place = place;
    this.#before = row.bytes;
    this.burst = 0;
  }

  /** @internal */
  leaveRow(): void {
    this.#bytes = this.bytes;
    this.row = null;
  }

  /** @internal Its sink wants to be written to again. */
  returned(): void {
    this.row?.remove(this);
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
