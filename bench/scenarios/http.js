import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { atMost, contest, scaled } from '../contest.js';
import { meterOf, publish } from '../load.js';
import { Missing, need } from '../prepare.js';
import { pause, pins } from '../processes.js';
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
 * Asks for one address over 50 connections that stay open.
 * @param {string} url
 * @param {number} seconds
 */
async function hit(url, seconds) {
  const [command = 'wrk', ...pin] = pins.load ? ['taskset', '-c', pins.load, 'wrk'] : ['wrk'];
  const { stdout } = await run(
    command,
    [...pin, '-t1', '-c50', `-d${Math.max(1, Math.round(seconds))}`, '--latency', url],
    {
      timeout: (seconds + 20) * 1000,
    },
  );
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (bad > 0 || requests === 0) throw new Error(`${url}: ${bad} of ${requests} requests failed`);
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p99: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
  };
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

/**
 * Playlists and segments just made.
 * @param {Effort} effort
 */
export async function http(effort) {
  need('wrk', 'Debian: wrk');
  const contestants = [mediad, nginx].map((server) => ({ name: server.name, server, wish: { hls: true } }));
  const seconds = Math.max(1, effort.seconds / 2);
  const all = await contest(atMost(effort, 2), contestants, async (server) => {
    if (!server.hls) throw new Missing('no HLS');
    const load = await publish(server, { seconds: 60 });
    const list = await playlist(`${server.hls}/s0.m3u8`);
    const size = (await (await fetch(list.segment)).arrayBuffer()).byteLength;
    /** @param {string} url */
    const timed = async (url) => {
      // What a server compiles while it runs, it compiles once.
      await hit(url, 2);
      const meter = meterOf(server);
      const found = await hit(url, seconds);
      return { ...found, cpu: (meter().cpu / found.requests) * 1e6 };
    };
    const lists = await timed(list.url);
    const segments = await timed(list.segment);
    await load.stop();
    return { lists, segments, size };
  });
  /** @param {'lists' | 'segments'} which */
  const ratio = (which) =>
    spread(all.values(mediad.name, (one) => one[which].perSecond)).median /
    spread(all.values(nginx.name, (one) => one[which].perSecond)).median;
  return {
    title: 'HTTP: requests for a playlist and a segment of a live stream, 50 connections',
    head: [
      'server',
      'playlists/s',
      'µs CPU each',
      'p99 ms',
      'segments/s',
      'µs CPU each',
      'p99 ms',
      'segment kB',
    ],
    rows: [...all.results].map(([name, results]) => [
      name,
      show(results.map((one) => one.lists.perSecond)),
      short(spread(results.map((one) => one.lists.cpu)).median),
      short(spread(results.map((one) => one.lists.p99)).median),
      show(results.map((one) => one.segments.perSecond)),
      short(spread(results.map((one) => one.segments.cpu)).median),
      short(spread(results.map((one) => one.segments.p99)).median),
      short(spread(results.map((one) => one.size / 1000)).median),
    ]),
    notes: all.notes,
    measured: { 'http-playlist': ratio('lists'), 'http-segment': ratio('segments') },
  };
}
