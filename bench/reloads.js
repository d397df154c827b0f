#!/usr/bin/env node
/**
 * Reloads a server with random configurations, broken ones among them, under publishers, players and newcomers, and
 * compares what it is then with a fresh start on the last file.
 *
 *   node bench/reloads.js [--reloads 100] [--publishers 50] [--players 200] [--visits 50] [--seed 1] [--rest 500]
 *
 * `visits` are new connections a second, `rest` the ms between two reloads. Exit code 1 where anything went wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './bundle.js';
import { root } from './prepare.js';
import { freePort, pause, rss, start } from './processes.js';

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '100' },
    publishers: { type: 'string', default: '50' },
    players: { type: 'string', default: '200' },
    visits: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    rest: { type: 'string', default: '500' },
  },
});
const plan = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
const { runReloads } = await importSource('test/reloads/run.ts');
const folder = mkdtempSync(join(tmpdir(), 'mediad-reloads-'));
const ports = [];
while (ports.length < 9) ports.push(await freePort());
let most = 0;

const site = {
  folder,
  ports,
  /** @param {string} file */
  async start(file) {
    const server = start(process.execPath, [join(root, 'bin/mediad.js'), '-c', file], {
      cwd: folder,
      role: 'server',
    });
    const sampling = setInterval(() => {
      if (server.child.exitCode === null) most = Math.max(most, rss(server.pid));
    }, 1000);
    const end = performance.now() + 10_000;
    while (!(await fetch(`http://127.0.0.1:${ports[1]}/ok`).catch(() => null))?.ok) {
      if (performance.now() > end) throw new Error(`mediad did not start: ${server.log()}`);
      await pause(50);
    }
    return {
      pid: server.pid,
      async stop() {
        clearInterval(sampling);
        await server.stop();
      },
    };
  },
};

try {
  const result = await runReloads(plan, site);
  console.log(`
seed ${values.seed}: ${result.applied} reloads applied, ${result.refused} refused, the longest ${Math.round(result.slowest)} ms
${plan.publishers} publishers, ${plan.players} players: ${result.frames} frames, ${result.lost} lost
${result.visits} newcomers in ${result.seconds.toFixed(0)} s, ${result.problems.filter((one) => one.startsWith('a newcomer')).length} not served
memory at most ${Math.round(most)} MB; ${result.problems.length} problems`);
  for (const problem of result.problems) console.log(`- ${problem}`);
  process.exitCode = result.problems.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
