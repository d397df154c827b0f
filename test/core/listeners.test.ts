import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Listen } from '../../src/core/addresses.ts';
import { mostConnections } from '../../src/core/descriptors.ts';
import { Listeners } from '../../src/core/listeners.ts';
import { Report } from '../../src/core/report.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listenOn(port: number): Listen {
  return {
    key: `127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    path: '',
    defaultServer: false,
    ipv6only: true,
    ssl: false,
    http2: false,
    proxyProtocol: false,
    backlog: null,
    keepalive: null,
  };
}

const at = { file: 'f', line: 1, column: 1, length: 1 };

describe('listeners', () => {
  let listeners: Listeners | undefined;
  afterEach(() => listeners?.close());

  test('do not take a client that has gone for one of this machine', async () => {
    const port = await freePort();
    const addresses: string[] = [];
    const take = (socket: Socket, _: Listen, peer: { readonly address: string }): void => {
      addresses.push(peer.address);
      socket.destroy();
    };
    listeners = new Listeners({ rtmp: take, http: take }, pino({ level: 'silent' }));
    (await listeners.prepare([{ listen: listenOn(port), protocol: 'rtmp', at }])).commit(new Report());
    const gone = Array.from({ length: 100 }, () => {
      const client = connect(port, '127.0.0.1');
      client.on('error', () => undefined);
      return new Promise<void>((resolve) => {
        client.once('connect', () => {
          // What has been sent can still be read when the connection is accepted; who sent it can no longer be told.
          client.write('x', () => undefined);
          client.resetAndDestroy();
        });
        client.once('close', () => resolve());
      });
    });
    await Promise.all(gone);
    await expect.poll(() => listeners!.connections).toBe(0);
    expect(addresses.filter((address) => address !== '127.0.0.1')).toEqual([]);
  });

  test('turn connections away that are too many, and take them again later', async () => {
    const port = await freePort();
    const lines: { readonly msg: string }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const taken: Socket[] = [];
    const take = (socket: Socket): void => void taken.push(socket.resume());
    listeners = new Listeners({ rtmp: take, http: take }, log, 3);
    (await listeners.prepare([{ listen: listenOn(port), protocol: 'http', at }])).commit(new Report());
    const open = (): Socket => connect(port, '127.0.0.1').on('error', () => undefined);
    const clients = Array.from({ length: 5 }, open);
    await expect.poll(() => clients.filter(({ destroyed }) => destroyed).length).toBe(2);
    expect(taken).toHaveLength(3);
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('no room for more connections')]);
    for (const client of clients) client.destroy();
    await expect.poll(() => listeners!.connections).toBe(0);
    const again = open();
    await expect.poll(() => taken.length).toBe(4);
    again.destroy();
  });

  test.each([
    [256, 192],
    [1024, 896],
    [20_000, 18_976],
    [10, 1],
    [null, Number.POSITIVE_INFINITY],
  ])('of %s descriptors leave some for other things than clients', (limit, most) => {
    expect(mostConnections(limit)).toBe(most);
  });
});
