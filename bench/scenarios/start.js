import { contest } from '../contest.js';
import { mediad, nginx, nms } from '../servers.js';
import { show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/**
 * From the start of the process to accepting connections on all its ports.
 * @param {Effort} effort
 */
export async function start(effort) {
  /** @type {Map<string, number>} */
  const begun = new Map();
  const contestants = [mediad, nginx, nms].map((server) => ({
    name: server.name,
    server: {
      ...server,
      start: () => {
        begun.set(server.name, performance.now());
        return server.start();
      },
    },
  }));
  const all = await contest(
    { ...effort, rounds: Math.max(5, effort.rounds) },
    contestants,
    async (server) => ({
      ms: performance.now() - (begun.get(server.name) ?? Number.NaN),
    }),
  );
  return {
    title: 'Start to accepting connections',
    head: ['server', 'ms'],
    rows: [...all.results].map(([name, results]) => [name, show(results.map((one) => one.ms))]),
    notes: all.notes,
    measured: { start: spread(all.values(mediad.name, (one) => one.ms)).median },
  };
}
