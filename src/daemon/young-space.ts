import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** What is enough: most objects here live for a turn, or for seconds, and the larger space keeps neither longer. */
const ENOUGH = 4 * 1024 * 1024;

let grows = true;

/**
 * Has the space of V8 for new objects held at a few MB: it would grow to 16, of which it keeps three, and each arrival of
 * many players makes it. What little there is to collect there is collected by one thread: to wake others for it took a
 * tenth of the CPU of a few publishers. Both can be set while V8 runs, and no sooner where the code that is kept beside
 * the program is to be taken.
 */
export function tameYoungSpace(): void {
  setFlagsFromString('--no-parallel-scavenge');
  new PerformanceObserver(holdYoungSpace).observe({ entryTypes: ['gc'] });
}

/** To be called again and again, since V8 shrinks it while little happens. The factor is the only limit that can be set. */
export function holdYoungSpace(): void {
  const size = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
  const may = size < ENOUGH;
  if (may === grows) return;
  grows = may;
  setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
}
