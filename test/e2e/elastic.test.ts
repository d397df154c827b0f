import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../../src/daemon/pid-file.ts';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { until } from './children.ts';
import { agree, bodies, conf, mediad, ownerOf, play, publish, type WorkerStatus, workersOf } from './crew.ts';
import { type Mediad, makePlace } from './harness.ts';
import { type Player, playFlv, untilReceived } from './players.ts';

const MORE = 'location /stat { rtmp_stat all; rtmp_stat_format json; }';

interface Statistics {
  readonly 'http-flv': { readonly workers?: { readonly count: number; readonly answered: number } };
}

/** Saves another number of workers and waits until it is applied. */
async function change(server: Mediad, count: number): Promise<string> {
  const { code, output } = await server.reload(conf(count, 'gop_cache on;', '', MORE)(server.place));
  expect(code, output).toBe(0);
  return output;
}

const named = async (server: Mediad): Promise<readonly number[]> =>
  (await workersOf(server)).map(({ worker, retiring }) => (retiring === true ? -worker : worker));

/** How many clients of the stream one answer of the statistics counts, and in how many workers. */
async function counted(
  server: Mediad,
): Promise<{ clients: number; workers: number | undefined; answered: number | undefined }> {
  const text = await (await fetch(server.httpUrl('/stat'), { headers: { Connection: 'close' } })).text();
  const { workers } = (JSON.parse(text) as Statistics)['http-flv'];
  return {
    clients: Number(/"nclients":(\d+),"publishing":true/.exec(text)?.[1]),
    workers: workers?.count,
    answered: workers?.answered,
  };
}

/** What statistics count from the start on, all workers together. */
async function totals(server: Mediad): Promise<{ accepted: number; bytes: number }> {
  const text = await (await fetch(server.httpUrl('/stat'), { headers: { Connection: 'close' } })).text();
  const [, accepted] = /"naccepted":(\d+)/.exec(text)!;
  const [, bytes] = /"bytes_in":(\d+)/.exec(text)!;
  return { accepted: Number(accepted), bytes: Number(bytes) };
}

describe('the number of workers', () => {
  test('changes under a publisher and its players, who do not lose a frame', async () => {
    const server = await mediad(conf(2, 'gop_cache on;', '', MORE));
    await publish(server);
    const all: Player[] = [...(await play(server, 2))];
    const expectFigures = async (): Promise<void> => {
      const status = await workersOf(server);
      const clients = all.length + 1;
      expect(status.reduce((sum, one) => sum + one.viewers + one.publishers, 0)).toBe(clients);
      // Connections go to the workers in turn.
      for (let at = 0; at < status.length; at += 1) {
        const { clients: told, ...workers } = await counted(server);
        expect(told).toBe(clients);
        expect(workers).toEqual(
          status.length === 1
            ? { workers: undefined, answered: undefined }
            : { workers: status.length, answered: status.length },
        );
      }
    };
    expect(await change(server, 3)).toContain('+1 worker (3)');
    expect(await named(server)).toEqual([1, 2, 3]);
    all.push(...(await play(server, 3)));
    await expectFigures();

    const before = await workersOf(server);
    expect(await change(server, 1)).toMatch(
      /-2 workers \(2, when its \d+ connections? ha(s|ve) gone, 3, when/,
    );
    expect(await named(server)).toEqual([1, -2, -3]);
    const late = playFlv(server.httpUrl('/live/cam.flv'), { bodies: true });
    await untilReceived(late, 20);
    const after = await workersOf(server);
    expect(after.slice(1).map(({ viewers }) => viewers)).toEqual(
      before.slice(1).map(({ viewers }) => viewers),
    );
    expect(after[0]!.viewers).toBe(before[0]!.viewers + 1);
    all.push(late);
    await expectFigures();

    expect(await change(server, 2)).toContain('+1 worker (2, taken back with its');
    expect(await named(server)).toEqual([1, 2, -3]);
    await expectFigures();
    const ends = all.map(({ received }) => received.length);
    for (const [at, player] of all.entries()) await untilReceived(player, ends[at]! + 60);
    expect(all.filter(({ ended }) => ended !== undefined)).toEqual([]);
    const [first, ...others] = all;
    for (const other of others) {
      expect(agree(bodies(first!, VIDEO), bodies(other, VIDEO))).toBe(true);
      expect(agree(bodies(first!, AUDIO), bodies(other, AUDIO))).toBe(true);
    }
    for (const player of all) player.close();
    const third = after[2]!;
    if ((await ownerOf(server)).worker !== 3) {
      await until('the third worker ends by itself', () => !isAlive(third.pid), 20_000);
      expect(await named(server)).toEqual([1, 2]);
    }
  }, 90_000);

  test('goes back to what a retiring owner has until its publisher leaves, recording and HLS included', async () => {
    const place = await makePlace();
    const application = `hls on; hls_path ${place.path('hls')}; hls_fragment 1s; hls_playlist_length 3s; recorder all { record all; record_path ${place.directory}; record_suffix .flv; }`;
    const text = (count: number): string => conf(count, application, '', MORE)(place);
    const server = await mediad(() => text(3), place);
    let publisher = await publish(server);
    // The owner has to be one that retires.
    while ((await ownerOf(server)).worker === 1) {
      await publisher.stop();
      await until('it has left', async () => (await workersOf(server)).every((one) => one.publishers === 0));
      publisher = await publish(server);
    }
    const owner = await ownerOf(server);
    expect((await server.reload(text(1))).code).toBe(0);
    const player = playFlv(server.httpUrl('/live/cam.flv'), { bodies: true });
    await untilReceived(player, 150);
    const playlist = (): string => readFileSync(place.path('hls/cam.m3u8'), 'utf8');
    const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist())?.[1]);
    await until(
      'segments go on',
      async () => Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist())?.[1]) > sequence,
      20_000,
    );
    expect(await ownerOf(server)).toMatchObject({ worker: owner.worker, retiring: true });
    player.close();
    await publisher.stop();
    const before = await totals(server);
    await until('it ends', () => !isAlive(owner.pid), 20_000);
    expect(await named(server)).toEqual([1]);
    const after = await totals(server);
    expect(after.accepted).toBe(before.accepted);
    expect(after.bytes).toBeGreaterThanOrEqual(before.bytes);
    expect(before.bytes).toBeGreaterThan(100_000);
    expect(server.log()).toContain('a worker has retired');
    expect(server.log()).not.toContain('started again');
  }, 90_000);

  test('stays where a reload is refused', async () => {
    const server = await mediad(conf(2));
    const status = await workersOf(server);
    const pids = (all: readonly WorkerStatus[]): readonly number[] => all.map(({ pid }) => pid);
    for (const count of [1, 4]) {
      const bad = conf(count, 'gop_cache onn;')(server.place);
      const { code, output } = await server.reload(bad);
      expect(output).toContain('reload refused');
      expect(code).toBe(1);
    }
    const unfit = conf(3)(server.place).replace(
      'listen 127.0.0.1',
      `listen 192.0.2.1:${server.place.spare[0]}; listen 127.0.0.1`,
    );
    expect((await server.reload(unfit)).output).toContain('reload refused');
    expect(pids(await workersOf(server))).toEqual(pids(status));
    expect(await named(server)).toEqual([1, 2]);
  }, 60_000);

  test('a retiring worker that is killed is gone, and is made anew when it is wanted', async () => {
    const server = await mediad(conf(3, 'gop_cache on;', '', MORE));
    await publish(server);
    await play(server, 3, 2);
    await change(server, 1);
    const owner = await ownerOf(server);
    const victim = (await workersOf(server)).find((one) => one.worker > 1 && one.worker !== owner.worker)!;
    process.kill(victim.pid, 'SIGKILL');
    const left = [1, 2, 3].filter((worker) => worker !== victim.worker);
    await until('it is gone', async () => (await workersOf(server)).length === 2);
    expect((await workersOf(server)).map(({ worker }) => worker)).toEqual(left);
    expect(server.log()).toContain('a worker that was retiring has ended');
    expect(server.log()).not.toContain('it is started again');
    await change(server, 3);
    expect(await named(server)).toEqual([1, 2, 3]);
    const again = await play(server, 3, 1);
    for (const player of again) await untilReceived(player, 60);
  }, 90_000);
});
