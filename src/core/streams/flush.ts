import { performance } from 'node:perf_hooks';
import { Load } from '../measures/load.ts';
import { type Histogram, Measures } from '../measures/measures.ts';

/** How long packets gather before they are written to a stream's players: `auto`, or a fixed number of ms (0: never). */
export type MergeSetting = 'auto' | number;

/** Up to this many players in the process each read of the publisher is passed on at once: the writes cost little. */
const AT_ONCE = 50;
/** Up to this many, a video frame is passed on at once and takes the audio before it along. */
const BY_FRAME = 300;
/** Audio waits no longer for a video frame than this, ms. */
const AUDIO_WAIT = 60;
/**
 * Above that, frames are passed on this far apart, ms: 25 and 30 frames per second go as they come, of more of them
 * several together. A window as long would write as often, and each frame would wait for its end.
 */
const SPACING = 30;
/** Above this many players, or on a busy event loop, everything waits for a window. */
const MANY = 1500;
const WINDOW = 100;
const BUSY = 0.6;

const FLUSH_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];
const FLUSH_BYTES = [1000, 4000, 16_000, 64_000, 256_000, 1_000_000];

/** Counts the players of the process and watches its event loop: the load that decides how far writes are merged. */
export class Audience {
  players = 0;
  busy = false;
  /** How near the process is to its limits. */
  readonly load = new Load();
  /** What it took to pack a batch and write it to all players of a feed, s, and how long each batch was, bytes. */
  readonly flushes: { readonly seconds: Histogram; readonly bytes: Histogram };
  #last = performance.eventLoopUtilization();

  constructor(measures = new Measures()) {
    this.flushes = {
      seconds: measures.histogram(
        'flush_seconds',
        'Time to pack a batch and write it to the players of a stream.',
        FLUSH_SECONDS,
      ),
      bytes: measures.histogram('flush_bytes', 'Length of these batches.', FLUSH_BYTES),
    };
  }

  /** Called about once a second. */
  measure(): void {
    const now = performance.eventLoopUtilization();
    this.busy = performance.eventLoopUtilization(now, this.#last).utilization > BUSY;
    this.#last = now;
    this.load.measure();
  }
}

/** Decides when a feed's pending packets are written. */
export interface FlushPolicy {
  /**
   * ms to wait from now; 0 or less: at once. `video`: a frame is pending; `age` is that of the oldest pending packet,
   * `quiet` the time since the last write, both in ms.
   */
  delay(video: boolean, age: number, quiet: number): number;
  /**
   * For how long what comes from now on would only wait, ms. `delay` is that of what is pending; null: nothing is.
   */
  patience(delay: number | null, quiet: number): number;
  /** A batch of so many bytes has been written in so many ms. */
  flushed(bytes: number, took: number): void;
}

/** The policy of one application's streams; `setting` is read at each use, so a reload takes effect at once. */
export function flushPolicy(audience: Audience, setting: () => MergeSetting): FlushPolicy {
  return {
    delay(video, age, quiet) {
      const merge = setting();
      if (merge !== 'auto') return merge - age;
      switch (modeOf(audience)) {
        case 'window':
          return WINDOW - age;
        case 'at once':
          return 0;
        case 'frame':
          return video ? 0 : AUDIO_WAIT - age;
        case 'spaced':
          return video ? SPACING - quiet : AUDIO_WAIT - age;
      }
    },
    patience(delay, quiet) {
      const mode = setting() === 'auto' ? modeOf(audience) : 'window';
      // A window begins with its first packet, which has to be seen; a frame that comes too soon waits as long as it would.
      if (mode === 'window') return delay ?? 0;
      return mode === 'spaced' ? Math.min(SPACING - quiet, delay ?? SPACING) : 0;
    },
    flushed(bytes, took) {
      audience.flushes.bytes.observe(bytes);
      audience.flushes.seconds.observe(took / 1000);
    },
  };
}

/** How frames are passed on where nothing is set. */
function modeOf({ busy, players }: Audience): 'at once' | 'frame' | 'spaced' | 'window' {
  if (busy || players > MANY) return 'window';
  if (players <= AT_ONCE) return 'at once';
  return players <= BY_FRAME ? 'frame' : 'spaced';
}
