import { atMost, contest, scaled } from '../contest.js';
import { measured, publish } from '../load.js';
import { pause } from '../processes.js';
import { floor, mediad, nginx, nms } from '../servers.js';
import { show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/**
 * How long a player waits for its first byte and picture, arriving one after the other.
 * @param {Effort} effort
 */
export async function join(effort) {
  const count = scaled(effort, 100);
  /** @type {{ name: string, server: import('../servers.js').Server, kind: 'flv' | 'rtmp' }[]} */
  const contestants = [
    { name: 'mediad, HTTP-FLV', server: mediad, kind: 'flv' },
    { name: 'mediad, RTMP', server: mediad, kind: 'rtmp' },
    { name: 'nginx-rtmp, RTMP', server: nginx, kind: 'rtmp' },
    { name: 'node-media-server 4, HTTP-FLV', server: nms, kind: 'flv' },
    { name: 'C floor, HTTP-FLV', server: floor, kind: 'flv' },
  ];
  const kinds = new Map(contestants.map(({ name, kind }) => [name, kind]));
  const all = await contest(atMost(effort, 1), contestants, async (server, { name }) => {
    const load = await publish(server, { seconds: 60 });
    await pause(2500); // The first group of pictures is whole.
    const kind = kinds.get(name) ?? 'flv';
    const { end } = await measured(server, { kind, count, ramp: 40, warm: 2.2, seconds: 0.2 });
    await load.stop();
    return end;
  });
  /** @param {any} end */
  const together = (end) => (100 * end.together) / end.first_byte.count;
  return {
    title: `Join: ${count} players, 40 per second (ms from the request, or from RTMP’s play)`,
    head: ['server', 'first byte p50', 'p99', 'first key frame p50', 'p99', 'in one read %'],
    rows: [...all.results].map(([name, results]) => [
      name,
      show(results.map((one) => one.first_byte.p50)),
      show(results.map((one) => one.first_byte.p99)),
      show(results.map((one) => one.first_key.p50)),
      show(results.map((one) => one.first_key.p99)),
      show(results.map(together)),
    ]),
    notes: all.notes,
    measured: {
      'join-byte': spread(all.values('mediad, HTTP-FLV', (one) => one.first_byte.p50)).median,
      'join-key': spread(all.values('mediad, HTTP-FLV', together)).median,
    },
  };
}
