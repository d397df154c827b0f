import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Endpoint } from './endpoint.ts';
import { Stage, until } from './fixtures.ts';

/** A TCP server that does what it wants with each connection once a request has come. */
async function rawEndpoint(
  act: (socket: Socket) => void,
): Promise<{ url: string; connections: () => number }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => act(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    connections: () => connections,
  };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';

/** Ways not to answer. */
const FAILURES: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['says nothing', () => undefined],
  ['resets', (socket) => void socket.resetAndDestroy()],
  ['closes', (socket) => void socket.end()],
  ['talks garbage', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['stops in the head', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-')],
  ['has an endless head', (socket) => void socket.write(`${OK}X: ${'x'.repeat(20_000)}\r\n\r\n`)],
  ['never gets beyond 1xx', (socket) => void socket.write('HTTP/1.1 100 Continue\r\n\r\n')],
  [
    'switches protocols',
    (socket) => void socket.write('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
  ],
  ['never ends its JSON', (socket) => void socket.write(`${OK}${JSON_TYPE}Content-Length: 9\r\n\r\n{`)],
  ['babbles JSON', (socket) => void socket.write(`${OK}${JSON_TYPE}\r\n${'['.repeat(70_000)}`)],
];

const SHORT = 'netcall_timeout 400ms;';

describe('an endpoint that', () => {
  test.each(FAILURES)('%s lets nobody in, and keeps nobody from leaving', async (_how, act) => {
    const { url } = await rawEndpoint(act);
    const stage = await Stage.open(
      `on_publish ${url}; on_publish_done ${url}; on_done ${url}; on_play ${url}; on_play_done ${url};`,
      SHORT,
    );
    expect(await stage.refusedPublish('cam')).toEqual({
      level: 'error',
      code: 'NetStream.Publish.Denied',
      description: 'publish cannot be authorized now',
    });
    const player = await stage.connect();
    player.call('play', [null, 'cam'], await player.createStream());
    await player.status('NetStream.Play.Failed');
    expect(stage.status('on_publish')).toMatchObject({ requests: 1, refused: 0, failures: 1 });
    expect(stage.status('on_publish').lastError).not.toBe('');
    // Connections are refused as well, and ends are told to no avail: sessions go on.
    await stage.reload(`on_publish_done ${url};`, `${SHORT} on_connect ${url};`);
    const client = await stage.open();
    expect((await client.connect('live')).args[1]).toMatchObject({ code: 'NetConnection.Connect.Rejected' });
    await stage.reload(`on_publish_done ${url};`, SHORT);
    const publisher = await stage.publish('cam');
    publisher.destroy();
    await until(
      () => stage.status('on_publish_done').failures + stage.status('on_publish_done').answers['2xx'] === 1,
    );
    await stage.publish('cam');
  });

  test('cannot be reached lets nobody in', async () => {
    const { url } = await Endpoint.start().then(async (endpoint) => {
      const gone = { url: endpoint.url };
      await endpoint.stop();
      return gone;
    });
    const stage = await Stage.open(`on_publish ${url};`);
    expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.Denied' });
    expect(stage.status('on_publish')).toMatchObject({ failures: 1, lastError: 'ECONNREFUSED' });
  });

  test('babbles text has said yes with its first line, and is cut off', async () => {
    let sent = 0;
    const { url } = await rawEndpoint((socket) => {
      const chunk = Buffer.alloc(64 * 1024, 120);
      const more = (): void => {
        while (!socket.destroyed && sent < 10_000_000) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', more);
      socket.write(`${OK}\r\n`);
      more();
    });
    const stage = await Stage.open(`on_publish ${url};`);
    await stage.publish('cam');
    await until(() => stage.status('on_publish').pending === 0);
    expect(stage.status('on_publish')).toMatchObject({ answers: { '2xx': 1 }, failures: 0 });
    expect(sent).toBeLessThan(10_000_000);
  });

  test('sleeps keeps only that session waiting', async () => {
    const endpoint = await Endpoint.start();
    const held: (() => void)[] = [];
    endpoint.answer = (call, response) => {
      if (call.get('name')?.startsWith('slow') === true) held.push(() => void response.end());
      else response.end();
    };
    const stage = await Stage.open(`on_publish ${endpoint.url}; on_play ${endpoint.url};`);
    const order: string[] = [];
    const slow = Array.from({ length: 20 }, (_, index) =>
      stage.publish(`slow${index}`).then(() => order.push('slow')),
    );
    await until(() => held.length === 20);
    // A session that is there goes on, and new ones come in, while twenty wait.
    const publisher = await stage.publish('cam');
    const player = await stage.play('cam');
    expect((await player.media()).type).toBeGreaterThan(0);
    publisher.push(9, 40, Buffer.from('2701000000aa', 'hex'));
    order.push('quick');
    expect(stage.status('on_publish').pending).toBe(20);
    for (const answer of held) answer();
    await Promise.all(slow);
    expect(order).toEqual(['quick', ...Array(20).fill('slow')]);
  });

  test('closes an idle connection just when it is used is asked again', async () => {
    const endpoint = await Endpoint.start();
    const sockets: Socket[] = [];
    endpoint.answer = (call, response, socket) => {
      // The second request on the first connection finds it closed.
      if (call.connection === 1 && sockets.length > 0) {
        socket.resetAndDestroy();
        return;
      }
      sockets.push(socket);
      response.end();
    };
    const stage = await Stage.open(`on_publish ${endpoint.url};`);
    await stage.publish('a');
    await stage.publish('b');
    expect(endpoint.connections).toBe(2);
    expect(stage.status('on_publish')).toMatchObject({ requests: 2, failures: 0 });
  });

  test('comes back is told what it missed', { timeout: 10_000 }, async () => {
    const before = await Endpoint.start();
    const { port } = before;
    await before.stop();
    const stage = await Stage.open(`on_publish_done http://127.0.0.1:${port}/done;`);
    const publisher = await stage.publish('cam');
    publisher.destroy();
    await until(() => stage.status('on_publish_done').failures === 1);
    const endpoint = await Endpoint.start(undefined, port);
    await until(() => endpoint.calls.length === 1);
    expect(endpoint.story).toEqual(['publish_done cam']);
  });
});

describe('a client that leaves while it is asked about', () => {
  test('is told of as if it had been there', async () => {
    const endpoint = await Endpoint.start();
    let answer: (() => void) | undefined;
    endpoint.answer = (call, response) => {
      if (call.get('call') === 'publish') answer = () => void response.end();
      else response.end();
    };
    const stage = await Stage.open(`on_publish ${endpoint.url}; on_publish_done ${endpoint.url};`);
    const client = await stage.connect();
    client.call('publish', [null, 'cam', 'live'], await client.createStream());
    await until(() => answer !== undefined);
    client.destroy();
    answer!();
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.story).toEqual(['publish cam', 'publish_done cam']);
    expect([...stage.server.application('live').publications]).toEqual([]);
  });

  test('whose application is removed meanwhile is refused, and told of', async () => {
    const endpoint = await Endpoint.start();
    let answer: (() => void) | undefined;
    endpoint.answer = (call, response) => {
      if (call.get('call') === 'publish') answer = () => void response.end();
      else response.end();
    };
    const stage = await Stage.open(`on_publish ${endpoint.url}; on_publish_done ${endpoint.url};`);
    const client = await stage.connect();
    client.call('publish', [null, 'cam', 'live'], await client.createStream());
    await until(() => answer !== undefined);
    await stage.server.reload('server { listen 127.0.0.1:PORT; application other { live on; } }');
    answer!();
    await client.closed;
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.story).toEqual(['publish cam', 'publish_done cam']);
  });
});
