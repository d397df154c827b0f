/** A step back within a track larger than this begins a new epoch rather than being a late frame. */
const LATE_MS = 1000;
/** A step forward may exceed the time that really passed by this much before it counts as a jump. */
const AHEAD_MS = 10_000;
/** A track that has fallen back this far behind the other is brought up to it. */
const BEHIND_MS = 30_000;
/** The gap put between two epochs: about one frame, so that a player sees neither a hole nor an overlap. */
const SEAM_MS = 40;
/** A first timestamp above this is shifted to 0: few players expect a stream to begin after days. */
const LATE_START_MS = 0x800000;

/** One track's clock. */
class Track {
  /** Whether a timestamp of the present publisher has come. */
  begun = false;
  /** The newest timestamp as it came, and without its wraps. */
  raw = 0;
  unwrapped = 0;
  /** From `unwrapped` to the time line. */
  offset = 0;
  /** The newest time given out, -1 before the first. */
  last = -1;
}

/**
 * Turns the 32-bit timestamps of one publisher after another into one time line in ms that is unwrapped (any number
 * of 2^32 wraps), never goes back within a track, and goes on after a jump or a new publisher where it was. Each track
 * has a clock of its own, which follows the other's where it can, so that a jump of both keeps them in sync and one wild
 * timestamp changes nothing for those after it.
 * RTMP 1.0, 5.3.1: timestamps wrap and are compared by serial number arithmetic.
 */
export class Timeline {
  /** Frames whose timestamp had to be changed, jumps included. */
  repairs = 0;
  #last = -1;
  readonly #audio = new Track();
  readonly #video = new Track();
  #arrival = 0;

  /** The latest time given out, -1 before the first. */
  get last(): number {
    return this.#last;
  }

  /** Newest audio minus newest video, ms; 0 while one of them is missing. */
  get gap(): number {
    return this.#audio.last < 0 || this.#video.last < 0 ? 0 : this.#audio.last - this.#video.last;
  }

  /** The next timestamps belong to another clock: a new publisher. */
  restart(): void {
    this.#audio.begun = false;
    this.#video.begun = false;
  }

  /**
   * The time of a packet that came with `raw` (unsigned, 32 bits) at `now` (monotonic ms). `audio` chooses the track.
   */
  place(raw: number, audio: boolean, now: number): number {
    const track = audio ? this.#audio : this.#video;
    const other = audio ? this.#video : this.#audio;
    const latest = this.#last + AHEAD_MS + Math.max(0, now - this.#arrival);
    const own = track.begun ? this.#on(track, track, raw, latest) : null;
    const others = other.begun ? this.#on(track, other, raw, latest) : null;
    if (track.begun && own === null) this.repairs += 1;
    if (own === null && others === null) this.#anchor(track, raw, other.begun);
    else if (own === null || (others !== null && this.#away(others) + LATE_MS < this.#away(own))) {
      take(track, other, raw);
    } else take(track, track, raw);
    track.begun = true;
    let time = track.unwrapped + track.offset;
    if (time < track.last || time < 0) {
      this.repairs += 1;
      time = Math.max(track.last, 0);
    }
    track.last = time;
    if (time > this.#last) this.#last = time;
    this.#arrival = now;
    return time;
  }

  /** The time of `raw` by the clock of `guide`, which may be the track itself; null where that is unlikely. */
  #on(track: Track, guide: Track, raw: number, latest: number): number | null {
    const time = guide.unwrapped + ((raw - guide.raw) | 0) + guide.offset;
    // A track that has just begun may lag as far as it may lead.
    const earliest = track.begun
      ? Math.max(track.last - LATE_MS, this.#last - BEHIND_MS)
      : this.#last - AHEAD_MS;
    return time < earliest || time > latest ? null : time;
  }

  #away(time: number): number {
    return Math.abs(time - this.#last);
  }

  /** Begins an epoch: the timestamp stands for the moment after all that was before. */
  #anchor(track: Track, raw: number, alone: boolean): void {
    track.raw = raw;
    track.unwrapped = raw;
    if (this.#last < 0) track.offset = raw >= LATE_START_MS ? -raw : 0;
    else track.offset = this.#last + (alone && !track.begun ? 0 : SEAM_MS) - raw;
  }
}

function take(track: Track, guide: Track, raw: number): void {
  track.unwrapped = guide.unwrapped + ((raw - guide.raw) | 0);
  track.offset = guide.offset;
  track.raw = raw;
}
