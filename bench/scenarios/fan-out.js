import { atMost, contest, scaled } from '../contest.js';
import { measured, publish } from '../load.js';
import { floor, mediad, nginx, nms } from '../servers.js';
import { short, show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */
/** @typedef {import('../contest.js').Contestant} Contestant */

const head = [
  'server',
  'CPU s/GB',
  '% of a core per 1,000',
  'RSS MB',
  'delay p50 ms',
  'p99',
  'last player p99',
  'GB/s',
  'playing',
  'gaps > 1 s',
  'idle %',
];

/**
 * One stream of 2.17 Mbit/s to many players.
 * @param {Effort} effort
 * @param {string} title
 * @param {'flv' | 'rtmp' | 'tls'} kind
 * @param {number} count
 * @param {readonly Contestant[]} contestants
 * @param {Partial<import('../load.js').Players>} [load]
 */
async function fanOut(effort, title, kind, count, contestants, load = {}) {
  const players = scaled(effort, count);
  const all = await contest(effort, contestants, async (server, { name }) => {
    const publishers = await publish(server, { seconds: effort.seconds + 60 });
    // The floor has one protocol; its bytes stand for both.
    const used = name.startsWith('C floor') && kind !== 'tls' ? 'flv' : kind;
    const result = await measured(server, { kind: used, count: players, seconds: effort.seconds, ...load });
    await publishers.stop();
    return result.used;
  });
  const rows = [...all.results].map(([name, results]) => [
    name,
    show(results.map((one) => one.perGb)),
    short(spread(results.map((one) => ((100 * one.cpu) / one.seconds / players) * 1000)).median),
    show(results.map((one) => one.rss)),
    show(results.map((one) => one.window.delay.p50)),
    show(results.map((one) => one.window.delay.p99)),
    show(results.map((one) => (one.window.last.count ? one.window.last.p99 : Number.NaN))),
    short(spread(results.map((one) => one.gb / one.seconds)).median),
    `${Math.min(...results.map((one) => one.window.playing))}/${players}`,
    `${Math.max(...results.map((one) => one.window.gaps))}`,
    short(100 * spread(results.map((one) => one.idle)).median),
  ]);
  /** @param {string} name @param {string} of */
  const ratio = (name, of) =>
    spread(all.values(name, (one) => one.perGb)).median / spread(all.values(of, (one) => one.perGb)).median;
  /** @param {string} name @param {(used: import('../load.js').Used) => number} value */
  const median = (name, value) => spread(all.values(name, value)).median;
  return { title: `${title}, ${players} players`, head, rows, notes: all.notes, ratio, median };
}

/** @type {Contestant} */
const steady = { name: 'mediad 50 ms', server: mediad, wish: { merge: '50' } };
/** @type {Contestant} */
const auto = { name: 'mediad auto', server: mediad, wish: { merge: 'auto' } };
/** @type {Contestant} */
const least = { name: 'C floor 50 ms', server: floor, wish: { merge: '50' } };

/** @param {Effort} effort */
export async function fanoutFlv(effort) {
  const contestants = [steady, least, auto, { name: nms.name, server: nms }];
  const found = await fanOut(effort, 'HTTP-FLV fan-out', 'flv', 1000, contestants);
  const measuredGoals = {
    'flv-floor': found.ratio(steady.name, least.name),
    'flv-nms': found.ratio(steady.name, nms.name),
    'flv-rss': found.median(steady.name, (one) => one.rss),
    'flv-delay': found.median(auto.name, (one) => one.window.delay.p99),
  };
  return { ...found, measured: measuredGoals };
}

/** @param {Effort} effort */
export async function fanoutRtmp(effort) {
  const contestants = [steady, least, { name: nginx.name, server: nginx }];
  const found = await fanOut(effort, 'RTMP fan-out', 'rtmp', 1000, contestants);
  const measuredGoals = {
    'rtmp-floor': found.ratio(steady.name, least.name),
    'rtmp-nginx': found.ratio(steady.name, nginx.name),
    'rtmp-rss': found.median(steady.name, (one) => one.rss),
  };
  return { ...found, measured: measuredGoals };
}

/** @param {Effort} effort */
export async function delay(effort) {
  const flv = await fanOut(atMost(effort, 2), 'Added delay, HTTP-FLV', 'flv', 500, [
    auto,
    { name: nms.name, server: nms },
  ]);
  const rtmp = await fanOut(atMost(effort, 1), 'RTMP', 'rtmp', 500, [
    { ...auto, name: 'mediad auto, RTMP' },
    { name: nginx.name, server: nginx },
  ]);
  const few = await fanOut(atMost(effort, 1), 'few', 'flv', 40, [
    { ...auto, name: 'mediad auto, 40 players' },
  ]);
  return {
    title: flv.title,
    head,
    rows: [...flv.rows, ...rtmp.rows, ...few.rows],
    notes: [...flv.notes, ...rtmp.notes, ...few.notes],
    measured: {
      'delay-p50': flv.median(auto.name, (one) => one.window.delay.p50),
      'delay-p99': flv.median(auto.name, (one) => one.window.delay.p99),
      'delay-few': few.median('mediad auto, 40 players', (one) => one.window.delay.p99),
    },
  };
}

/** @param {Effort} effort */
export async function many(effort) {
  // Of the many only every fiftieth is timed: the players' own process must keep up on the other core.
  const found = await fanOut(atMost(effort, 1), 'Many players, HTTP-FLV', 'flv', 4000, [auto, least], {
    ramp: 800,
    parse: 50,
  });
  return { ...found, measured: { 'many-gaps': found.median(auto.name, (one) => one.window.gaps) } };
}

/** @param {Effort} effort */
export async function tlsFlv(effort) {
  const wish = { tls: true };
  const contestants = [
    { name: 'mediad auto', server: mediad, wish: { ...wish, merge: 'auto' } },
    { name: nms.name, server: nms, wish },
  ];
  const found = await fanOut(atMost(effort, 1), 'HTTP-FLV over TLS', 'tls', 150, contestants, {
    ramp: 100,
  });
  return { ...found, measured: {} };
}
