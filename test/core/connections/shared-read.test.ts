import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { readFrom, withSharedRead } from '../../../src/core/connections/shared-read.ts';
import { resetSocket } from '../../../src/core/connections/sink.ts';

let server: Server | undefined;
const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
  server?.close();
});

/** Connections whose server side is read with the shared buffer; `take` is told whose bytes came. */
async function accept(
  count: number,
  take: (index: number, bytes: Buffer) => void,
): Promise<readonly (readonly [Socket, Socket])[]> {
  const listening = createServer();
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const pairs: (readonly [Socket, Socket])[] = [];
  for (let index = 0; index < count; index += 1) {
    const taken = new Promise<Socket>((resolve) =>
      listening.once('connection', (accepted) => {
        const socket = withSharedRead(accepted);
        socket.on('error', () => undefined);
        readFrom(socket, (bytes) => take(index, bytes));
        resolve(socket);
      }),
    );
    const client = connect((listening.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => undefined);
    const socket = await taken;
    open.push(socket, client);
    pairs.push([socket, client]);
  }
  return pairs;
}

const connections = (): Promise<number> =>
  new Promise((resolve) => server!.getConnections((_, count) => resolve(count)));

describe('a socket that reads into the buffer of all', () => {
  test('gives each connection its own bytes, in order, and then its end', async () => {
    const got: Buffer[][] = [[], [], []];
    const pairs = await accept(3, (index, bytes) => got[index]!.push(Buffer.from(bytes)));
    const ends = pairs.map(([socket]) => new Promise((resolve) => socket.once('end', resolve)));
    const sent: Buffer[][] = [[], [], []];
    for (let round = 0; round < 60; round += 1) {
      for (const [index, [, client]] of pairs.entries()) {
        const bytes = Buffer.alloc(1 + round * 977, 64 * index + round);
        sent[index]!.push(bytes);
        client.write(bytes);
      }
    }
    for (const [, client] of pairs) client.end();
    await Promise.all(ends);
    for (const index of [0, 1, 2]) {
      expect(Buffer.concat(got[index]!).equals(Buffer.concat(sent[index]!))).toBe(true);
    }
  });

  test('counts what it has read and can write', async () => {
    let bytes = 0;
    const [[socket, client]] = (await accept(1, (_, part) => {
      bytes += part.length;
    })) as [readonly [Socket, Socket]];
    client.write(Buffer.alloc(500_000));
    await expect.poll(() => bytes).toBe(500_000);
    expect(socket.bytesRead).toBe(500_000);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    const answer = new Promise<Buffer>((resolve) => client.once('data', resolve));
    socket.write('answer');
    expect((await answer).toString()).toBe('answer');
  });

  test('gives nothing while it is paused', async () => {
    let bytes = 0;
    const [[socket, client]] = (await accept(1, (_, part) => {
      bytes += part.length;
      socket.pause();
    })) as [readonly [Socket, Socket]];
    client.write('first');
    await expect.poll(() => bytes).toBe(5);
    await new Promise<void>((resolve) => client.write('second', () => resolve()));
    const probe = connect((server!.address() as AddressInfo).port, '127.0.0.1');
    open.push(probe);
    await new Promise<void>((resolve) => probe.once('connect', () => resolve()));
    expect(bytes).toBe(5);
    socket.resume();
    await expect.poll(() => bytes).toBe(11);
  });

  test('is one connection of its server until it is closed', async () => {
    const [[socket]] = (await accept(1, () => undefined)) as [readonly [Socket, Socket]];
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    resetSocket(socket);
    await closed;
    await expect.poll(connections).toBe(0);
  });
});
