import { AUDIO, type MediaPacket } from '../../media/packet.ts';
import { Health } from './health.ts';
import { Lag } from './lag.ts';
import { noCounters, type StreamCounters } from './meter.ts';

/** What is counted and noticed of a stream as its packets come. */
export class Vitals {
  readonly counters: StreamCounters = noCounters();
  readonly lag = new Lag();
  readonly health = new Health();
  /** Time between the newest two key frames, ms; 0 before there are two. */
  keyInterval = 0;
  /** Sequence headers that took the place of others in mid-stream. */
  changes = 0;
  #lastKey = -1;

  /** A packet of audio or video; `now` is monotonic ms. */
  came({ kind, time, key, config, body }: MediaPacket, now: number): void {
    const { counters } = this;
    if (kind === AUDIO) {
      if (!config) counters.audioPackets += 1;
      counters.audioBytes += body.length;
    } else {
      if (!config) counters.videoPackets += 1;
      counters.videoBytes += body.length;
      if (key) this.#countKey(time);
    }
    if (!config) this.lag.came(time, now);
  }

  #countKey(time: number): void {
    this.counters.keyFrames += 1;
    if (this.#lastKey >= 0) this.keyInterval = time - this.#lastKey;
    this.#lastKey = time;
  }

  /** Media since the newest key frame, ms, up to `time`; 0 before the first. */
  sinceKey(time: number): number {
    return this.#lastKey < 0 ? 0 : Math.max(time - this.#lastKey, 0);
  }

  /** Another publisher. */
  restart(): void {
    this.lag.restart();
    this.health.restart();
    this.#lastKey = -1;
    this.keyInterval = 0;
  }
}
