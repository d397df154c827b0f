import { atMost, contest, scaled } from '../contest.js';
import { measured, meterOf, play, publish } from '../load.js';
import { pause, rss } from '../processes.js';
import { aiohttp, floor, mediad, nginx, nms } from '../servers.js';
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
