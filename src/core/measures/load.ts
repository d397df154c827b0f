import { totalmem } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** How often the event loop is looked at, ms: each time is a turn of it, which a server that has nothing to do pays for. */
const RESOLUTION = 50;

/** How near the process is to what it can do: how late its event loop is, and how much of its memory is in use. */
export class Load {
  /** By how much timers were late on average over the last second, ms. */
  lag = 0;
  /** The share of the memory it may have that is in use, 0 to 1: of the machine's or its group's, or of the heap's. */
  memory = 0;
  #delay: IntervalHistogram | undefined;

  /** Called about once a second. */
  measure(): void {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION });
      this.#delay.enable();
    } else {
      const { mean } = this.#delay;
      // Without a single sample the loop stood still for all of the time.
      if (!Number.isNaN(mean)) this.lag = Math.max(0, mean / 1e6 - RESOLUTION);
      this.#delay.reset();
    }
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    this.memory = Math.max(process.memoryUsage.rss() / memoryLimit(), used / most);
  }
}

/** Bytes that the process may use: the limit of its control group, else the machine's memory. */
function memoryLimit(): number {
  const group = process.constrainedMemory();
  const machine = totalmem();
  return group > 0 && group < machine ? group : machine;
}
