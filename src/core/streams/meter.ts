/** Counters over the life of a stream; bytes are those of message bodies. */
export interface StreamCounters {
  bytesIn: number;
  audioBytes: number;
  videoBytes: number;
  /** Frames: sequence headers are not among the packets. */
  audioPackets: number;
  videoPackets: number;
  keyFrames: number;
  dataPackets: number;
}

/** All counters at zero. */
export function noCounters(): StreamCounters {
  return {
    bytesIn: 0,
    audioBytes: 0,
    videoBytes: 0,
    audioPackets: 0,
    videoPackets: 0,
    keyFrames: 0,
    dataPackets: 0,
  };
}

/** What is counted of a stream, as totals that only grow. */
export interface Totals {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly audioBytes: number;
  readonly videoBytes: number;
  readonly videoPackets: number;
}

/** What a stream moves, on average over the window. */
export interface Rates {
  /** Bit/s. */
  readonly in: number;
  readonly out: number;
  readonly audio: number;
  readonly video: number;
  /** Pictures per second as they really come. */
  readonly frameRate: number;
}

/** Rates are averages over this long, ms. */
const WINDOW_MS = 10_000;

interface Sample extends Totals {
  readonly at: number;
}

/**
 * Turns totals into rates: they are looked at about once a second and whenever somebody asks, so packets cost nothing
 * more than their counters. `now` is monotonic ms.
 */
export class Meter {
  readonly #samples: Sample[] = [];

  constructor(totals: Totals, now: number) {
    this.#samples.push(sampleOf(totals, now));
  }

  /** Notes the totals; called about once a second. */
  sample(totals: Totals, now: number): void {
    this.#samples.push(sampleOf(totals, now));
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= WINDOW_MS) this.#samples.shift();
  }

  /** The rates from the beginning of the window to the totals of this moment. */
  rates(totals: Totals, now: number): Rates {
    const from = this.#samples.find((sample) => now - sample.at <= WINDOW_MS + 1500) ?? this.#samples.at(-1)!;
    const seconds = (now - from.at) / 1000;
    const perSecond = (name: keyof Totals): number =>
      seconds > 0 ? Math.max(totals[name] - from[name], 0) / seconds : 0;
    return {
      in: Math.round(8 * perSecond('bytesIn')),
      out: Math.round(8 * perSecond('bytesOut')),
      audio: Math.round(8 * perSecond('audioBytes')),
      video: Math.round(8 * perSecond('videoBytes')),
      frameRate: perSecond('videoPackets'),
    };
  }
}

function sampleOf({ bytesIn, bytesOut, audioBytes, videoBytes, videoPackets }: Totals, at: number): Sample {
  return { at, bytesIn, bytesOut, audioBytes, videoBytes, videoPackets };
}
