import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { need, program } from './prepare.js';
import { killAll, pins } from './processes.js';
import { goalTable, load, save, write } from './report.js';
import { delay, fanoutFlv, fanoutRtmp, many, tlsFlv } from './scenarios/fan-out.js';
import { hlsWrite, http } from './scenarios/http.js';
import { join } from './scenarios/join.js';
import { asyncio, publishers } from './scenarios/publishers.js';
import { reload } from './scenarios/reload.js';
import { stalled } from './scenarios/stalled.js';
import { start } from './scenarios/start.js';
import { workers } from './scenarios/workers.js';
import { table } from './table.js';

/** @type {Record<string, (effort: import('./contest.js').Effort) => Promise<import('./contest.js').Found>>} */
const scenarios = {
  start,
  join,
  'fanout-flv': fanoutFlv,
  'fanout-rtmp': fanoutRtmp,
  delay,
  publishers,
  'hls-write': hlsWrite,
  http,
  reload,
  stalled,
  many,
  'tls-flv': tlsFlv,
  workers,
  asyncio,
};

const usage = `npm run bench [-- name …] [-- --rounds 3] [--seconds 3] [--scale 1] [--write]

  --rounds N    how often each server is measured, in turn
  --seconds S   how long each measurement lasts
  --scale F     of the numbers of players and publishers (0.05: a trial that leaves the machine alone)
  --minutes M   after which no further scenario begins (10)
  --pin         the server on one processor, players and publishers on the others
  --write       puts the latest results into docs/performance.md

names: ${Object.keys(scenarios).join(' ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '10' },
    pin: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const unknown = positionals.filter((name) => !(name in scenarios));
if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `unknown: ${unknown.join(' ')}\n\n${usage}` : usage);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const effort = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  scale: Number(values.scale),
  tell: (/** @type {string} */ text) => process.stderr.write(`  ${text}\n`),
};
for (const name of /** @type {const} */ (['players', 'publisher', 'fetch', 'floor'])) program(name);
if (values.pin && availableParallelism() > 1) {
  need('taskset', 'Debian: util-linux');
  Object.assign(pins, { server: '0', load: `1-${availableParallelism() - 1}` });
}
const until = performance.now() + Number(values.minutes) * 60_000;
const results = load();
const names = positionals.length > 0 ? positionals : Object.keys(scenarios);
for (const name of names) {
  const scenario = scenarios[name];
  if (!scenario) continue;
  if (performance.now() > until) {
    console.log(`\n${name}: not begun, the time is up`);
    continue;
  }
  const began = performance.now();
  process.stderr.write(`\n${name}\n`);
  try {
    const found = await scenario(effort);
    const taken = (performance.now() - began) / 1000;
    console.log(`\n## ${name}: ${found.title} (${Math.round(taken)} s)\n\n${table(found.head, found.rows)}`);
    for (const note of found.notes) console.log(`- ${note}`);
    const { title, head, rows, measured, notes } = found;
    results[name] = { title, head, rows, measured, notes, effort: { ...effort, tell: undefined } };
    // A trial at a smaller scale says nothing about the goals.
    if (effort.scale === 1) save(results);
  } catch (error) {
    console.log(`\n## ${name}: failed\n\n${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  } finally {
    killAll();
  }
}
if (effort.scale === 1) console.log(`\n${goalTable(results, names)}`);
else console.log('\na trial: it says nothing about the goals');
if (values.write) {
  if (effort.scale !== 1) console.log('\nnot written: only runs at full scale are');
  else write(results);
}
process.exit();
