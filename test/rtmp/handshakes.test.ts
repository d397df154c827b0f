import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HELLO } from '../hostile/sessions.ts';
import { connectTo, openClient } from './client.ts';
import { startServer, type TestServer, until } from './server.ts';

describe('clients in their handshake', () => {
  let server: TestServer;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    server = await startServer(
      'server { listen 127.0.0.1:PORT; handshake_timeout 400ms; max_handshakes 5; application live { live on; } }',
    );
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  function open(): Socket & { isClosed?: boolean } {
    const socket: Socket & { isClosed?: boolean } = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      socket.isClosed = true;
    });
    socket.resume();
    sockets.push(socket);
    return socket;
  }

  test.each([
    ['after their first byte', 1],
    ['in the middle of their first packet', 700],
    ['before their connect command', HELLO.length],
  ])('%s, and then a byte now and then, are cut off in time', async (_, already) => {
    const socket = open();
    socket.write(HELLO.subarray(0, already));
    const drip = setInterval(() => socket.writable && socket.write(Buffer.from([0x02])), 50);
    const from = performance.now();
    await until(() => socket.isClosed === true, 3000);
    clearInterval(drip);
    const took = performance.now() - from;
    expect(took).toBeGreaterThan(300);
    expect(took).toBeLessThan(already === HELLO.length ? 2000 : 1000);
  });

  test('who are too many: the oldest go, and not those who are through', async () => {
    const through = await connectTo(server.port, 'live');
    await through.publish('name');
    const shaken = await openClient(server.port);
    const early = Array.from({ length: 4 }, open);
    await until(() => server.host.connections.size === 6);
    const more = Array.from({ length: 3 }, open);
    await until(
      () => shaken.socket.destroyed && early.slice(0, 2).every(({ isClosed }) => isClosed === true),
    );
    expect([...early.slice(2), ...more].some(({ isClosed }) => isClosed === true)).toBe(false);
    const last = await connectTo(server.port, 'live');
    expect(through.socket.destroyed || last.socket.destroyed).toBe(false);
    through.destroy();
    last.destroy();
  });
});
