import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { media, program, root } from './prepare.js';
import { cpuSeconds, idleSeconds, rss, start } from './processes.js';

/** @typedef {import('./servers.js').Running} Running */

/**
 * Starts paced publishers s0, s1 … and waits until all are granted.
 * @param {Running} server
 * @param {{ count?: number, size?: 'full' | 'small', seconds?: number, ramp?: number, app?: string, name?: string, first?: number }} [load]
 */
export async function publish(server, load = {}) {
  const { count = 1, size = 'full', seconds = 120, ramp = 200 } = load;
  const named = [...(load.app ? ['--app', load.app] : []), ...(load.name ? ['--name', load.name] : [])];
  const numbers = [
    '--count',
    `${count}`,
    '--first',
    `${load.first ?? 0}`,
    '--seconds',
    `${seconds}`,
    '--ramp',
    `${ramp}`,
  ];
  /* The first of two equal options counts. */
  const publishers = start(program('publisher'), [
    ...named,
    '--file',
    media(size),
    ...numbers,
    ...server.publish,
  ]);
  await publishers.event('publishing', 15 + count / ramp);
  return publishers;
}

/**
 * @typedef {object} Players
 * @property {'flv' | 'rtmp' | 'tls'} [kind]
 * @property {number} [count]
 * @property {number} [stall] of those that never read
 * @property {number} [streams] they are spread over
 * @property {number} [ramp] arrivals per second
 * @property {number} [warm] seconds after the last arrival
 * @property {number} [seconds] of each window
 * @property {number} [windows]
 * @property {number} [parse] every how many-th player is timed
 */

/** Longer than a group of pictures: servers without a cache make players wait for the next one. */
const WARM = 2.2;

/**
 * Starts players.
 * @param {Running} server
 * @param {Players} load
 */
export function play(server, load) {
  const {
    kind = 'flv',
    count = 1,
    stall = 0,
    streams = 1,
    ramp = 500,
    warm = WARM,
    seconds = 5,
    windows = 1,
    parse = 1,
  } = load;
  const address = kind === 'rtmp' ? server.rtmp : server.flv;
  if (!address) throw new Error(`${server.name} has no ${kind}`);
  const numbers = Object.entries({ count, stall, streams, ramp, warm, seconds, windows, parse }).flatMap(
    ([name, value]) => [`--${name}`, `${value}`],
  );
  if (kind === 'tls') {
    return start(process.execPath, [join(root, 'bench', 'tls-players.js'), ...address, ...numbers]);
  }
  return start(program('players'), [...address, ...numbers]);
}

/**
 * What a server used in one window of its players.
 * @typedef {object} Used
 * @property {number} cpu seconds
 * @property {number} seconds
 * @property {number} gb delivered
 * @property {number} perGb CPU seconds per GB
 * @property {number} rss MB at the end
 * @property {number} idle share of the machine that was idle
 * @property {any} window of the players
 */

/**
 * Plays and measures the server in the (first) window.
 * @param {Running} server
 * @param {Players} load
 * @returns {Promise<{ used: Used, end: any }>}
 */
export async function measured(server, load) {
  const { count = 1, stall = 0, ramp = 500, warm = WARM, seconds = 5 } = load;
  const players = play(server, load);
  const patience = (count + stall) / ramp + warm + seconds + 15;
  await players.event('ready', patience);
  const meter = meterOf(server);
  const window = await players.event('window', patience);
  const used = meter();
  const end = await players.event('end', patience);
  await players.ended;
  if (!window.playing) {
    throw new Error(
      `none of ${count} players got media (${window.refused} refused, ${window.lost} lost, ${window.bad} unreadable)`,
    );
  }
  const gb = window.bytes / 1e9;
  return { used: { ...used, gb, perGb: used.cpu / gb, window }, end };
}

/**
 * Begins to measure a server; the function it returns ends that.
 * @param {Running} server
 */
export function meterOf(server) {
  const cpu = cpuSeconds(server.process.pid);
  const idle = idleSeconds();
  const at = performance.now();
  return () => {
    const seconds = (performance.now() - at) / 1000;
    return {
      cpu: cpuSeconds(server.process.pid) - cpu,
      seconds,
      rss: rss(server.process.pid),
      idle: (idleSeconds() - idle) / seconds / availableParallelism(),
    };
  };
}
