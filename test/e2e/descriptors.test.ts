import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cpuOf, descriptorsOf, holds, type Prey, pause } from '../hostile/prey.ts';
import { Witness } from '../hostile/witness.ts';
import { connectTo } from '../rtmp/client.ts';
import { start, until } from './children.ts';
import { makePlace, plainConf, ROOT } from './harness.ts';

const LIMIT = 256;
const CLIENTS = 1500;
/** What is kept for other things than clients, the server's own descriptors included. */
const RESERVE = 64;
/** CPU time that a server at its limit may use in five seconds, apart from what its streams take. */
const MOST_CPU_SECONDS = 1.5;

describe('without descriptors to spare', () => {
  test('the server lives on, does not spin, and takes clients again once it can', async () => {
    const place = await makePlace();
    writeFileSync(place.conf, plainConf(place));
    const program = join(ROOT, 'bin/mediad.js');
    const server = await start('bash', [
      '-c',
      `ulimit -n ${LIMIT}; exec "$0" "$@"`,
      ...[process.execPath, program, '-c', place.conf],
    ]);
    await until('mediad is ready', () => server.output().includes('ready') || !server.running);
    const { rtmp, http } = place;
    const flv = (stream: string): string => `/live?port=${rtmp}&app=live&stream=${stream}`;
    const prey: Prey = { name: 'mediad', pid: server.pid, rtmp, http, flv };
    const witness = await Witness.start(prey);
    const base = descriptorsOf(prey);

    const clients: Socket[] = [];
    for (let i = 0; i < CLIENTS; i += 1) {
      const client = connect(i % 2 === 0 ? rtmp : http, '127.0.0.1');
      client.on('error', () => undefined);
      clients.push(client);
      if (i % 100 === 0) await pause(5);
    }
    await until('the server has all the clients it can have', () => descriptorsOf(prey) >= LIMIT - RESERVE);
    const before = cpuOf(prey);
    await pause(5000);
    expect(cpuOf(prey) - before).toBeLessThan(MOST_CPU_SECONDS);
    expect(server.running).toBe(true);
    expect(await witness.problems()).toEqual([]);
    expect(descriptorsOf(prey)).toBeLessThan(LIMIT - RESERVE / 4);
    const told = server
      .output()
      .split('\n')
      .filter((line) => /"level":"(?:error|warn)"/.test(line));
    expect(told).toEqual([expect.stringContaining('no room for more connections')]);

    for (const client of clients) client.destroy();
    expect(await holds(() => descriptorsOf(prey) <= base + 3, 5000)).toBe(true);
    const again = await connectTo(rtmp, 'live');
    await again.publish('afterwards');
    again.destroy();
    expect((await fetch(`http://127.0.0.1:${http}${flv('witness')}`, { method: 'HEAD' })).status).toBe(200);
    expect(await witness.problems()).toEqual([]);
    witness.stop();
    expect((await server.stop()).code).toBe(0);
  });
});
