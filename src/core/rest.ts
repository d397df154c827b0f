/** How long what nobody waits for may lie in the kernel, ms. */
const REST_MS = 80;
/** Connections that begin to rest within this time are read together, ms; all at once would hold up everybody else. */
const TOGETHER_MS = 5;

/** A connection that is read again after a rest. */
export interface Resting {
  readOn(): void;
}

let together: Resting[] = [];
let since = 0;

/**
 * Has a connection that nobody waits for read on in a while: one read then brings what would have come in many. `now` is
 * monotonic ms.
 */
export function rest(one: Resting, now: number): void {
  if (together.length === 0 || now - since > TOGETHER_MS) {
    together = [];
    since = now;
    setTimeout(readAll, REST_MS, together);
  }
  together.push(one);
}

function readAll(all: Resting[]): void {
  // Those that rest from now on are to rest as long.
  if (all === together) together = [];
  for (const one of all) one.readOn();
}
