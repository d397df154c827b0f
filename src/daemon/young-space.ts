import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** What is enough: most objects here live for a turn, or for seconds, and the larger space keeps neither longer. */
const ENOUGH = 4 * 1024 * 1024;

let grows = true;
let alone = false;

/**
 * Holds the space of V8 for new objects at a few MB: it would grow to 16, of which it keeps three, and each arrival of
 * many players makes it. To be called again and again, since V8 shrinks it while little happens. The factor is the only
 * limit that can be set once V8 runs. What little there is to collect there is collected by one thread: to wake others
 * for it took a tenth of the CPU of a few publishers.
 */
export function holdYoungSpace(): void {
  if (!alone) {
    alone = true;
    setFlagsFromString('--no-parallel-scavenge');
  }
  const size = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
  const may = size < ENOUGH;
  if (may === grows) return;
  grows = may;
  setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
}
