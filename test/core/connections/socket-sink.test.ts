import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { closeSockets, keep, nextConnection, pair, received } from '../sockets.ts';
import { watchWrites } from './handle-writes.ts';

/** More than the kernel keeps for one connection. */
const MUCH = 24_000_000;

afterEach(closeSockets);

/** What Node gives a handle with a write, as far as it matters here. */
interface Inside {
  readonly _handle: { writeBuffer: (request: object, bytes: Buffer) => number };
}

/** Has Node look as if it were made in another way. */
async function disguise(): Promise<void> {
  const [socket] = await pair();
  const handle = (socket as Socket & Partial<Inside>)._handle!;
  const { writeBuffer } = handle;
  const prototypes: object[] = [];
  handle.writeBuffer = (request, bytes) => {
    prototypes.push(Object.getPrototypeOf(request));
    return writeBuffer.call(handle, request, bytes);
  };
  socket.write(Buffer.from('look'));
  expect(prototypes).toHaveLength(1);
  Object.defineProperty(prototypes[0]!, 'getAsyncId', { value: undefined, configurable: true });
}

describe.each([
  ['as Node has them', false],
  ['as another Node may have them', true],
] as const)('a sink on a socket, %s', (_, disguised) => {
  let SocketSink: typeof import('../../../src/core/connections/sink.ts').SocketSink;

  beforeAll(async () => {
    if (disguised) await disguise();
    vi.resetModules();
    ({ SocketSink } = await import('../../../src/core/connections/sink.ts'));
  });

  test('has no backlog once the kernel has taken a write whole', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('one '));
    expect(sink.backlog).toBe(0);
    sink.write(Buffer.from('two'));
    expect(sink.backlog).toBe(0);
    expect(sink.sent).toBe(7);
    socket.end();
    expect((await received(client)).toString()).toBe('one two');
  });

  test('counts what the kernel has not taken, and what waits behind it', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.alloc(MUCH));
    expect(sink.backlog).toBe(MUCH);
    expect(sink.sent).toBeLessThan(MUCH);
    sink.write(Buffer.alloc(1000));
    expect(sink.backlog).toBe(MUCH + 1000);
    socket.end();
    expect((await received(client)).length).toBe(MUCH + 1000);
    await expect.poll(() => sink.backlog).toBe(0);
  });

  test('keeps the order of its writes and the owner’s, however full the connection is', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    const expected: Buffer[] = [];
    const ways: readonly ((bytes: Buffer) => void)[] = [
      (bytes) => sink.write(bytes),
      (bytes) => sink.send(bytes),
      (bytes) => sink.writeAll([bytes.subarray(0, 1), bytes.subarray(1)]),
      (bytes) =>
        sink.together(() => {
          sink.send(bytes.subarray(0, 2));
          sink.write(bytes.subarray(2));
        }),
    ];
    const reading = received(client);
    for (let i = 0; i < 200; i += 1) {
      const size = i % 10 === 3 ? 2_000_000 : 3 + i;
      const bytes = Buffer.alloc(size, i);
      expected.push(bytes);
      ways[(i * 7 + (i >> 2)) % ways.length]!(bytes);
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    sink.end();
    expect((await reading).equals(Buffer.concat(expected))).toBe(true);
  });

  test('hands what is written together to the kernel in one call', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('before '));
    const writes = watchWrites(socket);
    try {
      sink.together(() => {
        sink.send('a text ');
        sink.write(Buffer.from('a batch '));
        sink.together(() => sink.writeAll([Buffer.from('and '), Buffer.from('more ')]));
        expect(sink.backlog).toBe(24);
        expect(writes.calls).toEqual([]);
      });
      expect(writes.calls.map(String)).toEqual(['a text a batch and more ']);
      expect(sink.backlog).toBe(0);
      sink.writeAll([Buffer.from('at '), Buffer.from('once')]);
      expect(writes.calls.map(String)).toEqual(['a text a batch and more ', 'at once']);
    } finally {
      writes.stop();
    }
    sink.end();
    expect((await received(client)).toString()).toBe('before a text a batch and more at once');
  });

  test('sends what is written together before an end among it, and nothing behind', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.together(() => {
      sink.send('last');
      sink.end();
      sink.send('too late');
    });
    expect((await received(client)).toString()).toBe('last');
  });

  test('sends what was written together until it was thrown in, and goes on', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    const failing = (): void =>
      sink.together(() => {
        sink.send('one ');
        throw new Error('in between');
      });
    expect(failing).toThrow('in between');
    sink.write(Buffer.from('two'));
    sink.end();
    expect((await received(client)).toString()).toBe('one two');
  });

  test('counts what is left of a piece of many buffers, and keeps the order behind it', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('x'));
    const part = Buffer.alloc(MUCH / 8, 1);
    sink.writeAll([part, part, part, part, part, part, part, part]);
    expect(sink.backlog).toBe(MUCH);
    expect(sink.sent).toBeLessThan(MUCH);
    sink.write(Buffer.from('y'));
    sink.end();
    const all = await received(client);
    expect([all.length, all[0], all.at(-1)]).toEqual([MUCH + 2, 120, 121]);
  });

  test('writes nothing after the end', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('last'));
    sink.end();
    sink.write(Buffer.from('too late'));
    sink.send(Buffer.from('too late'));
    expect((await received(client)).toString()).toBe('last');
  });

  test('sends all of a large write before the end', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.alloc(MUCH));
    sink.end();
    expect((await received(client)).length).toBe(MUCH);
  });

  test('on a connection that was dropped, closes it', async () => {
    const [socket, client] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.pause();
    client.resetAndDestroy();
    const writing = setInterval(() => sink.write(Buffer.alloc(100_000)), 1);
    await closed;
    clearInterval(writing);
    expect(() => sink.write(Buffer.from('nobody'))).not.toThrow();
    expect(sink.backlog).toBe(0);
  });

  test('on a connection that its owner has closed, does nothing', async () => {
    const [socket] = await pair();
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('one'));
    sink.write(Buffer.from('two'));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.destroy();
    expect(() => sink.write(Buffer.from('closing'))).not.toThrow();
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => sink.write(Buffer.from('closed'))).not.toThrow();
    expect(sink.backlog).toBe(0);
  });

  test('waits for a connection that is under way', async () => {
    const [, , port] = await pair();
    const taken = nextConnection();
    const socket = connect(port, '127.0.0.1');
    keep(socket);
    const sink = new SocketSink(socket, () => undefined);
    sink.write(Buffer.from('early '));
    sink.send('and ');
    const peer = await taken;
    keep(peer);
    sink.write(Buffer.from('late'));
    sink.end();
    expect((await received(peer)).toString()).toBe('early and late');
  });

  test('of a player that does not read, aborts with all that waits', async () => {
    const [socket] = await pair();
    const reasons: string[] = [];
    const sink = new SocketSink(socket, (reason) => reasons.push(reason));
    sink.write(Buffer.alloc(MUCH));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    sink.abort('slow');
    await closed;
    expect(reasons).toEqual(['slow']);
  });
});
