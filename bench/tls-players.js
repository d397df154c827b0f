/* Players of HTTP-FLV over TLS: the arguments and JSON lines of bench/native/players.c, as far as they apply. */
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';

const text = /** @type {const} */ ({ type: 'string' });
const { values } = parseArgs({
  strict: false,
  options: {
    port: text,
    name: text,
    count: text,
    streams: text,
    ramp: text,
    warm: text,
    seconds: text,
    parse: text,
  },
});
const number = (/** @type {string} */ name, /** @type {number} */ otherwise) =>
  Number(values[name] ?? otherwise);
const [count, streams, ramp] = [number('count', 1), number('streams', 1), number('ramp', 100)];
const STAMP = Buffer.from('mediad-bench-clk');

/** @type {{ bytes: number, last: number, first: number, asked: number, gaps: number, longest: number }[]} */
const players = [];
/** @type {number[]} */
let delays = [];
let measuring = false;
let began = 0;
let lost = 0;

const wall = () => performance.timeOrigin + performance.now();

/** The time in the first stamp of these bytes, ms; undefined without one. @param {Buffer} bytes */
function stamp(bytes) {
  const at = bytes.indexOf(STAMP);
  if (at < 0 || at + 26 > bytes.length) return undefined;
  let us = 0;
  for (let i = at + 16; i < at + 26; i++) us = us * 128 + ((bytes[i] ?? 0) & 0x7f);
  return us / 1000;
}

/** @param {number} index */
function enter(index) {
  const player = { bytes: 0, last: 0, first: 0, asked: wall(), gaps: 0, longest: 0 };
  players.push(player);
  const path = String(values.name).replace('%d', `${index % streams}`);
  const socket = connect({
    host: '127.0.0.1',
    port: number('port', 443),
    rejectUnauthorized: false,
  });
  socket.on('secureConnect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
  socket.on('data', (bytes) => {
    const now = wall();
    player.first ||= now;
    if (measuring) {
      const gap = now - Math.max(player.last, began);
      player.longest = Math.max(player.longest, gap);
      if (gap > 1000) player.gaps++;
      player.bytes += bytes.length;
      const sent = index % 10 === 0 ? stamp(bytes) : undefined;
      if (sent !== undefined && sent >= began) delays.push(now - sent);
    }
    player.last = now;
  });
  socket.on('error', () => {});
  socket.on('close', () => lost++);
}

/** @param {number[]} values */
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}

const say = (/** @type {object} */ event) => console.log(JSON.stringify(event));

function begin() {
  measuring = true;
  began = wall();
  delays = [];
  for (const player of players) Object.assign(player, { bytes: 0, gaps: 0, longest: 0 });
  say({ event: 'ready' });
  setTimeout(end, number('seconds', 5) * 1000);
}

function end() {
  const bytes = players.map((player) => player.bytes).sort((a, b) => a - b);
  say({
    event: 'window',
    index: 0,
    seconds: (wall() - began) / 1000,
    players: count,
    playing: players.filter((player) => player.bytes > 0).length,
    bytes: bytes.reduce((sum, one) => sum + one, 0),
    least: bytes[0],
    median: bytes[bytes.length >> 1],
    most: bytes.at(-1),
    gaps: players.reduce((sum, player) => sum + player.gaps, 0),
    gapped: players.filter((player) => player.gaps).length,
    max_gap: Math.max(...players.map((player) => player.longest)),
    refused: 0,
    lost,
    bad: 0,
    delay: spread(delays),
    last: spread([]),
  });
  say({
    event: 'end',
    together: 0,
    first_byte: spread(players.filter((player) => player.first).map((player) => player.first - player.asked)),
  });
  process.exit();
}

const start = wall();
const arrivals = setInterval(() => {
  const due = Math.min(count, Math.ceil(((wall() - start) / 1000) * ramp));
  while (players.length < due) enter(players.length);
  if (players.length < count) return;
  clearInterval(arrivals);
  setTimeout(begin, number('warm', 1) * 1000);
}, 10);
setTimeout(
  () => process.exit(3),
  (count / ramp + number('warm', 1) + number('seconds', 5) + 20) * 1000,
).unref();
