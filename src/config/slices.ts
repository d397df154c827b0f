/** Long work as a generator: each `yield` is a place where something else may have its turn. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** How long a slice lasts, ms: so much and one step more may pass before anything else has its turn. */
const SLICE_MS = 2;

/** Does the work without a pause. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Does the same work with a turn of the event loop between slices, so that nobody has to wait for all of it. */
export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  let until = performance.now() + SLICE_MS;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await new Promise(setImmediate);
    until = performance.now() + SLICE_MS;
  }
}
