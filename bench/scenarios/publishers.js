import { atMost, contest, scaled } from '../contest.js';
import { measured, meterOf, publish } from '../load.js';
import { pause } from '../processes.js';
import { aiohttp, mediad, nginx, nms } from '../servers.js';
import { short, show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/**
 * Many streams that nobody watches.
 * @param {Effort} effort
 */
export async function publishers(effort) {
  const count = scaled(effort, 300);
  const contestants = [mediad, nginx, nms].map((server) => ({ name: server.name, server }));
  const all = await contest(atMost(effort, 2), contestants, async (server) => {
    const load = await publish(server, { count, seconds: effort.seconds + 60 });
    await pause(2000);
    const meter = meterOf(server);
    await pause(effort.seconds * 1000);
    const used = meter();
    await load.stop();
    return { ...used, closed: load.events.at(-1)?.closed ?? Number.NaN };
  });
  const rows = [...all.results].map(([name, results]) => [
    name,
    show(results.map((one) => (100 * one.cpu) / one.seconds)),
    show(results.map((one) => one.rss)),
    `${Math.max(...results.map((one) => one.closed))}`,
    short(100 * spread(results.map((one) => one.idle)).median),
  ]);
  const cpu = (/** @type {string} */ name) => spread(all.values(name, (one) => one.cpu / one.seconds)).median;
  return {
    title: `Ingest: ${count} publishers of 2.17 Mbit/s, nobody watching`,
    head: ['server', '% of a core', 'RSS MB', 'lost', 'idle %'],
    rows,
    notes: all.notes,
    measured: {
      'publishers-cpu': cpu(mediad.name) / cpu(nginx.name),
      'publishers-rss': spread(all.values(mediad.name, (one) => one.rss)).median,
    },
  };
}

/**
 * The two tests of the small asyncio server: 100 publishers, and 100 players of one stream.
 * @param {Effort} effort
 */
export async function asyncio(effort) {
  const count = scaled(effort, 100);
  const contestants = [mediad, aiohttp].map((server) => ({ name: server.name, server }));
  const all = await contest(atMost(effort, 1), contestants, async (server) => {
    const one = await publish(server, { seconds: 60 });
    const { used } = await measured(server, { count, seconds: effort.seconds, ramp: 100 });
    const others = await publish(server, { count, first: 1, seconds: 60, ramp: 100 });
    await pause(2000);
    const meter = meterOf(server);
    await pause(effort.seconds * 1000);
    const ingest = meter();
    await Promise.all([one.stop(), others.stop()]);
    return { used, ingest };
  });
  return {
    title: `Beside an asyncio server: ${count} players of one stream, then ${count} publishers`,
    head: ['server', 'players: % of a core', 'RSS MB', 'delay p99 ms', 'publishers: % of a core', 'RSS MB'],
    rows: [...all.results].map(([name, results]) => [
      name,
      show(results.map((one) => (100 * one.used.cpu) / one.used.seconds)),
      show(results.map((one) => one.used.rss)),
      show(results.map((one) => one.used.window.delay.p99)),
      show(results.map((one) => (100 * one.ingest.cpu) / one.ingest.seconds)),
      show(results.map((one) => one.ingest.rss)),
    ]),
    notes: all.notes,
    measured: {},
  };
}
