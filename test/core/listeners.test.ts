import { type AddressInfo, connect, createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Listen } from '../../src/core/addresses.ts';
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

describe('listeners', () => {
  let listeners: Listeners | undefined;
  afterEach(() => listeners?.close());

  test('do not take a client that has gone for one of this machine', async () => {
    const port = await freePort();
    const addresses: string[] = [];
    const take = (socket: import('node:net').Socket, _: Listen, peer: { readonly address: string }): void => {
      addresses.push(peer.address);
      socket.destroy();
    };
    listeners = new Listeners({ rtmp: take, http: take }, pino({ level: 'silent' }));
    const at = { file: 'f', line: 1, column: 1, length: 1 };
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
});
