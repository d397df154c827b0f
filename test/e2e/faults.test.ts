import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runClockJumps } from '../faults/clocks.ts';
import { runDiskFull } from '../faults/disks.ts';
import { runLogsRemoved, runTerm } from '../faults/ends.ts';
import type { Outcome, Scene } from '../faults/fault.ts';
import { runKills } from '../faults/kills.ts';
import { runDeadPeers } from '../faults/relays.ts';
import { start, until } from './children.ts';
import { isOpen, makePlace, PROGRAM } from './harness.ts';

const faults: readonly (readonly [name: string, run: (scene: Scene) => Promise<Outcome>])[] = [
  [
    'kill -9 at random moments: it starts again, numbers go on, nothing half written is served',
    (scene) => runKills(scene, 20, 1),
  ],
  ['a disk that is full or read-only: players go on, files come back', (scene) => runDiskFull(scene, 3000)],
  ['TERM under load: every answer ends whole, nothing is left', (scene) => runTerm(scene, 20)],
  ['logs that are removed', runLogsRemoved],
  ['a clock that jumps by hours', runClockJumps],
  ['peers that are dead: few attempts, no sockets pile up', (scene) => runDeadPeers(scene, 6000)],
];

test.each(faults)('%s', async (_, run) => {
  expect((await run(await scene())).problems).toEqual([]);
});

async function scene(): Promise<Scene> {
  const { directory, rtmp, http, conf } = await makePlace();
  return {
    folder: directory,
    rtmp,
    http,
    async start(text, nodeOptions = []) {
      writeFileSync(conf, text);
      const child = await start(process.execPath, [...nodeOptions, PROGRAM, '-c', conf], { cwd: directory });
      await until('it takes connections', async () => {
        if (!child.running) throw new Error(child.output());
        return (await isOpen(rtmp)) && (await isOpen(http)) && readPid(directory) === child.pid;
      });
      return {
        pid: child.pid,
        log: () => child.output(),
        stop: async () => void (await child.stop()),
        async end(signal) {
          const began = performance.now();
          const { code } = await child.stop(signal);
          return { code, ms: performance.now() - began };
        },
      };
    },
  };
}

function readPid(folder: string): number {
  try {
    return Number(readFileSync(`${folder}/logs/mediad.pid`, 'utf8'));
  } catch {
    return 0;
  }
}
