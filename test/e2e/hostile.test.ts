import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attack, attacks, type Rest, restOf } from '../hostile/attacks.ts';
import { MODULES, type Prey } from '../hostile/prey.ts';
import { Witness } from '../hostile/witness.ts';
import { type Mediad, plainConf, startMediad } from './harness.ts';

describe('hostile clients', () => {
  let server: Mediad;
  let prey: Prey;
  let witness: Witness;
  let rest: Rest;

  beforeAll(async () => {
    server = await startMediad((place) =>
      plainConf(
        place,
        `hls_playlist_length 6s; } ${MODULES.rtmp} application other { live on;`,
        MODULES.http,
      ),
    );
    const { rtmp, http } = server.place;
    const flv = (stream: string): string => `/live?port=${rtmp}&app=live&stream=${stream}`;
    prey = { name: 'mediad', pid: server.pid, rtmp, http, modules: true, flv };
    witness = await Witness.start(prey);
    rest = restOf(prey);
  });

  afterAll(async () => {
    witness.stop();
    await server.stop();
  });

  test.each(attacks.map((group) => [group.name, group] as const))('%s', async (_, group) => {
    expect(await attack(group, prey, witness, rest)).toEqual([]);
  });

  test('the server noticed no fault of its own', () => {
    expect(server.log()).not.toMatch(/unexpected error|a request failed|internal error|at .*\.js:\d+/);
  });

  test('nothing was written where it does not belong, and no line of the log was forged', () => {
    expect(readdirSync(server.place.directory).sort()).toEqual(['hls', 'logs', 'media.conf', 'rec']);
    expect(existsSync('/tmp/mediad-escape')).toBe(false);
    const names = ['hls', 'rec'].flatMap((folder) =>
      readdirSync(server.place.path(folder), { recursive: true, encoding: 'utf8' }),
    );
    expect(names.filter((name) => name.endsWith('.flv')).length).toBeGreaterThan(20);
    expect(names.filter((name) => /[\0-\x1f\\]|(^|\/)\.\./.test(name))).toEqual([]);
    expect(server.log()).not.toMatch(/^X-Injected|\x1b\[31mred|\0/m);
  });
});
