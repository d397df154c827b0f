import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeHosts } from '../../src/cli/hosts.ts';
import type { Host } from '../../src/core/host.ts';
import type { Runtime } from '../../src/core/runtime.ts';
import { outcomeLines } from '../../src/daemon/outcome.ts';
import { Primary } from '../../src/daemon/primary.ts';
import { Worker } from '../../src/daemon/worker.ts';
import type { StartWorker, ToWorker, WorkerEvents } from '../../src/daemon/worker-process.ts';
import { Daemon } from '../../src/daemon.ts';
import { VIDEO } from '../../src/media/packet.ts';
import { modules } from '../../src/modules/index.ts';
import { connectTo } from '../rtmp/client.ts';
import { freePort, Site } from './fakes.ts';

/** A worker that runs in this process and can be killed. */
interface FakeWorker {
  readonly index: number;
  readonly runtime: Runtime;
  readonly steps: string[];
  /** Awaited by its next preparations. */
  gate: () => Promise<void>;
  alive(): boolean;
  kill(): void;
}

function denied(): Error {
  return Object.assign(new Error('EACCES: x'), { code: 'EACCES', path: '/x', syscall: 'open' });
}

const publishes = ({ hub }: Runtime): boolean =>
  [...hub.applications()].some(({ publications }) => [...publications].length > 0);

/** The RTMP host of a worker, whose preparations wait for its gate and are noted. */
function watched(host: Host, worker: FakeWorker): Host {
  return {
    check: (tree) => host.check(tree),
    listens: (tree) => host.listens(tree),
    accept: (socket, listen, peer) => host.accept(socket, listen, peer),
    drain: () => host.drain(),
    close: () => host.close(),
    async prepare(tree) {
      worker.steps.push('prepare');
      await worker.gate();
      const { plan, commit, undo } = await host.prepare(tree);
      const note =
        <T extends readonly unknown[], R>(step: string, work: (...given: T) => R) =>
        (...given: T): R => {
          worker.steps.push(step);
          return work(...given);
        };
      return { plan, commit: note('commit', commit), undo: note('undo', undo) };
    },
  };
}

const conf = (ports: readonly number[], rest = '', count = 2): string => `
worker_processes ${count};
rtmp_socket_dir .;
rtmp { server { ${ports.map((port) => `listen 127.0.0.1:${port};`).join(' ')} ${rest} } }`;

/** A primary whose workers are objects of this process; connections stay here. */
async function startPrimary(
  site: Site,
  fails: (index: number) => 'start' | 'prepare' | undefined = () => undefined,
) {
  const workers: FakeWorker[] = [];
  const start: StartWorker = (index, events: WorkerEvents) => {
    let alive = true;
    if (fails(index) === 'start') setImmediate(() => end('exit code 1'));
    const end = (how: string): void => {
      if (!alive) return;
      alive = false;
      setImmediate(() => events.ended(how));
    };
    const worker = new Worker({
      index,
      sources: modules,
      hosts: (runtime) => {
        const { rtmp, http } = makeHosts(runtime);
        const gate = async (): Promise<void> => {
          if (fails(index) === 'prepare') throw denied();
        };
        const one = { index, runtime, steps: [], gate, alive: () => alive, kill: () => end('SIGKILL') };
        workers.push(one);
        return { rtmp: watched(rtmp, one), http };
      },
      send: (message) => {
        const copy = structuredClone(message);
        setImmediate(() => alive && events.message(copy));
      },
      ended: () => end('exit code 0'),
    });
    return {
      pid: 1000 + index,
      send: (letter) => {
        const message: ToWorker = { letter: structuredClone(letter) };
        setImmediate(() => alive && worker.receive(message, undefined));
      },
      hand: ({ socket, door }) => {
        if (!alive) return false;
        setImmediate(() => worker.receive({ door: structuredClone(door) }, socket));
        return true;
      },
      kill: () => end('SIGKILL'),
    };
  };
  const config = { file: site.file, sources: modules };
  const daemon = await Daemon.start({
    config,
    hosts: () => expect.unreachable(),
    version: '0',
    carrier: (_, { logger }) => new Primary({ config, start }, logger),
  });
  onTestFinished(() => daemon.stop());
  return { daemon, workers };
}

const applications = ({ runtime }: FakeWorker): readonly string[] =>
  [...runtime.hub.applications()].map(({ name }) => name);

describe('a primary', () => {
  test('gives all workers one configuration, and a reload another', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }', 3));
    const { daemon, workers } = await startPrimary(site);
    expect(workers.map(applications)).toEqual([['live'], ['live'], ['live']]);
    site.write(conf([port], 'application cam { live on; }', 3));
    const planned = await daemon.plan();
    expect(outcomeLines(planned).join('\n')).toContain(`+ application rtmp:${port}/cam`);
    expect(workers.map(applications)).toEqual([['live'], ['live'], ['live']]);
    expect((await daemon.reload('test')).kind).toBe('applied');
    expect(workers.map(applications)).toEqual([['cam'], ['cam'], ['cam']]);
    expect(await daemon.status()).toMatchObject({ workers: [{ worker: 1 }, { worker: 2 }, { worker: 3 }] });
  });

  test('undoes a reload everywhere that fails in one', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const { daemon, workers } = await startPrimary(site);
    workers[1]!.gate = () => Promise.reject(denied());
    site.write(conf([port], 'application cam { live on; }'));
    const outcome = await daemon.reload('test');
    expect(outcomeLines(outcome)[0]).toContain('open() "/x" failed (13: Permission denied)');
    expect(workers.map(applications)).toEqual([['live'], ['live']]);
    expect(workers[0]!.steps).toEqual(['prepare', 'commit', 'prepare', 'undo']);
    workers[1]!.gate = () => Promise.resolve();
    expect((await daemon.reload('again')).kind).toBe('applied');
    expect(workers.map(applications)).toEqual([['cam'], ['cam']]);
  });

  test('undoes it in all workers where an address cannot be had', async () => {
    const [port, busy] = [await freePort(), createServer()];
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void busy.close());
    const site = new Site(conf([port], 'application live { live on; }'));
    const { daemon, workers } = await startPrimary(site);
    const taken = (busy.address() as { port: number }).port;
    site.write(conf([port, taken], 'application cam { live on; }'));
    expect((await daemon.reload('test')).kind).toBe('refused');
    expect(workers.map(applications)).toEqual([['live'], ['live']]);
    expect(daemon.addresses).toEqual([`127.0.0.1:${port}`]);
  });

  test('starts a worker again that died, also during a reload, with what runs by then', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const { daemon, workers } = await startPrimary(site);
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    workers[1]!.gate = () => gate;
    site.write(conf([port], 'application cam { live on; }'));
    const reload = daemon.reload('test');
    await expect.poll(() => workers[1]!.steps.length).toBe(3);
    workers[1]!.kill();
    expect((await reload).kind).toBe('applied');
    go();
    await expect.poll(() => workers.length).toBe(3);
    await expect.poll(() => applications(workers[2]!)).toEqual(['cam']);
    expect(workers[2]!.index).toBe(workers[1]!.index);
    await expect.poll(() => readFileSync(site.log, 'utf8')).toContain('a worker serves again');
  });

  test('tells a worker that is started again what became of reloads', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const { daemon, workers } = await startPrimary(site);
    site.write(conf([port], 'application cam { live on; }'));
    expect((await daemon.reload('test')).kind).toBe('applied');
    site.write(conf([port], 'application cam { live onn; }'));
    expect((await daemon.reload('again')).kind).toBe('refused');
    const [first, second] = workers.map(({ runtime }) => runtime.reloads);
    for (const one of [first!, second!]) await expect.poll(() => one.refused).toBe(1);
    const before = Date.now();
    workers[1]!.kill();
    await expect.poll(() => readFileSync(site.log, 'utf8')).toContain('a worker serves again');
    const { appliedAt, ...rest } = workers[2]!.runtime.reloads.history;
    expect(rest).toEqual({ applied: 1, refused: 1, succeeded: false, last: first!.last });
    expect(rest.last).toMatchObject({ outcome: 'refused' });
    expect(appliedAt).toBeLessThan(before);
  });

  test('has a publisher return through another worker before its first one has read that it left', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const { workers } = await startPrimary(site);
    const owner = (): number => workers.findIndex(({ runtime }) => publishes(runtime));
    const first = await connectTo(port, 'live');
    await first.publish('cam');
    // With nobody to wait for it, what comes now is all that is read for a while.
    first.push(VIDEO, 0, Buffer.from('1700000000014d401f', 'hex'));
    const second = await connectTo(port, 'live');
    const before = owner();
    first.destroy();
    await second.publish('cam');
    expect([before, owner()].sort()).toEqual([0, 1]);
    second.destroy();
    await expect.poll(owner).toBe(-1);
  });

  test('is served by as many workers as a reload asks for', async () => {
    const port = await freePort();
    const text = (count: number, name = 'live'): string =>
      conf([port], `application ${name} { live on; }`, count);
    const site = new Site(text(2));
    const { daemon, workers } = await startPrimary(site);
    const reload = async (count: number): Promise<string> => {
      site.write(text(count));
      return outcomeLines(await daemon.reload('test')).join('\n');
    };
    const members = async (): Promise<unknown> => {
      const { workers: all } = (await daemon.status()) as {
        workers: readonly { worker: number; retiring?: boolean }[];
      };
      return all.map(({ worker, retiring }) => (retiring === true ? -worker : worker));
    };
    site.write(text(3));
    const planned = outcomeLines(await daemon.plan()).join('\n');
    expect(planned).toContain('worker_processes: 2 → 3');
    expect(planned).toContain('+ worker 3');
    expect(workers).toHaveLength(2);
    expect(await reload(3)).toContain('+1 worker (3)');
    expect(workers.map(applications)).toEqual([['live'], ['live'], ['live']]);
    expect(workers.map(({ runtime }) => runtime.workers.count)).toEqual([3, 3, 3]);
    expect(await reload(3)).toContain('configuration is unchanged');

    const player = await connectTo(port, 'live');
    const other = await connectTo(port, 'live');
    const third = await connectTo(port, 'live');
    await third.publish('cam');
    const owner = workers.find(({ runtime }) => publishes(runtime))!;
    const gone = workers.filter((worker) => worker.index > 1 && worker !== owner);
    expect(await reload(1)).toMatch(
      /-2 workers \(2, when its 1 connection has gone, 3, when its 1 connection/,
    );
    expect(await members()).toEqual([1, -2, -3]);
    expect(publishes(owner.runtime)).toBe(true);
    // Newcomers come to the one that is left.
    const before = workers[0]!.runtime.hub.traffic.byProtocol();
    expect(Object.fromEntries(before)['rtmp']?.open).toBe(1);
    const later = [await connectTo(port, 'live'), await connectTo(port, 'live')];
    expect(Object.fromEntries(workers[0]!.runtime.hub.traffic.byProtocol())['rtmp']?.open).toBe(3);

    expect(await reload(2)).toContain('+1 worker (2, taken back with its 1 connection)');
    expect(await members()).toEqual([1, 2, -3]);
    for (const one of [player, other, third, ...later]) one.destroy();
    await expect.poll(members).toEqual([1, 2]);
    expect(gone.length + 1).toBe(owner.index > 1 ? 2 : 3);
    await expect.poll(() => workers[0]!.runtime.workers.count).toBe(2);
    expect(await reload(3)).toContain('+1 worker (3)');
    expect(workers.map(({ index }) => index)).toEqual([1, 2, 3, 3]);
  });

  test('sends away whom a retiring worker still has when the time that is written is over', async () => {
    const port = await freePort();
    const text = (count: number): string =>
      `worker_shutdown_timeout 500ms; ${conf([port], 'application live { live on; }', count)}`;
    const site = new Site(text(2));
    const { daemon } = await startPrimary(site);
    const clients = [await connectTo(port, 'live'), await connectTo(port, 'live')];
    site.write(text(1));
    const outcome = outcomeLines(await daemon.reload('test')).join('\n');
    expect(outcome).toContain('-1 worker (2, when its 1 connection has gone, or after 0.5 s)');
    const open = (): number => clients.filter(({ socket }) => !socket.closed).length;
    expect(open()).toBe(2);
    await expect.poll(open).toBe(1);
    await expect.poll(() => readFileSync(site.log, 'utf8')).toContain('a worker has retired');
  });

  test('does not start a retiring worker again that dies', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const { daemon, workers } = await startPrimary(site);
    const clients = [await connectTo(port, 'live'), await connectTo(port, 'live')];
    site.write(conf([port], 'application live { live on; }', 1));
    expect((await daemon.reload('test')).kind).toBe('applied');
    workers[1]!.kill();
    await expect.poll(() => readFileSync(site.log, 'utf8')).toContain('that was retiring has ended');
    expect(await daemon.status()).toMatchObject({ workers: [{ worker: 1 }] });
    for (const client of clients) client.destroy();
    site.write(conf([port], 'application live { live on; }', 2));
    expect((await daemon.reload('test')).kind).toBe('applied');
    expect(workers).toHaveLength(3);
  });

  test('keeps its workers where another one cannot start or take the configuration', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live on; }'));
    const fails: { at: 'start' | 'prepare' | undefined } = { at: 'start' };
    const { daemon, workers } = await startPrimary(site, (index) => (index > 2 ? fails.at : undefined));
    const text = conf([port], 'application cam { live on; }', 4);
    site.write(text);
    const refused = outcomeLines(await daemon.reload('test')).join('\n');
    expect(refused).toContain('worker 3 ended at its start');
    expect(refused).toContain('reload refused');
    fails.at = 'prepare';
    expect(outcomeLines(await daemon.reload('test')).join('\n')).toContain('Permission denied');
    const alive = workers.filter(({ alive }) => alive());
    expect(alive.map(applications)).toEqual([['live'], ['live']]);
    expect(alive.map(({ runtime }) => runtime.workers.count)).toEqual([2, 2]);
    fails.at = undefined;
    expect((await daemon.reload('test')).kind).toBe('applied');
    const served = workers.filter(({ alive }) => alive());
    expect(served.map(applications)).toEqual([['cam'], ['cam'], ['cam'], ['cam']]);
  });

  test('leaves nothing behind', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon } = await startPrimary(site);
    const folders = (): readonly string[] =>
      readdirSync(site.root).filter((name) => name.startsWith('mediad-'));
    expect(folders()).toHaveLength(1);
    await daemon.stop();
    expect(folders()).toEqual([]);
    expect(existsSync(site.pid)).toBe(false);
  });
});
