import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RelayStatus } from '../../../src/core/applications/relays.ts';
import type { PublishRequest } from '../../../src/core/applications/request.ts';
import { DATA } from '../../../src/media/packet.ts';
import { until } from '../../e2e/children.ts';
import { freePorts } from '../../e2e/harness.ts';
import { LocalClient, Player, Publisher, TestServer } from './servers.ts';

/** A server with one live application. */
function rtmp(port: number, app: string, inside = ''): string {
  return `server { listen 127.0.0.1:${port}; application ${app} { live on; ${inside} } }`;
}

function consecutive(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1);
}

async function ports(count: number): Promise<string[]> {
  return (await freePorts(count)).map(String);
}

function url(port: string, path: string): string {
  return `rtmp://127.0.0.1:${port}/${path}`;
}

function only(relays: readonly RelayStatus[]): RelayStatus {
  expect(relays).toHaveLength(1);
  return relays[0]!;
}

describe('push to another server', () => {
  test('a stream arrives whole, metadata and all', async () => {
    const [a, b] = (await ports(2)) as [string, string];
    await TestServer.start(rtmp(Number(b), 'copy'));
    const source = await TestServer.start(rtmp(Number(a), 'live', `push ${url(b, 'copy')};`));
    const player = new Player(url(b, 'copy/show'));
    const publisher = await Publisher.start(`${url(a, 'live/show')}?secret=1`);
    publisher.run();
    await until('frames arrive', () => player.frames.length > 50);
    expect(consecutive(player.frames)).toBe(true);
    expect(player.received.some(({ kind, body }) => kind === DATA && body.includes('onMetaData'))).toBe(true);
    const relay = only(source.relays('live'));
    expect(relay).toMatchObject({
      direction: 'push',
      stream: 'show',
      state: 'live',
      local: false,
      attempts: 1,
    });
    expect(relay.lastError).toBe('');
    expect(relay.bytes).toBeGreaterThan(10_000);
    publisher.stop();
    await until('the push ends with its publisher', () => source.relays('live').length === 0);
  });

  test.each(['unix', 'IPv6'])('a peer is reached over %s', async (kind) => {
    const [a, b] = (await ports(2)) as [string, string];
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const socket = join(folder, 'rtmp.sock');
    const [listen, to] =
      kind === 'unix' ? [`unix:${socket}`, `unix:${socket}:`] : [`[::1]:${b}`, `[::1]:${b}`];
    const target = await TestServer.start(`server { listen ${listen}; application copy { live on; } }`);
    const source = await TestServer.start(rtmp(Number(a), 'live', `push rtmp://${to}/copy;`));
    (await Publisher.start(url(a, 'live/show'))).run();
    const { streams } = target.application('copy');
    await until('frames arrive', () => (streams.get('show')?.counters.videoPackets ?? 0) > 20);
    expect(only(source.relays('live'))).toMatchObject({ url: `rtmp://${to}/copy/show`, local: false });
  });

  test('what comes over a unix socket is played and no more, as between workers of nginx: no pushes, callbacks, recordings, programs', async () => {
    const [a, b, c, nobody] = (await ports(4)) as [string, string, string, string];
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const socket = join(folder, 'rtmp.sock');
    const further = await TestServer.start(rtmp(Number(c), 'further'));
    const target = await TestServer.start(
      `server { listen unix:${socket}; listen 127.0.0.1:${b}; application copy {
        live on; deny publish all; push rtmp://127.0.0.1:${c}/further; record all; record_path ${folder};
        on_publish http://127.0.0.1:${nobody}/; exec_push sleep 100; exec_publish touch ${folder}/published; } }`,
    );
    const source = await TestServer.start(rtmp(Number(a), 'live', `push rtmp://unix:${socket}:/copy;`));
    (await Publisher.start(url(a, 'live/show'))).run();
    const player = new Player(url(b, 'copy/show'));
    await until('it is played', () => player.frames.length > 20);
    expect(target.relays('copy')).toEqual([]);
    expect(target.runtime.hub.execs.list()).toEqual([]);
    expect(further.application('further').streams.size).toBe(0);
    expect(readdirSync(folder)).toEqual(['rtmp.sock']);
    expect(only(source.relays('live')).state).toBe('live');
  });

  test('of three targets one goes and returns; the others have no gap; a fourth comes by a reload', async () => {
    const [a, ...targets] = (await ports(5)) as [string, string, string, string, string];
    const conf = (count: number): string =>
      rtmp(
        Number(a),
        'live',
        `push_reconnect 200ms; ${targets
          .slice(0, count)
          .map((port) => `push ${url(port, 'copy')};`)
          .join(' ')}`,
      );
    const servers = await Promise.all(targets.map((port) => TestServer.start(rtmp(Number(port), 'copy'))));
    const source = await TestServer.start(conf(3));
    const players = targets.map((port) => new Player(url(port, 'copy/show')));
    const publisher = await Publisher.start(url(a, 'live/show'));
    publisher.run();
    await until('three get it', () => players.slice(0, 3).every(({ frames }) => frames.length > 20));
    const state = (port: string): RelayStatus =>
      source.relays('live').find((relay) => relay.url.includes(`:${port}/`))!;
    await servers[1]!.stop();
    await until('one is down', () => state(targets[1]).state === 'waiting' || state(targets[1]).attempts > 1);
    expect(state(targets[1]).lastError).not.toBe('');
    await servers[1]!.restart();
    await until('it is back', () => state(targets[1]).state === 'live' && state(targets[1]).attempts > 1);
    const report = await source.load(conf(4));
    expect(report.entries).toContainEqual(
      expect.objectContaining({ kind: 'service', outcome: 'updated', changed: ['push'] }),
    );
    await until('the fourth gets it', () => players[3]!.frames.length > 20);
    expect([0, 2, 3].map((index) => state(targets[index]!).attempts)).toEqual([1, 1, 1]);
    await source.load(conf(3));
    await until('the fourth is let go', () => source.relays('live').length === 3);
    const seen = players[0]!.frames.length;
    await until('the rest go on', () => players[0]!.frames.length > seen + 20);
    for (const index of [0, 2]) expect(consecutive(players[index]!.frames)).toBe(true);
    expect([0, 2].map((index) => state(targets[index]!).attempts)).toEqual([1, 1]);
  });

  test('a refusal is told in the words of the peer, and does not disturb others', async () => {
    const [a, b, c] = (await ports(3)) as [string, string, string];
    await TestServer.start(rtmp(Number(b), 'copy'));
    await TestServer.start(rtmp(Number(c), 'copy'));
    const source = await TestServer.start(
      rtmp(Number(a), 'live', `push ${url(b, 'copy')}; push ${url(c, 'copy')}; push ${url(c, 'none')};`),
    );
    (await Publisher.start(url(b, 'copy/show'))).run();
    (await Publisher.start(url(a, 'live/show'))).run();
    const relay = (port: string, app: string): RelayStatus =>
      source.relays('live').find((one) => one.url.includes(`${port}/${app}/`))!;
    await until('both are refused', () => {
      const relays = source.relays('live');
      return relays.length === 3 && relays.every(({ state }) => state !== 'connecting');
    });
    expect(relay(b, 'copy').lastError).toBe(
      'refused by the peer: NetStream.Publish.BadName: Already publishing',
    );
    expect(relay(c, 'none').lastError).toContain('NetConnection.Connect.Rejected');
    expect(relay(c, 'copy')).toMatchObject({ state: 'live', lastError: '' });
  });

  test('names, variables, arguments and gates choose targets; keys are masked', async () => {
    const [a, b] = (await ports(2)) as [string, string];
    const target = await TestServer.start(rtmp(Number(b), 'copy'));
    const source = await TestServer.start(
      rtmp(
        Number(a),
        'live',
        `push ${url(b, 'copy/$name_low')} name=show;
         push ${url(b, 'copy/other')} name=elsewhere;
         push ${url(b, 'copy/args?$args')};
         push ${url(b, 'copy')} playPath=path;
         push_arg mirror ${url(b, 'copy/$value')};`,
      ),
    );
    source.application('live').gates.add(99, (request) => {
      if (request.action === 'publish') request.targets = [url(b, 'copy/bygate')];
    });
    const added = source.application('live').relays.want({
      direction: 'push',
      stream: 'show',
      url: url(b, 'copy/wanted'),
    });
    const requests: PublishRequest[] = [];
    target.application('copy').gates.add(99, (request) => {
      if (request.action === 'publish') requests.push(request);
    });
    (
      await Publisher.start(`${url(a, 'live/show')}?mirror=a%2Dsecret-key-of-somebody&mirror_backup=1&x=2`)
    ).run();
    await until('all are live', () => {
      const relays = source.relays('live');
      return relays.length === 6 && relays.every(({ state }) => state === 'live');
    });
    expect(requests.map(({ name, args }) => `${name}?${args}`).sort()).toEqual([
      'a-secret-key-of-somebody?backup=1',
      'args?mirror=a%2Dsecret-key-of-somebody&mirror_backup=1&x=2',
      'bygate?',
      'path?',
      'show_low?',
      'wanted?',
    ]);
    expect(requests[0]!.client.flashver).toBe('LNX.11,1,102,55');
    expect(requests[0]!.client.tcurl).toBe(url(b, 'copy'));
    const told = JSON.stringify([source.relays('live'), source.messages('push started')]);
    expect(told).not.toContain('secret-key');
    expect(told).toContain('/copy/a-se***');
    added();
    await until('what is no longer wanted ends', () => source.relays('live').length === 5);
  });
});

describe('push inside the process', () => {
  test('takes no socket, and passes the gates as from 127.0.0.1', async () => {
    const [a] = (await ports(1)) as [string];
    const server = await TestServer.start(
      `server { listen 127.0.0.1:${a};
         application live { live on; push ${url(a, 'second/$name?k=v')}; }
         application second { live on; push rtmp://localhost:${a}/third; }
         application third { live on; } }`,
    );
    const requests: PublishRequest[] = [];
    server.application('second').gates.add(99, (request) => {
      if (request.action === 'publish') requests.push(request);
    });
    const player = new Player(url(a, 'third/show'));
    const publisher = await Publisher.start(url(a, 'live/show'));
    publisher.run();
    await until('frames arrive', () => player.frames.length > 50);
    expect(consecutive(player.frames)).toBe(true);
    expect(player.received.some(({ kind, body }) => kind === DATA && body.includes('onMetaData'))).toBe(true);
    expect(only(server.relays('live'))).toMatchObject({ local: true, state: 'live' });
    expect(only(server.relays('second'))).toMatchObject({ local: true, state: 'live' });
    expect(requests).toMatchObject([
      { name: 'show', args: 'k=v', type: 'live', client: { address: '127.0.0.1', origin: 'client' } },
    ]);
    expect(server.connections).toBe(2);
    publisher.stop();
    await until('all ends', () => server.relays('live').length + server.relays('second').length === 0);
    expect(server.application('third').streams.get('show')?.live).toBe(false);
  });

  test('a refusal there is tried again, and a dismissal ends it', async () => {
    const [a] = (await ports(1)) as [string];
    const server = await TestServer.start(
      `server { listen 127.0.0.1:${a};
         application live { live on; push_reconnect 100ms; push ${url(a, 'second')}; }
         application second { live on; } }`,
    );
    const first = await Publisher.start(url(a, 'second/show'));
    first.run();
    (await Publisher.start(url(a, 'live/show'))).run();
    await until('it is refused', () => server.relays('live')[0]?.state === 'waiting');
    expect(only(server.relays('live')).lastError).toBe('Already publishing');
    first.stop();
    await until('it is let in', () => server.relays('live')[0]?.state === 'live');
    const second = server.application('second');
    const publication = second.publicationOf(second.streams.get('show')!)!;
    publication.request.dismiss('kicked');
    await until('it is out', () => server.relays('live')[0]?.lastError === 'kicked');
    await until('it is back', () => server.relays('live')[0]?.state === 'live');
  });
});

describe('circles', () => {
  test('a push to itself is refused and not tried again', async () => {
    const [a] = (await ports(1)) as [string];
    const server = await TestServer.start(rtmp(Number(a), 'live', `push rtmp://localhost:${a}/live;`));
    (await Publisher.start(url(a, 'live/show'))).run();
    await until('it is refused', () => server.relays('live')[0]?.state === 'refused');
    expect(only(server.relays('live'))).toMatchObject({
      attempts: 1,
      retryAt: 0,
      lastError: 'relay loop: the stream would be pushed to itself',
    });
    expect(server.messages('push refused')).toHaveLength(1);
  });

  test.each(['reject', 'takeover'])(
    'a ring of two servers is refused (publish_conflict %s)',
    async (conflict) => {
      const [a, b] = (await ports(2)) as [string, string];
      const first = await TestServer.start(
        rtmp(Number(a), 'live', `publish_conflict ${conflict}; push ${url(b, 'live')};`),
      );
      const second = await TestServer.start(
        rtmp(Number(b), 'live', `publish_conflict ${conflict}; push ${url(a, 'live')};`),
      );
      const publisher = await Publisher.start(url(a, 'live/show'));
      publisher.run();
      const player = new Player(url(b, 'live/show'));
      await until('the way back is refused', () => second.relays('live')[0]?.state === 'waiting');
      expect(only(second.relays('live')).lastError).toContain('relay loop: the stream comes from here');
      expect(second.messages('push failed, it is tried again')[0]).toMatchObject({
        reason: expect.stringContaining('relay loop'),
      });
      await until('the way there works', () => player.frames.length > 20);
      expect(consecutive(player.frames)).toBe(true);
      expect(only(first.relays('live'))).toMatchObject({ state: 'live', attempts: 1 });
    },
  );

  test('a ring of applications in one process is refused', async () => {
    const [a] = (await ports(1)) as [string];
    const server = await TestServer.start(
      `server { listen 127.0.0.1:${a};
         application one { live on; push ${url(a, 'two')}; }
         application two { live on; push ${url(a, 'one')}; } }`,
    );
    (await Publisher.start(url(a, 'one/show'))).run();
    await until('the way back is refused', () => server.relays('two')[0]?.state === 'waiting');
    expect(only(server.relays('two')).lastError).toBe('relay loop: the stream comes from here');
    expect(only(server.relays('one')).state).toBe('live');
  });
});

describe('session_relay', () => {
  test.each([
    ['on', 1],
    ['off', 2],
  ])('%s: a stream closed and begun again on one connection', async (setting, connections) => {
    const [a, b] = (await ports(2)) as [string, string];
    const target = await TestServer.start(rtmp(Number(b), 'copy'));
    const source = await TestServer.start(
      rtmp(Number(a), 'live', `session_relay ${setting}; push ${url(b, 'copy')};`),
    );
    let publishes = 0;
    target.application('copy').gates.add(99, ({ action }) => {
      if (action === 'publish') publishes += 1;
    });
    const player = new Player(url(b, 'copy/show'));
    const rounds = (): number => player.frames.filter((frame) => frame === 29).length;
    const client = await LocalClient.connect(source, 'live');
    const first = await client.publish('show');
    await until('it is pushed', () => rounds() === 1);
    first.close();
    await client.publish('show');
    await until('it is pushed again', () => rounds() === 2);
    expect(publishes).toBe(connections);
    client.disconnect();
    await until('it ends with the connection', () => source.relays('live').length === 0);
  });
});
