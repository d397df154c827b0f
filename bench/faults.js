#!/usr/bin/env node
/**
 * Lets faults happen to a server under load, and prints what became of it, with the most memory it has had.
 *
 *   node bench/faults.js [--kills 50] [--seed 1] [--players 200] [--minutes 1] [WORD]
 *
 * `minutes` are for disks that fail and peers that are dead; WORD: only faults whose name holds it. Exit code 1 where
 * anything went wrong.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importSource } from './bundle.js';
import { root } from './prepare.js';
import { freePort, listening, pause, peakMemory, start } from './processes.js';

const { values, positionals } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    players: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const ms = Number(values.minutes) * 60_000;
const { runKills } = await importSource('test/faults/kills.ts');
const { runDiskFull } = await importSource('test/faults/disks.ts');
const { runTerm, runLogsRemoved } = await importSource('test/faults/ends.ts');
const { runClockJumps } = await importSource('test/faults/clocks.ts');
const { runDeadPeers } = await importSource('test/faults/relays.ts');

/** @type {[string, (scene: unknown) => Promise<{ problems: string[], figures: Record<string, string> }>][]} */
const faults = [
  ['kill -9', (scene) => runKills(scene, Number(values.kills), Number(values.seed))],
  ['disk', (scene) => runDiskFull(scene, ms)],
  ['TERM under load', (scene) => runTerm(scene, Number(values.players))],
  ['logs removed', runLogsRemoved],
  ['clock', runClockJumps],
  ['dead peers', (scene) => runDeadPeers(scene, ms)],
];

/** How often memory is looked at while a server ends, ms. */
const WATCH_MS = 10;

let failed = 0;
for (const [name, run] of faults.filter(([one]) => one.includes(positionals[0] ?? ''))) {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-faults-'));
  try {
    const scene = await sceneIn(folder);
    const { problems, figures } = await run(scene);
    failed += problems.length;
    console.log(`\n${name}: ${problems.length === 0 ? 'survived' : `${problems.length} problems`}`);
    for (const [what, figure] of Object.entries(figures)) console.log(`  ${what}: ${figure}`);
    console.log(`  memory peak: ${Math.round(scene.peak())} MB`);
    for (const problem of problems) console.log(`  - ${problem}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(failed === 0 ? 0 : 1);

/** @param {string} folder */
async function sceneIn(folder) {
  const [rtmp, http, file] = [await freePort(), await freePort(), join(folder, 'media.conf')];
  let peak = 0;
  return {
    folder,
    rtmp,
    http,
    /** The most resident memory that any server here has had, MB. */
    peak: () => peak,
    /**
     * @param {string} text
     * @param {string[]} nodeOptions
     */
    async start(text, nodeOptions = []) {
      writeFileSync(file, text);
      const server = start(process.execPath, [...nodeOptions, join(root, 'bin/mediad.js'), '-c', file], {
        cwd: folder,
        role: 'server',
      });
      await listening(server, [rtmp, http]);
      while (readPid(folder) !== server.pid) await pause(5);
      const look = () => {
        peak = Math.max(peak, peakMemory(server.pid));
      };
      const watch = async (/** @type {() => unknown} */ end) => {
        look();
        const watching = setInterval(look, WATCH_MS);
        await end();
        await server.ended;
        clearInterval(watching);
      };
      return {
        pid: server.pid,
        log: server.log,
        stop: () => watch(() => server.stop()),
        /** @param {NodeJS.Signals} signal */
        async end(signal) {
          const began = performance.now();
          await watch(() => server.child.kill(signal));
          return { code: server.child.exitCode, ms: performance.now() - began };
        },
      };
    },
  };
}

/** @param {string} folder */
function readPid(folder) {
  try {
    return Number(readFileSync(join(folder, 'logs/mediad.pid'), 'utf8'));
  } catch {
    return 0;
  }
}
