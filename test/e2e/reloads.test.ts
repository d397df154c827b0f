import { expect, test } from 'vitest';
import { runReloads, type Site } from '../reloads/run.ts';
import { start, until } from './children.ts';
import { freePorts, makePlace, PROGRAM } from './harness.ts';

const PLAN = { reloads: 15, publishers: 4, players: 12, visits: 20, rest: 300 };

test.each([1, 2])(
  'random reloads, seed %i: nobody is refused or loses a byte, and a fresh start is no different',
  async (seed) => {
    const place = await makePlace();
    const site: Site = {
      folder: place.directory,
      ports: await freePorts(9),
      async start(file) {
        const child = await start(process.execPath, [PROGRAM, '-c', file], { cwd: place.directory });
        await until('ready', async () => {
          if (!child.running) throw new Error(child.output());
          return (await fetch(`http://127.0.0.1:${site.ports[1]}/ok`).catch(() => null))?.ok;
        });
        return {
          pid: child.pid,
          async stop() {
            const { code } = await child.stop();
            if (code !== 0) throw new Error(`mediad ended with ${code}:\n${child.output()}`);
          },
        };
      },
    };
    const { problems, applied, refused, frames, visits } = await runReloads({ seed, ...PLAN }, site);
    expect(problems).toEqual([]);
    expect(applied + refused).toBe(PLAN.reloads);
    expect(frames).toBeGreaterThan(PLAN.players * 30);
    expect(visits).toBeGreaterThan(50);
  },
  120_000,
);
