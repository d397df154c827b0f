import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ClientOptions, type ClientPurpose, RtmpClient } from '../../src/rtmp/client.ts';
import type { AmfWritable } from '../../src/wire/amf0.ts';
import { ChunkReader } from '../../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { type Command, readCommand, writeCommand } from '../../src/wire/rtmp/commands.ts';
import { serverHandshake } from '../../src/wire/rtmp/handshake.ts';
import {
  COMMAND_AMF0,
  type OutMessage,
  pingRequest,
  type RtmpMessage,
  readControl,
  setPeerBandwidth,
  streamEof,
  windowAckSize,
} from '../../src/wire/rtmp/messages.ts';
import { until } from '../e2e/children.ts';

const PUBLISH: ClientPurpose = { kind: 'publish', name: 'show?key=1' };
const PLAY: ClientPurpose = { kind: 'play', name: 'show', start: -2000, duration: -1000, buffer: 3000 };

/** A peer that does what the test says, on a port of its own. */
class Peer {
  readonly commands: (Command & { readonly streamId: number })[] = [];
  readonly controls: unknown[] = [];
  socket: Socket | undefined;
  readonly #writer = new ChunkWriter();
  readonly #script: (peer: Peer, command: Command) => void;

  constructor(script: (peer: Peer, command: Command) => void) {
    this.#script = script;
  }

  accept(socket: Socket): void {
    this.socket = socket;
    const reader = new ChunkReader({ maxMessage: 1_000_000, maxStreams: 64 });
    const handshake = serverHandshake();
    let done = false;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      if (done) {
        reader.push(bytes, (message) => this.#message(message));
        return;
      }
      const step = handshake.push(bytes);
      if (step.output !== null) socket.write(step.output);
      done = step.done;
      if (done) reader.push(step.rest, (message) => this.#message(message));
    });
  }

  #message({ type, streamId, body }: RtmpMessage): void {
    if (type === COMMAND_AMF0) {
      const command = readCommand(type, body);
      this.commands.push({ ...command, streamId });
      this.#script(this, command);
      return;
    }
    const control = readControl(type, body);
    if (control !== null) this.controls.push(control);
  }

  send(...messages: readonly OutMessage[]): void {
    this.socket!.write(this.#writer.encode(...messages));
  }

  answer(name: string, transactionId: number, ...args: AmfWritable[]): void {
    this.send(writeCommand(name, transactionId, args));
  }

  status(level: string, code: string, description: string): void {
    this.send(writeCommand('onStatus', 0, [null, { level, code, description }], 7));
  }
}

/** What a good server answers; `then` is what follows publish or play. */
function polite(then: (peer: Peer) => void) {
  return (peer: Peer, { name, transactionId }: Command): void => {
    if (name === 'connect') {
      peer.send(windowAckSize(5_000_000), setPeerBandwidth(5_000_000, 'dynamic'));
      peer.answer('_result', transactionId, {}, { code: 'NetConnection.Connect.Success' });
    } else if (name === 'releaseStream' || name === 'FCPublish') {
      peer.answer('_error', transactionId, null, { code: 'NetConnection.Call.Failed' });
    } else if (name === 'createStream') peer.answer('_result', transactionId, null, 7);
    else if (name === 'publish' || name === 'play') then(peer);
  };
}

async function listen(accept: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    accept(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

function open(port: number, purpose: ClientPurpose, more: Partial<ClientOptions> = {}) {
  const events: string[] = [];
  const client = new RtmpClient(
    {
      address: { transport: 'tcp', host: '127.0.0.1', port, path: '' },
      bind: '',
      verify: true,
      authorities: '',
      connect: { app: 'app', tcUrl: 'rtmp://h/app', pageUrl: '', swfUrl: 's', flashVer: 'f', via: [] },
      purpose,
      deadline: 300,
      ...more,
    },
    {
      accepted: () => void events.push('accepted'),
      ended: () => void events.push('ended'),
      closed: (reason) => void events.push(`closed: ${reason}`),
    },
  );
  onTestFinished(() => client.close('the test is over'));
  return { client, events };
}

async function meet(purpose: ClientPurpose, script: (peer: Peer, command: Command) => void) {
  const peer = new Peer(script);
  const port = await listen((socket) => peer.accept(socket));
  return { peer, ...open(port, purpose) };
}

describe('a connection that goes well', () => {
  test('publishes on the stream the peer names, in the order encoders do', async () => {
    const { peer, client, events } = await meet(
      PUBLISH,
      polite((at) => at.status('status', 'NetStream.Publish.Start', '')),
    );
    await until('it is accepted', () => events.includes('accepted'));
    expect(peer.commands.map(({ name, args, streamId }) => [name, streamId, ...args.slice(1)])).toEqual([
      ['connect', 0],
      ['releaseStream', 0, 'show?key=1'],
      ['FCPublish', 0, 'show?key=1'],
      ['createStream', 0],
      ['publish', 7, 'show?key=1', 'live'],
    ]);
    expect(peer.commands[0]!.args[0]).toMatchObject({
      app: 'app',
      type: 'nonprivate',
      flashVer: 'f',
      swfUrl: 's',
      tcUrl: 'rtmp://h/app',
      audioCodecs: 3575,
      videoCodecs: 252,
      fourCcList: ['*'],
    });
    expect(peer.commands[0]!.args[0]).not.toHaveProperty('pageUrl');
    expect(peer.commands[0]!.args[0]).not.toHaveProperty('via');
    expect(client.streamId).toBe(7);
    client.close('enough');
    expect(events).toEqual(['accepted', 'closed: enough']);
    await until('it takes leave', () => peer.commands.length === 7);
    expect(peer.commands.slice(5).map(({ name, args }) => [name, ...args.slice(1)])).toEqual([
      ['FCUnpublish', 'show?key=1'],
      ['deleteStream', 7],
    ]);
  });

  test('plays, tells its buffer, answers pings, and tells the end of the stream', async () => {
    const { peer, events } = await meet(
      PLAY,
      polite((at) => {
        at.status('status', 'NetStream.Play.Start', '');
        at.send(pingRequest(77), streamEof(7));
      }),
    );
    await until('the end is told', () => events.includes('ended'));
    expect(peer.commands.map(({ name, args, streamId }) => [name, streamId, ...args.slice(1)])).toEqual([
      ['connect', 0],
      ['createStream', 0],
      ['play', 7, 'show', -2000, -1000],
    ]);
    await until('the ping is answered', () =>
      peer.controls.some((one) => (one as { kind: string }).kind === 'pingResponse'),
    );
    expect(peer.controls).toContainEqual({ kind: 'pingResponse', timestamp: 77 });
    expect(peer.controls).toContainEqual({ kind: 'bufferLength', streamId: 7, ms: 3000 });
    expect(events).toEqual(['accepted', 'ended']);
  });
});

describe('a connection that does not', () => {
  test.each<[string, ClientPurpose, (peer: Peer, command: Command) => void, string]>([
    [
      'connect refused',
      PUBLISH,
      (peer) =>
        peer.answer('_error', 1, null, { code: 'NetConnection.Connect.Rejected', description: 'no\r\nway' }),
      'refused by the peer: NetConnection.Connect.Rejected: no way',
    ],
    [
      'publish refused',
      PUBLISH,
      polite((peer) => peer.status('error', 'NetStream.Publish.BadName', 'Already publishing')),
      'refused by the peer: NetStream.Publish.BadName: Already publishing',
    ],
    [
      'a refusal called a status',
      PLAY,
      polite((peer) => peer.status('status', 'NetStream.Play.StreamNotFound', 'gone')),
      'refused by the peer: NetStream.Play.StreamNotFound: gone',
    ],
    [
      'an error without words',
      PLAY,
      (peer) => peer.answer('_error', 1, null),
      'refused by the peer: without a reason',
    ],
    ['a call-off', PLAY, (peer) => peer.answer('close', 0, null), 'the peer called the connection off'],
    ['the end of the connection', PLAY, (peer) => peer.socket!.end(), 'the peer closed the connection'],
    [
      'no stream',
      PUBLISH,
      (peer, { name, transactionId }) =>
        peer.answer('_result', transactionId, null, name === 'connect' ? {} : 'x'),
      'the peer created no stream',
    ],
    ['silence', PUBLISH, () => undefined, 'the peer took too long to answer'],
    [
      'broken chunks',
      PUBLISH,
      (peer) => peer.socket!.write(Buffer.from('c4c4', 'hex')),
      'the peer broke the protocol: chunk refers to a message that never was',
    ],
  ])('%s', async (_, purpose, script, reason) => {
    const { events } = await meet(purpose, script);
    await until('it is over', () => events.length > 0);
    expect(events).toEqual([`closed: ${reason}`]);
  });

  test('a peer that shakes no hands', async () => {
    const { events } = open(await listen(() => undefined), PUBLISH);
    await until('it is over', () => events.length > 0);
    expect(events).toEqual(['closed: the handshake took too long']);
  });

  test('a peer of another protocol', async () => {
    const port = await listen((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const { events } = open(port, PUBLISH);
    await until('it is over', () => events.length > 0);
    expect(events).toEqual(['closed: the peer broke the protocol: not RTMP: version 72']);
  });

  test('nobody there, under every address of the name', async () => {
    const port = await listen(() => undefined);
    const { events } = open(port, PUBLISH, {
      address: { transport: 'tcp', host: '127.0.0.1', port: 1, path: '' },
    });
    await until('it is over', () => events.length > 0);
    expect(events).toEqual(['closed: connect ECONNREFUSED 127.0.0.1:1']);
    const other = open(port, PUBLISH, {
      address: { transport: 'tcp', host: 'localhost', port: 1, path: '' },
    });
    await until('it is over', () => other.events.length > 0);
    expect(other.events[0]).toContain('ECONNREFUSED');
    const unix = open(port, PUBLISH, {
      address: { transport: 'unix', host: '', port: 0, path: '/nowhere/s' },
    });
    await until('it is over', () => unix.events.length > 0);
    expect(unix.events).toEqual(['closed: connect ENOENT /nowhere/s']);
  });

  test('a name that is not answered for is asked for once, however many ask', async () => {
    const asked: string[] = [];
    const answers: ((error: Error) => void)[] = [];
    const spy = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, _options, answer) => {
      asked.push(name);
      answers.push(answer as (error: Error) => void);
    }) as typeof dns.lookup);
    syncBuiltinESMExports();
    onTestFinished(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
    const address = { transport: 'tcp', host: 'away.invalid', port: 1, path: '' } as const;
    const all = [1, 2, 3].map(() => open(1, PUBLISH, { address }));
    await until('somebody asks', () => asked.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(['away.invalid']);
    answers[0]!(Object.assign(new Error('getaddrinfo EAI_AGAIN away.invalid'), { code: 'EAI_AGAIN' }));
    await until('all are over', () => all.every(({ events }) => events.length > 0));
    expect(all.flatMap(({ events }) => events)).toEqual(
      all.map(() => 'closed: getaddrinfo EAI_AGAIN away.invalid'),
    );
  });
});
