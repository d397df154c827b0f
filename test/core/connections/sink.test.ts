import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resetSocket } from '../../../src/core/connections/sink.ts';

describe('a connection that is reset', () => {
  let server: Server;
  let accepted: (socket: Socket) => void = () => undefined;

  beforeAll(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => accepted(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
  });

  const descriptors = (): number => readdirSync('/proc/self/fd').length;

  /** A connection: the server's side, and the client's. */
  async function pair(): Promise<readonly [Socket, Socket]> {
    const taken = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => undefined);
    const socket = await taken;
    socket.on('error', () => undefined);
    return [socket, client];
  }

  const HOW: readonly (readonly [string, (socket: Socket) => void])[] = [
    ['as it is', () => undefined],
    ['right after its end', (socket) => socket.end()],
    ['right after its last bytes', (socket) => socket.end('bye')],
    ['with much that nobody takes', (socket) => socket.write(Buffer.alloc(8_000_000))],
    ['with much that nobody takes before its end', (socket) => socket.end(Buffer.alloc(8_000_000))],
    ['twice', (socket) => resetSocket(socket)],
  ];

  test.each(HOW)('%s, is gone with its descriptor', async (_, before) => {
    const [socket, client] = await pair();
    client.pause();
    const open = descriptors();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    before(socket);
    resetSocket(socket);
    await closed;
    client.destroy();
    await expect.poll(descriptors).toBeLessThanOrEqual(open - 2);
  });

  test('some turns after its end, is gone with its descriptor', async () => {
    for (let turns = 0; turns < 6; turns += 1) {
      const [socket, client] = await pair();
      const open = descriptors();
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.end();
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      resetSocket(socket);
      await closed;
      client.destroy();
      await expect.poll(descriptors).toBeLessThanOrEqual(open - 2);
    }
  });
});
