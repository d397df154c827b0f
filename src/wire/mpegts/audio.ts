import { type AacConfig, ADTS_HEADER, ADTS_MAX_FRAME, writeAdtsHeader } from '../../media/aac.ts';
import type { Mp3Header } from '../../media/mp3.ts';
import { copyBytes } from '../slab.ts';
import { PES_AUDIO_BYTES, TICKS_PER_MS, type TransportMuxer } from './muxer.ts';

/** How frames are gathered; read at each frame, so that changes count at once. */
export interface AudioLimits {
  /** ms of media that may wait for more of the same. */
  readonly delay: number;
  /** ms by which a timestamp may differ from the sample clock and still be replaced by it; 0: never replaced. */
  readonly sync: number;
  /** Bytes that may wait. */
  readonly bytes: number;
}

/** Frames that follow each other more closely than this, ms, share a PES packet whatever `sync` says: FLV rounds to ms. */
const ROUNDING_MS = 2;
const START_BYTES = 8 * 1024;

/**
 * Gathers audio frames into PES packets, since one of its own per frame would cost most of a packet in stuffing. Their
 * times follow the sample clock where the timestamps agree with it.
 */
export class AudioGatherer {
  readonly #muxer: TransportMuxer;
  readonly #limits: () => AudioLimits;
  #data = Buffer.allocUnsafeSlow(START_BYTES);
  #length = 0;
  /** Time of the first frame that waits, and of the one expected next. */
  #first = 0;
  #next = 0;
  /** The sample clock: the time at which it was set, and ticks since. */
  #base = -1;
  #elapsed = 0;

  constructor(muxer: TransportMuxer, limits: () => AudioLimits) {
    this.#muxer = muxer;
    this.#limits = limits;
  }

  /** Frames wait to be written. */
  get waiting(): boolean {
    return this.#length > 0;
  }

  /** The sample clock and the frames that wait belong to a stream that is gone. */
  reset(): void {
    this.#length = 0;
    this.#base = -1;
  }

  /** An AAC frame, `body` from `offset` on, of time `time` in ticks. False where it has no ADTS form. */
  aac(time: number, body: Buffer, offset: number, config: AacConfig): boolean {
    const size = body.length - offset;
    if (size <= 0 || size > ADTS_MAX_FRAME) return false;
    this.#place(time, size + ADTS_HEADER, config.frameLength, config.sampleRate);
    writeAdtsHeader(this.#data, this.#length, config, size);
    copyBytes(this.#data, this.#length + ADTS_HEADER, body, offset, size);
    this.#length += size + ADTS_HEADER;
    this.#flushDue(time, 0.5);
    return true;
  }

  /** An MPEG audio frame. */
  mp3(time: number, body: Buffer, offset: number, header: Mp3Header): boolean {
    const size = body.length - offset;
    if (size <= 0 || size > PES_AUDIO_BYTES) return false;
    // A tag may hold several frames; then the clock moves by all of them.
    const frames = header.size > 0 ? Math.max(1, Math.round(size / header.size)) : 1;
    this.#place(time, size, header.samples * frames, header.sampleRate);
    copyBytes(this.#data, this.#length, body, offset, size);
    this.#length += size;
    this.#flushDue(time, 0.5);
    return true;
  }

  /** A picture of this time is about to be written: sound that is older than the limit goes first. */
  before(time: number): void {
    this.#flushDue(time, 1);
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#length === 0) return;
    this.#muxer.audio(Math.round(this.#first), this.#data, this.#length);
    this.#length = 0;
  }

  /** Finds the frame's time and makes room for it. */
  #place(raw: number, size: number, samples: number, rate: number): void {
    const limits = this.#limits();
    const tolerance = limits.sync * TICKS_PER_MS;
    let time = raw;
    if (this.#base >= 0 && tolerance > 0 && Math.abs(raw - this.#base - this.#elapsed) <= tolerance) {
      time = this.#base + this.#elapsed;
    } else {
      this.#base = raw;
      this.#elapsed = 0;
    }
    const length = (samples * 90_000) / rate;
    this.#elapsed += length;
    const limit = Math.min(limits.bytes, PES_AUDIO_BYTES);
    const apart = Math.abs(time - this.#next) > Math.max(tolerance, ROUNDING_MS * TICKS_PER_MS);
    if (this.#length > 0 && (apart || this.#length + size > limit)) this.flush();
    if (this.#length === 0) {
      this.#first = time;
      this.#next = time;
    }
    this.#next += length;
    const wanted = this.#length + size;
    if (wanted <= this.#data.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.#data.length * 2));
    this.#data.copy(grown, 0, 0, this.#length);
    this.#data = grown;
  }

  #flushDue(time: number, share: number): void {
    if (this.#length > 0 && time - this.#first >= this.#limits().delay * TICKS_PER_MS * share) this.flush();
  }
}
