/** How long a finding counts, ms: long enough to smooth bursts, short enough to follow a new publisher. */
const AGE_MS = 10_000;

interface Finding {
  readonly at: number;
  readonly lead: number;
}

/**
 * Where the live edge of a stream is. Media come in steps and bursts, so the edge is the furthest that the stream's
 * clock was ahead of the wall clock lately: a frame may come late but not early.
 */
export class LiveEdge {
  #findings: Finding[] = [];

  /** The stream was known to have reached `mediaTime` at `wall`; both ms. */
  found(mediaTime: number, wall: number): void {
    const lead = mediaTime - wall;
    // What leads less than a newer finding can never be the furthest again.
    this.#findings = this.#findings.filter((finding) => wall - finding.at < AGE_MS && finding.lead > lead);
    this.#findings.push({ at: wall, lead });
  }

  /** The stream's time at `wall`, ms; null while nothing is known. */
  at(wall: number): number | null {
    const first = this.#findings[0];
    return first === undefined ? null : wall + first.lead;
  }

  forget(): void {
    this.#findings = [];
  }
}
