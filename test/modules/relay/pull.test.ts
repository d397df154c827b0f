import { describe, expect, test } from 'vitest';
import { Refused } from '../../../src/core/applications/refused.ts';
import type { RelayStatus } from '../../../src/core/applications/relays.ts';
import type { PublishRequest } from '../../../src/core/applications/request.ts';
import { VIDEO } from '../../../src/media/packet.ts';
import { until } from '../../e2e/children.ts';
import { freePorts } from '../../e2e/harness.ts';
import { LocalClient, Player, Publisher, TestServer } from './servers.ts';

function rtmp(port: string, app: string, inside = ''): string {
  return `server { listen 127.0.0.1:${port}; application ${app} { live on; ${inside} } }`;
}

async function ports(count: number): Promise<[string, string, string]> {
  const [a, b, c] = (await freePorts(count)).map(String);
  return [a!, b!, c!];
}

function url(port: string, path: string): string {
  return `rtmp://127.0.0.1:${port}/${path}`;
}

function relay(server: TestServer, app = 'live'): RelayStatus | undefined {
  return server.relays(app)[0];
}

function consecutive(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1);
}

describe('pull on demand', () => {
  test('one connection for all players, from the first to the last', async () => {
    const [a, b] = await ports(2);
    const origin = await TestServer.start(rtmp(b, 'origin'));
    const edge = await TestServer.start(rtmp(a, 'live', `pull ${url(b, 'origin')};`));
    const published: PublishRequest[] = [];
    edge.application('live').gates.add(99, (request) => {
      if (request.action === 'publish') published.push(request);
    });
    (await Publisher.start(url(b, 'origin/show'))).run();
    const first = new Player(url(a, 'live/show'));
    const second = new Player(url(a, 'live/show'));
    await until('both play', () => first.frames.length > 20 && second.frames.length > 20);
    expect(consecutive(first.frames)).toBe(true);
    expect(relay(edge)).toMatchObject({ direction: 'pull', stream: 'show', state: 'live', attempts: 1 });
    expect(relay(edge)!.bytes).toBeGreaterThan(10_000);
    expect(origin.connections).toBe(2);
    const client = { origin: 'relay', address: '127.0.0.1', flashver: 'ngx-local-relay', tcurl: '' };
    expect(published).toMatchObject([{ name: 'show', args: '', type: '', client }]);
    first.stop();
    const seen = second.frames.length;
    await until('the other goes on', () => second.frames.length > seen + 20);
    second.stop();
    await until('the pull ends', () => edge.relays('live').length === 0);
    await until('the origin is left', () => origin.connections === 1);
  });

  test('what a source does not have or refuses is told at once, and leaves nothing', async () => {
    const [a, b, c] = await ports(3);
    await TestServer.start(
      `server { listen 127.0.0.1:${b}; application origin { live on; idle_streams off; } }`,
    );
    const edge = await TestServer.start(
      rtmp(a, 'live', `pull ${url(b, 'origin')} name=absent; pull ${url(c, 'origin')} name=down;`),
    );
    for (const name of ['absent', 'down']) {
      const player = new Player(url(a, `live/${name}`));
      await until('it is refused', () => player.closedBy !== '');
      expect(player.closedBy).toContain('NetStream.Play.StreamNotFound');
      await until('the pull is gone', () => edge.relays('live').length === 0);
    }
    expect(edge.messages('pull failed, it is tried again').map(({ reason }) => reason)).toEqual([
      expect.stringContaining('NetStream.Play.StreamNotFound'),
      expect.stringContaining('ECONNREFUSED'),
    ]);
    const other = new Player(url(a, 'live/other'));
    await until('a name without a source waits as ever', () => {
      const { subscriptions } = edge.application('live');
      return [...subscriptions].some(({ stream }) => stream.name === 'other');
    });
    expect(edge.relays('live')).toEqual([]);
    other.stop();
  });

  test('of several sources the first that has the stream is taken', async () => {
    const [a, b, c] = await ports(3);
    await TestServer.start(rtmp(c, 'origin'));
    (await Publisher.start(url(c, 'origin/show'))).run();
    const edge = await TestServer.start(
      rtmp(a, 'live', `pull ${url(b, 'origin')}; pull ${url(c, 'origin')};`),
    );
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length > 20);
    expect(relay(edge)).toMatchObject({ url: url(c, 'origin/show'), attempts: 2, state: 'live' });
  });

  test('players wait while the source is away, and go on with it', async () => {
    const [a, b] = await ports(2);
    const origin = await TestServer.start(rtmp(b, 'origin'));
    const edge = await TestServer.start(rtmp(a, 'live', `pull_reconnect 100ms; pull ${url(b, 'origin')};`));
    const publisher = await Publisher.start(url(b, 'origin/show'));
    publisher.run();
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length > 20);
    publisher.stop();
    const { streams } = edge.application('live');
    await until('the end is noticed', () => streams.get('show')?.live === false);
    expect(relay(edge)).toMatchObject({ state: 'live', attempts: 1 });
    (await Publisher.start(url(b, 'origin/show'))).run();
    const before = player.frames.length;
    await until('another publisher', () => player.frames.length > before + 20);
    await origin.stop();
    await until('the loss is noticed', () => (relay(edge)?.attempts ?? 0) > 2);
    expect(player.closedBy).toBe('');
    await origin.restart();
    (await Publisher.start(url(b, 'origin/show'))).run();
    const then = player.frames.length;
    await until('the source is back', () => player.frames.length > then + 20);
    const times = player.received.filter(({ kind }) => kind === VIDEO).map(({ time }) => time);
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });

  test('a publisher here wins over the source', async () => {
    const [a, b] = await ports(2);
    const origin = await TestServer.start(rtmp(b, 'origin'));
    const edge = await TestServer.start(rtmp(a, 'live', `pull ${url(b, 'origin')};`));
    const client = await LocalClient.connect(edge, 'live');
    await client.publish('show');
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length === 30 - 25);
    expect(edge.relays('live')).toEqual([]);
    expect(origin.connections).toBe(0);
    client.disconnect();
  });

  test('a gate may name the source, and may refuse what comes from it', async () => {
    const [a, b] = await ports(2);
    await TestServer.start(rtmp(b, 'origin'));
    (await Publisher.start(url(b, 'origin/real'))).run();
    const edge = await TestServer.start(rtmp(a, 'live', 'pull_reconnect 100ms;'));
    let allowed = true;
    edge.application('live').gates.add(99, (request) => {
      if (request.action === 'play') request.source = url(b, 'origin/real');
      else if (!allowed) throw new Refused('denied', 'not this one');
    });
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length > 20);
    allowed = false;
    const other = new Player(url(a, 'live/more'));
    await until('it is not published', () => edge.relays('live')[1]?.lastError === 'not this one');
    expect(other.frames).toEqual([]);
  });

  test('from another application of this process takes no socket, and means the same', async () => {
    const [a] = await ports(1);
    const server = await TestServer.start(
      `server { listen 127.0.0.1:${a}; application origin { live on; deny play 192.0.2.1; }
        application live { live on; pull_reconnect 100ms; pull ${url(a, 'origin?from=here')}/$name?key=1; } }`,
    );
    const asked: string[] = [];
    server.application('origin').gates.add(99, ({ action, name, args, client }) => {
      if (action === 'play')
        asked.push(`${name}?${args} ${client.address} ${client.connectArgs} ${client.origin}`);
    });
    const publisher = await Publisher.start(url(a, 'origin/show'));
    publisher.run();
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length > 20);
    expect(consecutive(player.frames)).toBe(true);
    expect(asked).toEqual(['show?key=1 127.0.0.1 from=here client']);
    expect(server.connections, 'the publisher and the player').toBe(2);
    expect(relay(server)).toMatchObject({ direction: 'pull', state: 'live', local: true, attempts: 1 });
    expect(relay(server)!.bytes).toBeGreaterThan(1000);
    expect([...server.application('origin').subscriptions]).toHaveLength(1);
    publisher.stop();
    await until('the stream ends', () => server.application('live').streams.get('show')?.live === false);
    const seen = player.frames.length;
    (await Publisher.start(url(a, 'origin/show'))).run();
    await until('the player goes on', () => player.frames.length > seen + 20);
    expect(asked).toHaveLength(1);
    player.stop();
    await until('the pull ends', () => server.relays('live').length === 0);
    await until('the source is left', () => [...server.application('origin').subscriptions].length === 0);
  });

  test('from another application of this process that refuses is told at once', async () => {
    const [a] = await ports(1);
    const server = await TestServer.start(
      `server { listen 127.0.0.1:${a}; application origin { live on; idle_streams off; }
        application live { live on; pull ${url(a, 'origin')}; }
        application ring { live on; pull ${url(a, 'gnir')}; } application gnir { live on; pull ${url(a, 'ring')}; } }`,
    );
    for (const path of ['live/absent', 'ring/absent']) {
      const player = new Player(url(a, path));
      await until('it is refused', () => player.closedBy !== '');
      expect(player.closedBy).toContain('NetStream.Play.StreamNotFound');
    }
    await until('nothing is left', () =>
      ['live', 'ring', 'gnir'].every((app) => server.relays(app).length === 0),
    );
    const [first, second] = server.messages('pull failed, it is tried again').map(({ reason }) => reason);
    expect([first, second]).toEqual(['no such stream', expect.stringContaining('relay loop')]);
    expect(server.connections).toBe(0);
  });

  test('a ring of two servers is refused', async () => {
    const [a, b] = await ports(2);
    await TestServer.start(rtmp(a, 'live', `pull ${url(b, 'live')};`));
    const second = await TestServer.start(rtmp(b, 'live', `pull ${url(a, 'live')};`));
    const player = new Player(url(a, 'live/show'));
    await until('it is refused', () => player.closedBy !== '');
    expect(player.closedBy).toContain('NetStream.Play.StreamNotFound');
    expect(second.messages('pull failed, it is tried again')[0]).toMatchObject({
      reason: expect.stringContaining('relay loop'),
    });
  });

  test('a pull from itself is refused', async () => {
    const [a] = await ports(1);
    const server = await TestServer.start(rtmp(a, 'live', `pull ${url(a, 'live')};`));
    const player = new Player(url(a, 'live/show'));
    await until('it is refused', () => player.closedBy !== '');
    expect(server.messages('pull refused')).toHaveLength(1);
    await until('nothing is left', () => server.relays('live').length === 0);
  });
});

describe('static pull', () => {
  test('runs from the start, waits for its source, and changes with a reload', async () => {
    const [a, b, c] = await ports(3);
    const conf = (port: string, more = ''): string =>
      rtmp(a, 'live', `pull_reconnect 100ms; pull ${url(port, 'origin/real')} name=show static; ${more}`);
    const edge = await TestServer.start(conf(b));
    await until('it is tried again', () => (relay(edge)?.attempts ?? 0) > 1);
    const first = await TestServer.start(rtmp(b, 'origin'));
    (await Publisher.start(url(b, 'origin/real'))).run();
    const { streams } = edge.application('live');
    await until('it is there without players', () => (streams.get('show')?.counters.videoPackets ?? 0) > 10);
    const { attempts } = relay(edge)!;
    await edge.load(conf(b, `pull ${url(c, 'origin')} name=other static;`));
    await until('another is added', () => edge.relays('live').length === 2);
    expect(relay(edge)).toMatchObject({ attempts, state: 'live' });
    await TestServer.start(rtmp(c, 'origin'));
    (await Publisher.start(url(c, 'origin/real'))).run();
    const player = new Player(url(a, 'live/show'));
    await until('it plays', () => player.frames.length > 10);
    await edge.load(conf(c));
    await until('the source is another', () => relay(edge)?.url === url(c, 'origin/real'));
    await until('the one before is left', () => first.connections === 1);
    const seen = player.frames.length;
    await until('the player goes on', () => player.frames.length > seen + 10);
    await edge.load(rtmp(a, 'live'));
    await until('it is gone', () => edge.relays('live').length === 0);
  });
});
