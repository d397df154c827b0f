import { readFileSync, rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { atMost, contest, scaled } from '../contest.js';
import { measured, publish } from '../load.js';
import { cache } from '../prepare.js';
import { installed, pause, start } from '../processes.js';
import { floor, mediad, nginx, nms } from '../servers.js';
import { show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/** Joins that are traced: enough to see every one of them, few enough to leave the run short. */
const TRACED = 20;

/**
 * The sizes of the first write to each connection, in the order in which they were accepted, from what strace has seen.
 * @param {string} trace
 */
function firstWrites(trace) {
  /** @type {Map<string, string>} */
  const unfinished = new Map();
  /** @type {Map<string, number>} the places of connections whose first write is to come */
  const open = new Map();
  /** @type {number[]} */
  const sizes = [];
  for (const line of trace.split('\n')) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? ['', '', line];
    if (text.endsWith('<unfinished ...>')) {
      unfinished.set(thread, text.slice(0, -'<unfinished ...>'.length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const whole = resumed ? `${unfinished.get(thread) ?? ''}${resumed[1]}` : text;
    const result = Number(/= (-?\d+)(?:<[\d.]+>| [A-Z(].*)?\s*$/.exec(whole)?.[1]);
    const [, call = '', descriptor = ''] = /^(\w+)\((\d+)/.exec(whole) ?? [];
    if (call.startsWith('accept') && result >= 0) open.set(`${result}`, sizes.push(0) - 1);
    const place = call.startsWith('accept') ? undefined : open.get(descriptor);
    if (place === undefined || !(result > 0)) continue;
    sizes[place] = result;
    open.delete(descriptor);
  }
  return sizes;
}

/**
 * How many of 100 players had their first key frame in the first write to them, as the system calls tell; a read says
 * little, since it may come between two packets of one write. Undefined where calls cannot be traced.
 * @param {import('../servers.js').Running} server
 */
async function inOneWrite(server) {
  if (!installed('strace')) return undefined;
  const file = joinPath(cache, `${process.pid}-join.trace`);
  const calls = 'trace=accept,accept4,write,writev,sendto,sendmsg';
  const trace = start('strace', ['-f', '-e', calls, '-s', '0', '-o', file, '-p', `${server.process.pid}`]);
  try {
    for (let tries = 0; !isTraced(server.process.pid); tries++) {
      if (tries === 100) return undefined;
      await pause(20);
    }
    const { end } = await measured(server, { kind: 'flv', count: TRACED, ramp: 40, warm: 2.2, seconds: 0.2 });
    await trace.stop();
    const sizes = firstWrites(readFileSync(file, 'utf8'));
    const met = end.key_at.filter(
      (/** @type {number} */ at, /** @type {number} */ i) => at > 0 && at <= (sizes[i] ?? 0),
    );
    return (100 * met.length) / TRACED;
  } finally {
    await trace.stop();
    rmSync(file, { force: true });
  }
}

/** @param {number} pid */
function isTraced(pid) {
  return !/TracerPid:\s+0\b/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
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
    // By itself: tracing makes every call dear.
    const written = kind === 'flv' ? await inOneWrite(server) : undefined;
    await load.stop();
    return { ...end, written: written ?? Number.NaN };
  });
  /** @param {any} end */
  const together = (end) => (100 * end.together) / end.first_byte.count;
  return {
    title: `Join: ${count} players, 40 per second (ms from the request, or from RTMP’s play)`,
    head: [
      'server',
      'first byte p50',
      'p99',
      'first key frame p50',
      'p99',
      'in one read %',
      'in one write %',
    ],
    rows: [...all.results].map(([name, results]) => [
      name,
      show(results.map((one) => one.first_byte.p50)),
      show(results.map((one) => one.first_byte.p99)),
      show(results.map((one) => one.first_key.p50)),
      show(results.map((one) => one.first_key.p99)),
      show(results.map(together)),
      show(results.map((one) => one.written)),
    ]),
    notes: [
      ...all.notes,
      'in one write: the first write to a player’s connection held the header and the whole of the first key frame (HTTP-FLV)',
    ],
    measured: {
      'join-byte': spread(all.values('mediad, HTTP-FLV', (one) => one.first_byte.p50)).median,
      'join-key': spread(all.values('mediad, HTTP-FLV', (one) => one.written)).median,
    },
  };
}
