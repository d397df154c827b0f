/** A track that is silent for this long counts as gone, unless its frames were always as far apart. */
export const LOST_MS = 5000;
/** Holes are as many times longer than the steps before them. */
export const STEPS = 3;
/** Share of the longest recent step that is remembered from frame to frame. */
const FADING = 0.95;

/** When the frames of a track came, on the stream's time line; ms. */
export class Pace {
  /** The newest frame, -1 before the first. */
  last = -1;
  /** Time between the last two frames, and the longest such time of late. */
  recent = 0;
  longest = 0;

  frame(time: number): void {
    if (time <= this.last) return;
    if (this.last >= 0) {
      this.recent = time - this.last;
      this.longest = Math.max(this.recent, this.longest * FADING);
    }
    this.last = time;
  }

  /** Whether the track still counts as there. */
  alive(time: number): boolean {
    return this.last >= 0 && time - this.last <= Math.max(LOST_MS, STEPS * this.longest);
  }
}
