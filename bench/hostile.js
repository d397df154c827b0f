#!/usr/bin/env node
/**
 * Attacks servers over sockets while a publisher and players who have nothing to do with it watch that they lose nothing.
 *
 *   node bench/hostile.js [--target mediad|nginx|nms|all] [--seed N] [--workers N] [WORD]
 *
 * WORD: only groups whose name holds it; workers: processes that serve, of mediad.
 *
 * Exit code 1 where mediad fails any; what other servers fail is printed for comparison.
 */
import { parseArgs } from 'node:util';
import { importSource } from './bundle.js';
import { Missing } from './prepare.js';
import { mediad, nginx, nms } from './servers.js';

const servers = { mediad, nginx, nms };
const { values, positionals } = parseArgs({
  options: {
    target: { type: 'string', default: 'mediad' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const chosen = values.target === 'all' ? Object.keys(servers) : [values.target];
if (chosen.some((name) => !(name in servers))) {
  console.error(
    'usage: node bench/hostile.js [--target mediad|nginx|nms|all] [--seed N] [--workers N] [WORD]',
  );
  process.exit(2);
}

const { hunt } = await importSource('test/hostile/main.ts');
const { MODULES } = await importSource('test/hostile/prey.ts');
const seed = Number(values.seed);
let failed = 0;
for (const name of chosen) {
  const server = servers[/** @type {keyof typeof servers} */ (name)];
  const herd = {
    name: server.name,
    async start() {
      const {
        process: child,
        rtmpPort,
        httpPort,
      } = await server.start({
        hls: name !== 'nms',
        workers: Number(values.workers),
        rtmpMore: MODULES.rtmp,
        httpMore: MODULES.http,
      });
      const paths = {
        mediad: (/** @type {string} */ stream) => `/live?port=${rtmpPort}&app=live&stream=${stream}`,
        nms: (/** @type {string} */ stream) => `/live/${stream}.flv`,
      };
      const flv = name in paths ? paths[/** @type {keyof typeof paths} */ (name)] : null;
      const prey = {
        name: server.name,
        pid: child.pid,
        rtmp: rtmpPort,
        http: httpPort,
        flv,
        anyApplication: name === 'nms',
        modules: name === 'mediad',
        seed,
      };
      return { prey, stop: () => child.stop() };
    },
  };
  try {
    const count = await hunt(herd, positionals[0] ?? '');
    if (name === 'mediad') failed += count;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.log(`\n${server.name}: ${error.message}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
