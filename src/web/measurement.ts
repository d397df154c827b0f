import type { Status } from './playback.ts';

/** What can be measured of one side now. */
export interface Measurement {
  readonly state: Status['state'] | 'off';
  /** Behind the server's live edge, ms; null while it is not known. */
  readonly delayMs: number | null;
  readonly bufferedMs: number;
  readonly decodedFrames: number;
  readonly droppedFrames: number;
  /** Times it had to begin anew, or stood still for want of media. */
  readonly stalls: number;
  readonly width: number;
  readonly height: number;
}

/** What scripts read as `window.mediadPlayer`. */
export interface MediadPlayer {
  /** `APP/NAME` of what is played; empty for addresses given by hand. */
  readonly stream: string;
  readonly flv: Measurement;
  readonly hls: Measurement;
}
