/* Publishes and unpublishes as many times as the argument says, with a program that forks and ignores TERM; then kills the
   server. Prints how many processes there were and how many are left; ends with 1 where any is. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from './processes.js';

const rounds = Number(process.argv[2] ?? 100);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'mediad-rounds-'));
const pids = join(folder, 'pids');
const program = join(folder, 'stubborn');
writeFileSync(
  program,
  `#!/bin/sh
trap "" TERM
sh -c 'trap "" TERM; echo $$ >>${pids}; while :; do sleep 1000; done' &
echo $$ >>${pids}
while :; do sleep 1000; done
`,
);
chmodSync(program, 0o755);
const port = await freePort();
const conf = join(folder, 'media.conf');
writeFileSync(
  conf,
  `error_log error.log info;
rtmp { server { listen 127.0.0.1:${port}; exec_kill_timeout 200ms;
  application live { live on; exec ${program} $name; } } }`,
);
const server = spawn(process.execPath, [join(root, 'bin/mediad.js'), '-c', conf], { stdio: 'inherit' });
/** @type {import('node:child_process').ChildProcess | undefined} */
let publisher;
let left = Number.POSITIVE_INFINITY;
try {
  left = await run();
} finally {
  server.kill('SIGKILL');
  publisher?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(left === 0 ? 0 : 1);

/** Gives how many processes are left. */
async function run() {
  await until('the server is ready', () => log().includes('ready'));
  for (let round = 1; round <= rounds; round += 1) {
    await publish(round);
    publisher?.kill('SIGKILL');
    await until(`round ${round} is over`, () => log().split('publish ended').length === round + 1);
  }
  await until('all are gone', allGone, 5000).catch(() => undefined);
  const afterRounds = noted().filter(runs).length;
  console.log(`${rounds} rounds, ${noted().length} processes: ${afterRounds} left`);

  await publish(rounds + 1);
  const killed = performance.now();
  server.kill('SIGKILL');
  await until('all are gone', allGone, 5000).catch(() => undefined);
  const afterKill = noted().filter(runs).length;
  console.log(`after kill -9 of the server: ${afterKill} left, ${Math.round(performance.now() - killed)} ms`);
  return afterRounds + afterKill;
}

/** Until the program of the round runs with both its processes. */
async function publish(/** @type {number} */ round) {
  const source = '-v error -re -f lavfi -i testsrc=size=64x36:rate=5 -c:v flv -f flv'.split(' ');
  publisher = spawn('ffmpeg', [...source, `rtmp://127.0.0.1:${port}/live/cam`], { stdio: 'ignore' });
  await until(`round ${round} runs`, () => noted().length === 2 * round);
}

function allGone() {
  return !noted().some(runs);
}

function log() {
  const file = join(folder, 'error.log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The processes that the programs have noted. */
function noted() {
  return existsSync(pids) ? readFileSync(pids, 'utf8').split('\n').slice(0, -1).map(Number) : [];
}

function runs(/** @type {number} */ pid) {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/**
 * @param {string} what
 * @param {() => boolean} condition
 */
async function until(what, condition, limit = 15_000) {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(20);
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(free));
    });
  });
}
