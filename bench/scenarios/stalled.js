import { atMost, contest, scaled } from '../contest.js';
import { play, publish } from '../load.js';
import { rss } from '../processes.js';
import { mediad, nginx, nms } from '../servers.js';
import { short, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/**
 * Players that never read, beside players that do.
 * @param {Effort} effort
 */
export async function stalled(effort) {
  const [stuck, watching] = [scaled(effort, 200), scaled(effort, 100)];
  const seconds = Math.max(2, effort.seconds * 3);
  /** @type {{ name: string, server: import('../servers.js').Server, kind: 'flv' | 'rtmp' }[]} */
  const contestants = [
    { name: 'mediad, HTTP-FLV', server: mediad, kind: 'flv' },
    { name: 'mediad, RTMP', server: mediad, kind: 'rtmp' },
    { name: 'nginx-rtmp, RTMP', server: nginx, kind: 'rtmp' },
    { name: 'node-media-server 4, HTTP-FLV', server: nms, kind: 'flv' },
  ];
  const kinds = new Map(contestants.map(({ name, kind }) => [name, kind]));
  const all = await contest(atMost(effort, 1), contestants, async (server, { name }) => {
    const kind = kinds.get(name) ?? 'flv';
    const load = await publish(server, { seconds: seconds + 60 });
    const steady = play(server, { kind, count: watching, seconds: effort.seconds, windows: 1000 });
    const alone = await steady.event('window', effort.seconds + 20);
    const before = rss(server.process.pid);
    const stuckPlayers = play(server, { kind, count: 1, stall: stuck, ramp: 400, seconds, warm: 0 });
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, rss(server.process.pid));
    }, 200);
    await stuckPlayers.event('window', seconds + 20);
    clearInterval(watch);
    // The first window is the one above, the second was under way when they came.
    const with_ = steady.events.filter((/** @type {any} */ one) => one.event === 'window').slice(2);
    await Promise.all([steady.stop(), stuckPlayers.stop(), load.stop()]);
    const p50 = spread(with_.map((/** @type {any} */ one) => one.delay.p50)).median;
    const p99 = spread(with_.map((/** @type {any} */ one) => one.delay.p99)).median;
    const gaps = with_.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.gaps, 0);
    return { before, most, alone, p50, p99, gaps };
  });
  return {
    title: `${stuck} players that never read for ${seconds} s, beside ${watching} that do`,
    head: [
      'server',
      'RSS MB before',
      'at most',
      'delay p50 ms before',
      'with them',
      'p99 before',
      'with them',
      'gaps > 1 s',
    ],
    rows: [...all.results].map(([name, [one]]) => [
      name,
      short(one?.before ?? Number.NaN),
      short(one?.most ?? Number.NaN),
      short(one?.alone.delay.p50),
      short(one?.p50 ?? Number.NaN),
      short(one?.alone.delay.p99),
      short(one?.p99 ?? Number.NaN),
      `${one?.gaps}`,
    ]),
    notes: all.notes,
    measured: {
      'stalled-rss': spread(all.values('mediad, HTTP-FLV', (one) => (one.most - one.before) / stuck)).median,
      'stalled-others': spread(
        all.values('mediad, HTTP-FLV', (one) => Math.max(0, one.p50 - one.alone.delay.p50)),
      ).median,
    },
  };
}
