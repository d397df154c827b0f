import type { Runtime } from '../runtime.ts';
import type { Figures } from './figures.ts';
import { ownFigures } from './whole.ts';

/** The topic on which a worker that ends in order leaves its figures to the first one, so that no total falls. */
const ESTATE = 'estate';
/** The worker that never retires. */
const HEIR = 1;

/** Leaves what this worker has counted to the first one; resolves when that has it, or there is none. */
export async function bequeath(runtime: Runtime, servers: Figures['servers']): Promise<void> {
  await runtime.workers.ask(ESTATE, pastOf({ ...ownFigures(runtime), servers }), HEIR);
}

/** Counts what others leave to this worker as its own. */
export function inherit(runtime: Runtime): void {
  runtime.workers.answer(ESTATE, (estate) => runtime.estates.push(estate as Figures));
}

/** What is over of all that figures tell. */
function pastOf(figures: Figures): Figures {
  return {
    ...figures,
    servers: figures.servers.map((server) => ({
      ...server,
      applications: server.applications.map((one) => ({ ...one, streams: [], relays: [] })),
    })),
    traffic: Object.fromEntries(
      Object.entries(figures.traffic).map(([protocol, one]) => [protocol, { ...one, open: 0 }]),
    ),
    rates: { in: 0, out: 0, audio: 0, video: 0, frameRate: 0 },
    requests: { ...figures.requests, active: 0, writing: 0 },
    execs: [],
    callbacks: figures.callbacks.map((one) => ({ ...one, pending: 0 })),
  };
}
