import { atMost, contest, scaled } from '../contest.js';
import { measured, publish } from '../load.js';
import { cpuSecondsEach } from '../processes.js';
import { mediad } from '../servers.js';
import { short, show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

const one = { name: '1 process', server: mediad, wish: { merge: '50', workers: 1 } };
const two = { name: '2 workers', server: mediad, wish: { merge: '50', workers: 2 } };

/**
 * One stream to many players over one port, by one process and by two workers. Where the processors are not free for
 * both, what two can carry is told by how much less the busier of them has to do for the same players.
 * @param {Effort} effort
 */
export async function workers(effort) {
  const players = scaled(effort, 2000);
  const all = await contest(atMost(effort, 2), [one, two], async (server) => {
    const publishers = await publish(server, { seconds: effort.seconds + 60 });
    const before = cpuSecondsEach(server.process.pid);
    const { used } = await measured(server, {
      kind: 'flv',
      count: players,
      seconds: effort.seconds,
      ramp: 800,
    });
    const spent = [...cpuSecondsEach(server.process.pid)].map(([pid, cpu]) => cpu - (before.get(pid) ?? 0));
    await publishers.stop();
    return { ...used, busiest: Math.max(...spent) / spent.reduce((sum, cpu) => sum + cpu, 0) };
  });
  const rows = [...all.results].map(([name, results]) => [
    name,
    show(results.map((each) => each.perGb)),
    show(results.map((each) => each.perGb * each.busiest)),
    show(results.map((each) => each.rss)),
    show(results.map((each) => each.window.delay.p50)),
    show(results.map((each) => each.window.delay.p99)),
    short(spread(results.map((each) => each.gb / each.seconds)).median),
    `${Math.min(...results.map((each) => each.window.playing))}/${players}`,
    `${Math.max(...results.map((each) => each.window.gaps))}`,
    short(100 * spread(results.map((each) => each.idle)).median),
  ]);
  /** @param {(used: any) => number} value */
  const ratio = (value) =>
    spread(all.values(two.name, value)).median / spread(all.values(one.name, value)).median;
  const cost = ratio((each) => each.perGb);
  const carried = 1 / ratio((each) => each.perGb * each.busiest);
  return {
    title: `HTTP-FLV by several processes, ${players} players`,
    head: [
      'mediad',
      'CPU s/GB',
      'of its busiest process',
      'RSS MB',
      'delay p50 ms',
      'p99',
      'GB/s',
      'playing',
      'gaps > 1 s',
      'idle %',
    ],
    rows,
    notes: [
      ...all.notes,
      `2 workers take ${short(cost)} x the CPU per GB, and carry ${short(carried)} x the players where processors are free`,
    ],
    measured: {},
  };
}
