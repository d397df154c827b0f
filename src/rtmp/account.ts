/** How long a publisher or player was there and what it moved, as its last line in the log tells. */
export interface Account {
  readonly seconds: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

/** Whole seconds since a moment of the wall clock, ms. */
export function secondsSince(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}
