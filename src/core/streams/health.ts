import type { Stream } from './stream.ts';

/** What may be wrong with a stream, by the names that metrics and the interface have for it. */
export const ISSUES = [
  'audio-missing',
  'av-desync',
  'codec-change',
  'codec-not-for-hls',
  'dropped-to-slow-viewers',
  'fps-low',
  'ingest-starved',
  'keyframe-interval-high',
  'timestamps-backward',
] as const;
export type Issue = (typeof ISSUES)[number];

/** Times are ms. With key frames further apart HLS segments get long, and so does joining. */
const KEY_INTERVAL_MS = 5000;
const GAP_MS = 1000;
const LAG_MS = 2000;
/** Of the frames that the stream states, so many have to come. */
const FRAMES = 0.9;
/** Rates of a stream that has been there for less say little. */
const STEADY_MS = 12_000;
/** What happened so long ago is over. */
const LATELY_MS = 60_000;

/** Totals whose growth is an issue for a while. */
interface Grievances {
  readonly repairs: number;
  readonly skipped: number;
  readonly changes: number;
}

/** Remembers what has gone wrong with a stream. `now` is monotonic ms. */
export class Health {
  #seen: Grievances = { repairs: 0, skipped: 0, changes: 0 };
  readonly #at = { repairs: -LATELY_MS, skipped: -LATELY_MS, changes: -LATELY_MS };
  /** What readers of the stream found, until another publisher comes. */
  readonly #found = new Set<Issue>();

  /** A reader of the stream cannot use it as it is. */
  find(issue: Issue): void {
    this.#found.add(issue);
  }

  /** Another publisher. */
  restart(): void {
    this.#found.clear();
  }

  look(totals: Grievances, now: number): void {
    for (const name of ['repairs', 'skipped', 'changes'] as const) {
      if (totals[name] > this.#seen[name]) this.#at[name] = now;
    }
    this.#seen = { ...totals };
  }

  /** Whether a total grew not long ago. */
  lately(name: keyof Grievances, now: number): boolean {
    return now - this.#at[name] < LATELY_MS;
  }

  found(issue: Issue): boolean {
    return this.#found.has(issue);
  }
}

/** Notes what has happened to a stream since it was last looked at; `now` is monotonic ms. */
export function lookAt({ vitals, timeline, feeds }: Stream, now: number): void {
  const { repairs } = timeline;
  vitals.health.look({ repairs, skipped: feeds.skippedPackets, changes: vitals.changes }, now);
}

/** What is wrong with a stream, in the order of the alphabet; nothing where no media come. `now` is monotonic ms. */
export function issuesOf(stream: Stream, now: number): readonly Issue[] {
  if (!stream.live) return [];
  lookAt(stream, now);
  const { vitals, timeline, facts } = stream;
  const { health, keyInterval } = vitals;
  const { video, audio } = facts;
  const steady = Date.now() - stream.startedAt > STEADY_MS;
  const is: Readonly<Record<Issue, boolean>> = {
    'audio-missing': audio === null && video !== null,
    'av-desync': audio !== null && video !== null && Math.abs(timeline.gap) > GAP_MS,
    'codec-change': health.lately('changes', now),
    'codec-not-for-hls': health.found('codec-not-for-hls'),
    'dropped-to-slow-viewers': health.lately('skipped', now),
    'fps-low': steady && video !== null && stream.rates(now).frameRate < FRAMES * video.frameRate,
    'ingest-starved': stream.lag(now) > LAG_MS,
    'keyframe-interval-high':
      video !== null && Math.max(keyInterval, vitals.sinceKey(timeline.last)) > KEY_INTERVAL_MS,
    'timestamps-backward': health.lately('repairs', now),
  };
  return ISSUES.filter((issue) => is[issue]);
}
