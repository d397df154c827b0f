import { type SocketHandle, takesAll } from '../connections/direct-write.ts';
import type { Seat } from './seat.ts';

/**
 * Players at the live edge whose kernels have taken all they were given. Their handles lie side by side and get each
 * batch with nothing else looked at: with thousands of players every object more is one that no cache holds any more
 * when its turn comes. Whoever does not take a batch whole leaves, and so does whose connection has something else to say.
 */
export class Row {
  /** Given to each who was here all the time. */
  bytes = 0;
  /** Of the opening that they know. */
  version = -1;
  readonly #seats: Seat[] = [];
  readonly #handles: SocketHandle[] = [];
  readonly #left: (seat: Seat) => void;

  /** `left` is told of those who leave. */
  constructor(left: (seat: Seat) => void) {
    this.#left = left;
  }

  /** Takes in who has been given the batch at hand; false where something waits in its sink, or that is not of this kind. */
  admit(seat: Seat): boolean {
    const handle = seat.sink.lend(seat);
    if (handle === null) return false;
    seat.enter(this, this.#seats.length);
    this.#seats.push(seat);
    this.#handles.push(handle);
    return true;
  }

  remove(seat: Seat): void {
    const { place } = seat;
    seat.opening = this.version;
    seat.leaveRow();
    const last = this.#seats.pop()!;
    const handle = this.#handles.pop()!;
    if (last !== seat) {
      this.#seats[place] = last;
      this.#handles[place] = handle;
      last.place = place;
    }
    this.#left(seat);
  }

  /** All leave. */
  dissolve(): void {
    for (let i = this.#seats.length - 1; i >= 0; i--) this.remove(this.#seats[i]!);
  }

  /** Hands a batch to everyone; returns how many bytes that were. `version` is that of the opening from here on. */
  write(bytes: Buffer, version: number): number {
    this.version = version;
    const handles = this.#handles;
    const count = handles.length;
    // An empty HTTP chunk would end the body.
    if (count === 0 || bytes.length === 0) return 0;
    this.bytes += bytes.length;
    // Who came first is served first: others may have stopped reading since, and writes to them cost many times as much.
    for (let i = 0; i < handles.length; ) {
      if (takesAll(handles[i]!, bytes)) i += 1;
      else this.#stopped(i, bytes);
    }
    return count * bytes.length;
  }

  #stopped(place: number, bytes: Buffer): void {
    const seat = this.#seats[place]!;
    seat.sink.unfinished(bytes);
    this.remove(seat);
  }
}
