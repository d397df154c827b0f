import { expect, test } from 'vitest';
import { isAlive } from '../../src/daemon/pid-file.ts';
import { seeded } from '../reloads/variants.ts';
import { type Child, until } from './children.ts';
import { conf, mediad, players, publish, workersOf } from './crew.ts';
import type { Mediad } from './harness.ts';
import { type Player, playFlv, playRtmp, untilReceived } from './players.ts';

const CHURN_MS = 15_000;
const PAUSE_MS = 100;

const text = (workers: number) =>
  conf(workers, 'publish_gap 2s;', '', 'location /stat { rtmp_stat all; rtmp_stat_format json; }');

interface Shown {
  readonly workers: { readonly count: number; readonly answered: number };
  /** Clients of each stream that is published. */
  readonly clients: readonly number[];
}

async function shown(server: Mediad): Promise<Shown> {
  const answer = await (await fetch(server.httpUrl('/stat'), { headers: { Connection: 'close' } })).text();
  const page = JSON.parse(answer) as { 'http-flv': Pick<Shown, 'workers'> };
  const clients = [...answer.matchAll(/"nclients":(\d+),"publishing":true/g)].map(([, count]) =>
    Number(count),
  );
  return { workers: page['http-flv'].workers, clients };
}

test('workers are killed and changed in number while people come and go, and statistics are right afterwards', async () => {
  const random = seeded(7);
  const pick = <T>(all: readonly T[]): T => all[random(all.length)]!;
  const server = await mediad(text(3));
  const streams = new Map<string, Child>();
  let came = 0;
  const come = async (): Promise<void> => {
    came += 1;
    const name = `s${came}`;
    streams.set(name, await publish(server, name));
  };
  /** A publisher whose worker was killed ends, and another one comes in its place. */
  const replace = async (): Promise<void> => {
    for (const [name, child] of streams) if (!child.running) streams.delete(name);
    while (streams.size < 2) await come();
  };
  const playing: Player[] = [];
  const steps: Readonly<Record<string, () => Promise<void>>> = {
    async play() {
      const name = pick([...streams.keys()]);
      const flv = random(2) === 0;
      playing.push(
        flv ? playFlv(server.httpUrl(`/live/${name}.flv`)) : playRtmp(server.rtmpUrl('live', name)),
      );
      players.push(playing.at(-1)!);
    },
    async leave() {
      playing.splice(random(playing.length + 1), 1)[0]?.close();
    },
    async kill() {
      const victim = await until('somebody is there', async () => pick(await workersOf(server)));
      const { pid } = victim;
      process.kill(pid, 'SIGKILL');
      await until('it is gone', () => !isAlive(pid));
    },
    async resize() {
      const { code, output } = await server.reload(text(1 + random(4))(server.place));
      expect(code, output).toBe(0);
    },
    replace,
  };
  await replace();
  const end = performance.now() + CHURN_MS;
  while (performance.now() < end) {
    await steps[pick(['play', 'play', 'play', 'leave', 'kill', 'resize', 'replace'])]!();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  for (const player of playing.splice(0)) player.close();
  await server.reload(text(3)(server.place));
  await until('three workers serve', async () => {
    const all = await workersOf(server);
    return all.length === 3 && all.every(({ viewers }) => viewers === 0);
  });
  await replace();
  await until('gaps are over', async () => (await shown(server)).clients.length === streams.size);
  for (const name of streams.keys()) {
    for (let at = 0; at < 4; at += 1) {
      const player = playFlv(server.httpUrl(`/live/${name}.flv`));
      players.push(player);
      await untilReceived(player, 20);
    }
  }
  for (let at = 0; at < 3; at += 1) {
    const expected = { workers: { count: 3, answered: 3 }, clients: [...streams].map(() => 5) };
    expect(await shown(server)).toEqual(expected);
  }
  expect(server.log()).not.toContain('a letter could not be answered');
  // It stops in order with workers that are retiring, too.
  const pids = (await workersOf(server)).map(({ pid }) => pid);
  expect((await server.reload(text(1)(server.place))).code).toBe(0);
  expect((await workersOf(server)).some(({ retiring }) => retiring === true)).toBe(true);
  await server.stop();
  expect(pids.filter(isAlive)).toEqual([]);
}, 90_000);
