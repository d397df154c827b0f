import { type MediaPlaylist, type PlaylistSegment, writeMediaPlaylist } from '../../wire/m3u8.ts';

/** A segment as the playlist lists it. */
export interface Listed extends PlaylistSegment {
  /** Absolute path of the file. */
  readonly path: string;
  readonly keyPath: string | null;
  /** It begins with a key frame. */
  readonly independent: boolean;
}

/** What decides how long the list is. */
export interface WindowLimits {
  /** ms of media to list. */
  readonly length: number;
  readonly event: boolean;
}

/** Fewest segments and target durations in a live playlist (RFC 8216, 6.2.2 and 6.3.3). */
const LEAST = 3;

/**
 * The list of one stream's playlist over the stream's whole life: sequence numbers only go up, the target duration
 * only grows while somebody may be playing, and a discontinuity is counted when its segment leaves.
 */
export class PlaylistWindow {
  #segments: Listed[] = [];
  #sequence: number;
  #discontinuitySequence = 0;
  #target = 0;
  #fresh = true;

  /** `sequence` is the number of the first segment there will be. */
  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  get segments(): readonly Listed[] {
    return this.#segments;
  }

  /** The sequence number of the next segment. */
  get next(): number {
    return this.#sequence + this.#segments.length;
  }

  /** Nothing has ever been listed, so that the first segment cannot be a discontinuity. */
  get fresh(): boolean {
    return this.#fresh;
  }

  get target(): number {
    return this.#target;
  }

  /** Media in the list, ms. */
  get duration(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.duration, 0);
  }

  /** Goes on where a playlist of an earlier time ended; its segments stay listed. */
  restore(playlist: MediaPlaylist, segments: readonly Listed[]): void {
    const gone = playlist.segments.length - segments.length;
    this.#sequence = playlist.mediaSequence + gone;
    this.#discontinuitySequence =
      playlist.discontinuitySequence +
      playlist.segments.slice(0, gone).filter((segment) => segment.discontinuity).length;
    this.#segments = [...segments];
    this.#target = Math.max(playlist.targetDuration, ...segments.map((segment) => seconds(segment.duration)));
    this.#fresh = false;
  }

  /**
   * Empties the list; numbers go on. Nobody can be playing any more, so the target duration is found anew.
   */
  clear(): readonly Listed[] {
    const removed = this.#segments;
    this.#segments = [];
    this.#sequence += removed.length;
    this.#discontinuitySequence += removed.filter((segment) => segment.discontinuity).length;
    this.#target = 0;
    return removed;
  }

  /** Lists a segment; `expected` is the length, ms, that segments will probably have. Gives those that left the list. */
  add(segment: Listed, limits: WindowLimits, expected: number): readonly Listed[] {
    const least = this.#target === 0 ? Math.ceil(expected / 1000) : this.#target;
    this.#target = Math.max(1, least, seconds(segment.duration));
    this.#segments.push(segment);
    this.#fresh = false;
    if (limits.event) return [];
    let total = this.duration;
    let count = 0;
    while (this.#segments.length - count > LEAST && total > limits.length) {
      const { duration } = this.#segments[count]!;
      if (total - duration < LEAST * this.#target * 1000) break;
      total -= duration;
      count += 1;
    }
    const removed = this.#segments.splice(0, count);
    this.#sequence += count;
    this.#discontinuitySequence += removed.filter((gone) => gone.discontinuity).length;
    return removed;
  }

  /** The playlist's text; with the last segments alone, where a number of them is given. */
  render(
    type: 'live' | 'event',
    allowCache: boolean | null,
    ended: boolean,
    last = this.#segments.length,
  ): string {
    const left = Math.max(0, this.#segments.length - last);
    const segments = this.#segments.slice(left);
    return writeMediaPlaylist({
      targetDuration: this.#target,
      mediaSequence: this.#sequence + left,
      discontinuitySequence:
        this.#discontinuitySequence +
        this.#segments.slice(0, left).filter((segment) => segment.discontinuity).length,
      type,
      independent: segments.every((segment) => segment.independent),
      allowCache,
      ended,
      segments,
    });
  }
}

/** As the target duration counts: rounded to the nearest second (RFC 8216, 4.3.3.1). */
function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
