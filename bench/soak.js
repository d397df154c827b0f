/* Churn and reloads for as many minutes as the argument says; prints how memory and descriptors develop.
   Ends with 1 when a steady player had a gap, was lost, or memory grows by more than 1 MB per minute. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { play, publish } from './load.js';
import { cpuSeconds, descriptors, pause, rss } from './processes.js';
import { mediad } from './servers.js';
import { short } from './table.js';

const minutes = Number(process.argv[2] ?? 20);
if (!(minutes > 0)) {
  console.log('npm run soak [-- minutes]');
  process.exit(2);
}
const STEADY = 5;
const RELOAD_EVERY = 30_000;
const SAMPLE_EVERY = 5000;
const MOST_SLOPE = 1;
const length = minutes * 60_000;
/** Memory is judged after this: 5 minutes, or a quarter of a short run. */
const warm = Math.min(5 * 60_000, length / 4);

/** Numbers that are the same in each run. */
function seeded(seed = 1) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/**
 * The slope of the least-squares line through points.
 * @param {readonly (readonly [number, number])[]} points
 */
function slope(points) {
  const mean = (/** @type {0 | 1} */ axis) =>
    points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

const random = seeded();
const server = await mediad.start({ merge: 'auto', hls: true });
await pause(1000);
const atStart = { rss: rss(server.process.pid), descriptors: descriptors(server.process.pid) };
const seconds = minutes * 60 + 60;
const publishers = await publish(server, { count: STEADY, seconds });
const witnesses = ['flv', 'rtmp'].map((kind) =>
  play(server, {
    kind: /** @type {'flv' | 'rtmp'} */ (kind),
    count: 20,
    streams: STEADY,
    ramp: 20,
    seconds: 10,
    windows: 1e6,
  }),
);
await Promise.all(witnesses.map((one) => one.event('ready', 20)));

const began = performance.now();
const elapsed = () => performance.now() - began;
let over = false;
let reloads = 0;
let visits = 0;
/** @type {[number, number][]} minutes and MB */
const samples = [];

/** Publishers and players that come and go, some in mid-stream, some that never read. */
async function churn() {
  for (let first = 1000; !over; first += 10) {
    const count = 1 + random(5);
    const stay = 2 + random(6);
    const short = await publish(server, { count, first, seconds: stay, size: 'small' });
    const addresses = { flv: server.flv?.map(named), rtmp: server.rtmp?.map(named) };
    /** @param {string} text */
    function named(text) {
      return text.replace('s%d', `s${first}`);
    }
    const guests = play(
      {
        ...server,
        ...(addresses.flv ? { flv: addresses.flv } : {}),
        ...(addresses.rtmp ? { rtmp: addresses.rtmp } : {}),
      },
      {
        kind: random(2) ? 'flv' : 'rtmp',
        count: 1 + random(30),
        stall: random(4),
        warm: 0.5,
        seconds: random(8),
      },
    );
    visits += count;
    await Promise.all([short.ended, guests.ended]);
  }
}

/** Edits the configuration: a setting of the application, and an application and a location that come and go. */
async function edits() {
  const path = join(server.folder, 'media.conf');
  const plain = readFileSync(path, 'utf8');
  while (!over) {
    await until(Math.min(length, (reloads + 1) * RELOAD_EVERY));
    if (over || elapsed() >= length) return;
    const odd = reloads % 2 === 0;
    const text = plain
      .replace('live on;', odd ? 'live on; gop_cache off;' : 'live on;')
      .replace(
        'application live',
        odd ? 'application extra { live on; }\n    application live' : 'application live',
      )
      .replace('location /hls', odd ? 'location /extra { return 204; }\n    location /hls' : 'location /hls');
    writeFileSync(path, text);
    server.process.child.kill('SIGHUP');
    reloads++;
  }
}

/** @param {number} time ms from the beginning */
async function until(time) {
  while (!over && elapsed() < time) await pause(Math.min(500, Math.max(1, time - elapsed())));
}

async function sampling() {
  for (let next = SAMPLE_EVERY; !over; next += SAMPLE_EVERY) {
    await until(next);
    if (over) return;
    const memory = rss(server.process.pid);
    samples.push([elapsed() / 60_000, memory]);
    if (samples.length % 6 === 0) {
      const state = `${short(memory)} MB, ${descriptors(server.process.pid)} descriptors, ${reloads} reloads, ${visits} visits`;
      console.log(`${short(elapsed() / 60_000)} min: ${state}`);
    }
  }
}

const tasks = Promise.all([churn(), edits(), sampling()]);
await Promise.race([until(length), tasks, server.process.ended]);
const died = server.process.child.exitCode !== null || server.process.child.signalCode !== null;
over = true;
await tasks.catch((error) => console.log(`churn: ${error.message}`));
const cpu = cpuSeconds(server.process.pid);
const windows = witnesses.flatMap((one) => one.events.filter((event) => event.event === 'window'));
const gaps = windows.reduce((sum, one) => sum + one.gaps, 0);
const longest = Math.max(0, ...windows.map((one) => one.max_gap));
const lost = windows.reduce((most, one) => Math.max(most, one.lost + one.refused + one.bad), 0);
await Promise.all([...witnesses, publishers].map((one) => one.stop()));
await pause(3000);
const growth = slope(samples.filter(([at]) => at * 60_000 >= warm));
const atEnd = { rss: rss(server.process.pid), descriptors: descriptors(server.process.pid) };
console.log(`
${short(minutes)} minutes, ${reloads} reloads, ${visits} publishers came and went, ${short(cpu)} s of CPU
memory       ${short(atStart.rss)} MB at the start, ${short(Math.max(...samples.map(([, mb]) => mb)))} at most, ${short(atEnd.rss)} at the end
slope        ${short(growth)} MB per minute after the first ${short(warm / 60_000)} minutes
descriptors  ${atStart.descriptors} at the start, ${atEnd.descriptors} with everybody gone
witnesses    ${gaps} gaps above 1 s, the longest ${short(longest)} ms; ${lost} lost, refused or out of sync`);
if (died) console.log(`mediad ended by itself:\n${server.process.log()}`);
await server.process.stop();
process.exit(died || gaps > 0 || lost > 0 || growth > MOST_SLOPE ? 1 : 0);
