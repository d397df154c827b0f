import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { atMost, contest, scaled } from '../contest.js';
import { meterOf, publish } from '../load.js';
import { Missing, need, program } from '../prepare.js';
import { cpuSeconds, pause, pins } from '../processes.js';
import { mediad, nginx } from '../servers.js';
import { short, show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

const run = promisify(execFile);

/**
 * What writing HLS to disk costs: the same publishers with and without it.
 * @param {Effort} effort
 */
export async function hlsWrite(effort) {
  const count = scaled(effort, 20);
  const contestants = [mediad, nginx].flatMap((server) => [
    { name: server.name, server },
    { name: `${server.name} with HLS`, server, wish: { hls: true } },
  ]);
  const seconds = Math.max(4, effort.seconds);
  const all = await contest(atMost(effort, 2), contestants, async (server) => {
    const load = await publish(server, { count, seconds: 60 });
    await pause(2500);
    const meter = meterOf(server);
    await pause(seconds * 1000);
    const used = meter();
    await load.stop();
    return used;
  });
  const cpu = (/** @type {string} */ name) =>
    spread(all.values(name, (one) => (100 * one.cpu) / one.seconds / count)).median;
  const extra = (/** @type {string} */ name) => cpu(`${name} with HLS`) - cpu(name);
  return {
    title: `HLS to disk, ${count} publishers of 2.17 Mbit/s, 2 s per segment`,
    head: ['server', '% of a core', '% per stream', 'RSS MB'],
    rows: [...all.results].map(([name, results]) => [
      name,
      show(results.map((one) => (100 * one.cpu) / one.seconds)),
      short(cpu(name)),
      show(results.map((one) => one.rss)),
    ]),
    notes: [
      ...all.notes,
      `extra per stream, % of a core: mediad ${short(extra(mediad.name))}, nginx ${short(extra(nginx.name))}`,
    ],
    measured: { 'hls-cpu': extra(mediad.name) / extra(nginx.name) },
  };
}

/**
 * What came of asking for one address over 50 connections that stay open. `busy` are shares of one processor.
 * @typedef {object} Hit
 * @property {number} perSecond
 * @property {number} cpu of the server for each request, µs
 * @property {number} p99 ms
 * @property {number} busy the server
 * @property {number} loadBusy the load tool, which is one thread
 */

/**
 * @param {import('../servers.js').Running} server
 * @param {string} command
 * @param {readonly string[]} args
 * @param {number} seconds
 * @param {(output: string) => { requests: number, perSecond: number, p99: number }} read
 * @returns {Promise<Hit>}
 */
async function hit(server, command, args, seconds, read) {
  const pin = pins.load ? ['taskset', '-c', pins.load] : [];
  const [head = '', ...rest] = [...pin, command, ...args];
  const running = run(head, rest, { timeout: (seconds + 20) * 1000 });
  const meter = meterOf(server);
  // The tool's own time can be read as long as it lives.
  await Promise.race([pause(seconds * 1000 - 100), running.catch(() => undefined)]);
  const spent = cpuSeconds(running.child.pid ?? 0);
  const soon = meter();
  const { stdout } = await running;
  const used = meter();
  const { requests, perSecond, p99 } = read(stdout);
  return {
    perSecond,
    p99,
    cpu: (used.cpu / requests) * 1e6,
    busy: soon.cpu / soon.seconds,
    loadBusy: spent / soon.seconds,
  };
}

/**
 * By wrk, which reads what it is sent.
 * @param {import('../servers.js').Running} server
 * @param {string} url
 * @param {number} seconds
 */
function wrk(server, url, seconds) {
  const args = ['-t1', '-c50', `-d${seconds}`, '--latency', url];
  return hit(server, 'wrk', args, seconds, (text) => {
    const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
    const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
    if (bad > 0 || requests === 0) throw new Error(`${url}: ${bad} of ${requests} requests failed`);
    return {
      requests,
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
      p99: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    };
  });
}

/**
 * By bench/native/fetch, which has the kernel drop bodies, so that it is never the one that is busy.
 * @param {import('../servers.js').Running} server
 * @param {string} url
 * @param {number} seconds
 */
function fetcher(server, url, seconds) {
  const { port, pathname } = new URL(url);
  const args = ['--port', port, '--path', pathname, '--count', '50', '--seconds', `${seconds}`];
  return hit(server, program('fetch'), args, seconds, (text) => {
    const end = JSON.parse(text);
    if (end.bad > 0 || end.requests === 0) throw new Error(`${url}: ${end.bad} connections failed`);
    return { requests: end.requests, perSecond: end.requests / end.seconds, p99: end.took.p99 };
  });
}

/** @param {RegExpExecArray | null} found */
function milliseconds(found) {
  return Number(found?.[1]) * (found?.[2] === 's' ? 1000 : found?.[2] === 'us' ? 0.001 : 1);
}

/**
 * The playlist of a live stream once it names a segment: its address, its size, and the address of the first segment.
 * @param {string} url
 */
async function playlist(url) {
  for (const until = performance.now() + 12_000; performance.now() < until; await pause(200)) {
    const answer = await fetch(url).catch(() => undefined);
    const text = answer?.ok ? await answer.text() : '';
    const segment = text.split('\n').find((line) => line && !line.startsWith('#'));
    if (segment) return { url, size: text.length, segment: new URL(segment.trim(), url).href };
  }
  throw new Error(`${url}: no segment after 12 s`);
}

/** Longer, and a segment may have become one that is left to the disk. */
const LONGEST_S = 4;

/**
 * Playlists and segments just made. The first segment of the stream is the same media for all.
 * @param {Effort} effort
 */
export async function http(effort) {
  need('wrk', 'Debian: wrk');
  const contestants = [mediad, nginx].map((server) => ({ name: server.name, server, wish: { hls: true } }));
  const seconds = Math.min(LONGEST_S, Math.max(1, Math.round(effort.seconds)));
  const all = await contest(effort, contestants, async (server) => {
    if (!server.hls) throw new Missing('no HLS');
    const load = await publish(server, { seconds: 60 });
    const list = await playlist(`${server.hls}/s0.m3u8`);
    const size = (await (await fetch(list.segment)).arrayBuffer()).byteLength;
    // What a server compiles while it runs, it compiles once.
    await wrk(server, list.segment, 1);
    const segments = await wrk(server, list.segment, seconds);
    const dropped = await fetcher(server, list.segment, seconds);
    await wrk(server, list.url, 1);
    const lists = await wrk(server, list.url, seconds);
    await load.stop();
    return { lists, segments, dropped, size };
  });
  /** @param {'lists' | 'segments' | 'dropped'} which */
  const ratio = (which) =>
    spread(all.values(mediad.name, (one) => one[which].perSecond)).median /
    spread(all.values(nginx.name, (one) => one[which].perSecond)).median;
  /** @param {number[]} values */
  const middle = (values) => short(spread(values).median);
  return {
    title: 'HTTP: requests for a playlist and a segment of a live stream, 50 connections',
    head: [
      'server',
      'playlists/s',
      'µs CPU each',
      'p99 ms',
      'server and wrk busy %',
      'segments/s',
      'µs CPU each',
      'p99 ms',
      'server and wrk busy %',
      'dropped: segments/s',
      'µs CPU each',
      'server and fetch busy %',
      'segment kB',
    ],
    rows: [...all.results].map(([name, results]) => {
      /** @param {'lists' | 'segments' | 'dropped'} which */
      const busy = (which) =>
        `${middle(results.map((one) => 100 * one[which].busy))}, ${middle(results.map((one) => 100 * one[which].loadBusy))}`;
      return [
        name,
        show(results.map((one) => one.lists.perSecond)),
        middle(results.map((one) => one.lists.cpu)),
        middle(results.map((one) => one.lists.p99)),
        busy('lists'),
        show(results.map((one) => one.segments.perSecond)),
        middle(results.map((one) => one.segments.cpu)),
        middle(results.map((one) => one.segments.p99)),
        busy('segments'),
        show(results.map((one) => one.dropped.perSecond)),
        middle(results.map((one) => one.dropped.cpu)),
        busy('dropped'),
        middle(results.map((one) => one.size / 1000)),
      ];
    }),
    notes: [
      ...all.notes,
      `segments that the client's kernel drops: ${short(ratio('dropped'))} x nginx's; where wrk is as busy as one processor, its reading is the limit`,
    ],
    measured: { 'http-playlist': ratio('lists'), 'http-segment': ratio('segments') },
  };
}
