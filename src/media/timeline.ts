/** A step back within a track larger than this begins a new epoch rather than being a late frame. */
const LATE_MS = 1000;
/** A step forward may exceed the time that really passed by this much before it counts as a jump. */
const AHEAD_MS = 10_000;
/** The gap put between two epochs: about one frame, so that a player sees neither a hole nor an overlap. */
const SEAM_MS = 40;
/** A first timestamp above this is shifted to 0: few players expect a stream to begin after days. */
const LATE_START_MS = 0x800000;

/**
 * Turns the 32-bit timestamps of one publisher after another into one time line in ms that is unwrapped (any number
 * of 2^32 wraps), never goes back within a track, and goes on after a jump or a new publisher where it was.
 * RTMP 1.0, 5.3.1: timestamps wrap and are compared by serial number arithmetic.
 */
export class Timeline {
  /** Frames whose timestamp had to be changed, jumps included. */
  repairs = 0;
  #last = -1;
  #lastAudio = -1;
  #lastVideo = -1;
  /** The newest timestamp as it came, and without its wraps. */
  #raw = 0;
  #unwrapped = 0;
  #offset = 0;
  #fresh = true;
  #arrival = 0;

  /** The latest time given out, -1 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The next timestamp belongs to another clock: a new publisher. */
  restart(): void {
    this.#fresh = true;
  }

  /**
   * The time of a packet that came with `raw` (unsigned, 32 bits) at `now` (monotonic ms). `audio` chooses the track.
   */
  place(raw: number, audio: boolean, now: number): number {
    const unwrapped = this.#fresh ? raw : this.#unwrapped + ((raw - this.#raw) | 0);
    let time = unwrapped + this.#offset;
    if (this.#fresh) {
      this.#fresh = false;
      if (this.#last >= 0) this.#offset = this.#last + SEAM_MS - unwrapped;
      else this.#offset = unwrapped >= LATE_START_MS ? -unwrapped : 0;
      time = unwrapped + this.#offset;
    } else {
      const allowed = AHEAD_MS + (now - this.#arrival);
      if (time < this.#last - LATE_MS - AHEAD_MS || time > this.#last + allowed) {
        this.repairs += 1;
        this.#offset = this.#last + SEAM_MS - unwrapped;
        time = unwrapped + this.#offset;
      }
    }
    this.#raw = raw;
    this.#unwrapped = unwrapped;
    if (time < 0) time = 0;
    const before = audio ? this.#lastAudio : this.#lastVideo;
    if (time < before) {
      this.repairs += 1;
      if (before - time > LATE_MS) this.#offset += before - time;
      time = before;
    }
    if (audio) this.#lastAudio = time;
    else this.#lastVideo = time;
    if (time > this.#last) this.#last = time;
    this.#arrival = now;
    return time;
  }
}
