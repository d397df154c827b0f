import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { mostConnections } from '../../../src/core/connections/descriptors.ts';
import { Listeners, type Protocol } from '../../../src/core/connections/listeners.ts';
import { type Accept, Reception } from '../../../src/core/connections/reception.ts';
import type { Logger } from '../../../src/core/logs/log.ts';
import type { Listen } from '../../../src/core/net/addresses.ts';
import { Report } from '../../../src/core/reload/report.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listenOn(port: number, host = '127.0.0.1'): Listen {
  return {
    key: `${host}:${port}`,
    host,
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
  const make = (
    accept: Accept | Readonly<Record<Protocol, Accept>>,
    log: Logger = pino({ level: 'silent' }),
    most?: number,
  ): Reception => {
    const both = typeof accept === 'function' ? { rtmp: accept, http: accept } : accept;
    const reception = new Reception(both, log, most);
    listeners = new Listeners((socket, door, unread) => reception.take(socket, door, unread), log);
    return reception;
  };

  test('do not take a client that has gone for one of this machine', async () => {
    const port = await freePort();
    const addresses: string[] = [];
    const take = (socket: Socket, _: Listen, peer: { readonly address: string }): void => {
      addresses.push(peer.address);
      socket.destroy();
    };
    const reception = make(take);
    (await listeners!.prepare([{ listen: listenOn(port), protocol: 'rtmp', at }])).commit(new Report());
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
    await expect.poll(() => reception.connections).toBe(0);
    expect(addresses.filter((address) => address !== '127.0.0.1')).toEqual([]);
  });

  test('turn connections away that are too many, and take them again later', async () => {
    const port = await freePort();
    const lines: { readonly msg: string }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const taken: Socket[] = [];
    const take = (socket: Socket): void => void taken.push(socket.resume());
    const reception = make(take, log, 3);
    (await listeners!.prepare([{ listen: listenOn(port), protocol: 'http', at }])).commit(new Report());
    const open = (): Socket => connect(port, '127.0.0.1').on('error', () => undefined);
    const clients = Array.from({ length: 5 }, open);
    await expect.poll(() => clients.filter(({ destroyed }) => destroyed).length).toBe(2);
    expect(taken).toHaveLength(3);
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('no room for more connections')]);
    for (const client of clients) client.destroy();
    await expect.poll(() => reception.connections).toBe(0);
    const again = open();
    await expect.poll(() => taken.length).toBe(4);
    again.destroy();
  });

  test('hold those who come before the configuration is in force, and then take them', async () => {
    const port = await freePort();
    const got: string[] = [];
    const take = (socket: Socket): void => {
      socket.on('data', (bytes) => void got.push(`${bytes}`));
    };
    make(take);
    const ready = await listeners!.prepare([{ listen: listenOn(port), protocol: 'rtmp', at }]);
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write('first');
    await expect.poll(() => listeners!.held).toBe(1);
    expect(got).toEqual([]);
    ready.commit(new Report());
    await expect.poll(() => got).toEqual(['first']);
    client.write('second');
    await expect.poll(() => got).toEqual(['first', 'second']);
    client.destroy();
  });

  test('let those go who came for a configuration that was not to be', async () => {
    const port = await freePort();
    const take = (): void => expect.unreachable();
    make(take);
    const ready = await listeners!.prepare([{ listen: listenOn(port), protocol: 'rtmp', at }]);
    const client = connect(port, '127.0.0.1');
    const gone = new Promise((resolve) => client.once('close', resolve));
    client.on('error', () => undefined);
    await expect.poll(() => listeners!.held).toBe(1);
    await ready.undo();
    await gone;
  });

  test('go from all addresses to one, from one protocol to the other, and back, without letting a socket go', async () => {
    const port = await freePort();
    const taken: string[] = [];
    const take =
      (protocol: string) =>
      (socket: Socket, listen: Listen): void => {
        taken.push(`${protocol} ${listen.host}`);
        socket.resume();
      };
    make({ rtmp: take('rtmp'), http: take('http') });
    const change = async (host: string, protocol: 'rtmp' | 'http'): Promise<readonly string[]> => {
      const report = new Report();
      (await listeners!.prepare([{ listen: listenOn(port, host), protocol, at }])).commit(report);
      return report.entries.map(
        ({ name, outcome }) => `${name.slice(0, -String(port).length - 1)} ${outcome}`,
      );
    };
    const clients: Socket[] = [];
    const come = async (host: string): Promise<void> => {
      const socket = connect(port, host);
      clients.push(socket);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    };
    expect(await change('0.0.0.0', 'rtmp')).toEqual(['0.0.0.0 started']);
    await come('127.0.0.1');
    await expect.poll(() => taken).toEqual(['rtmp 0.0.0.0']);
    expect(await change('127.0.0.1', 'rtmp')).toEqual(['127.0.0.1 started', '0.0.0.0 closed']);
    expect(listeners!.addresses).toEqual([`127.0.0.1:${port}`]);
    await come('127.0.0.1');
    await expect.poll(() => taken.at(-1)).toBe('rtmp 127.0.0.1');
    // Of an address that is no longer wanted nobody is served.
    await come('127.0.0.2');
    await expect.poll(() => clients.at(-1)!.destroyed).toBe(true);
    expect(await change('127.0.0.1', 'http')).toEqual(['127.0.0.1 started']);
    await come('127.0.0.1');
    await expect.poll(() => taken.at(-1)).toBe('http 127.0.0.1');
    expect(await change('0.0.0.0', 'http')).toEqual(['0.0.0.0 started', '127.0.0.1 closed']);
    await come('127.0.0.2');
    await expect.poll(() => taken.at(-1)).toBe('http 0.0.0.0');
    expect(taken).toHaveLength(4);
    for (const client of clients) client.destroy();
  });

  test('go from one address to all, and back to it where all cannot be had', async () => {
    const [port, busy] = [await freePort(), createServer()];
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const hosts: string[] = [];
    const take = (socket: Socket, listen: Listen): void => {
      hosts.push(listen.host);
      socket.resume();
    };
    make(take);
    const wanted = (host: string, on = port) =>
      ({ listen: listenOn(on, host), protocol: 'rtmp', at }) as const;
    (await listeners!.prepare([wanted('127.0.0.1')])).commit(new Report());
    const taken = (busy.address() as AddressInfo).port;
    await expect(listeners!.prepare([wanted('0.0.0.0'), wanted('127.0.0.1', taken)])).rejects.toThrow(
      'Address already in use',
    );
    const come = async (): Promise<void> => {
      const socket = connect(port, '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.destroy();
    };
    await come();
    await expect.poll(() => hosts).toEqual(['127.0.0.1']);
    (await listeners!.prepare([wanted('0.0.0.0')])).commit(new Report());
    await come();
    await expect.poll(() => hosts).toEqual(['127.0.0.1', '0.0.0.0']);
    await new Promise((resolve) => busy.close(resolve));
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
