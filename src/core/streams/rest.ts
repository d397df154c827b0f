/** How long what nobody waits for may lie in the kernel, ms. */
export const LONGEST_REST_MS = 80;
/** Less is not worth it, ms. */
export const LEAST_REST_MS = 5;
/** Connections that begin a long rest within this time are read together, ms; all at once would hold up everybody else. */
const TOGETHER_MS = 5;

/** A connection that is read again after a rest. */
export interface Resting {
  readOn(): void;
  /** What had come by the end of the rest has been read. */
  heard(): void;
}

let together: Resting[] = [];
let since = 0;

/**
 * Has a connection read on in `ms`, when what comes until then is waited for: one read then brings what would have come
 * in many. `now` is monotonic ms.
 */
export function rest(one: Resting, now: number, ms: number): void {
  if (ms < LONGEST_REST_MS) {
    setTimeout(readAll, Math.ceil(ms), [one]);
    return;
  }
  if (together.length === 0 || now - since > TOGETHER_MS) {
    together = [];
    since = now;
    setTimeout(readAll, LONGEST_REST_MS, together);
  }
  together.push(one);
}

function readAll(all: Resting[]): void {
  // Those that rest from now on are to rest as long.
  if (all === together) together = [];
  for (const one of all) one.readOn();
  // Sockets are read before what is for this turn only.
  setImmediate(heardAll, all);
}

function heardAll(all: Resting[]): void {
  for (const one of all) one.heard();
}
