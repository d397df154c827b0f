import { afterEach, describe, expect, test } from 'vitest';
import { Refused } from '../../src/core/applications/refused.ts';
import type { Module } from '../../src/core/module.ts';
import { applicationService } from '../../src/core/module.ts';
import { AUDIO, DATA, VIDEO } from '../../src/media/packet.ts';
import { type AmfWritable, readAmf0Values, writeAmf0 } from '../../src/wire/amf0.ts';
import {
  AGGREGATE,
  DATA_AMF3,
  pingRequest,
  setBufferLength,
  windowAckSize,
} from '../../src/wire/rtmp/messages.ts';
import { type ClientOptions, connectTo, openClient, type RtmpClient } from './client.ts';
import { startServer, type TestServer, until } from './server.ts';

const KEY = Buffer.from('1701000000aabbccdd', 'hex');
const INTER = Buffer.from('2701000000eeff', 'hex');
const V_HEADER = Buffer.from('1700000000014d401f', 'hex');
const A_HEADER = Buffer.from('af001210', 'hex');
const SOUND = Buffer.from('af01deadbeef', 'hex');

let server: TestServer;
let clients: RtmpClient[] = [];

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  await server.close();
});

async function start(
  rtmp = 'server { listen 127.0.0.1:PORT; application live { live on; } }',
  modules?: Module[],
) {
  server = await startServer(rtmp, modules);
}

async function open(options?: ClientOptions): Promise<RtmpClient> {
  const client = await openClient(server.port, options);
  clients.push(client);
  return client;
}

async function enter(app = 'live', options?: ClientOptions): Promise<RtmpClient> {
  const client = await connectTo(server.port, app, options);
  clients.push(client);
  return client;
}

/** A publisher of `name` that has sent its headers and a key frame. */
async function publisher(name = 's', app = 'live'): Promise<RtmpClient> {
  const client = await enter(app);
  const before = server.application(app).streams.get(name)?.counters.keyFrames ?? 0;
  await client.publish(name);
  client.push(VIDEO, 0, V_HEADER);
  client.push(AUDIO, 0, A_HEADER);
  client.push(VIDEO, 0, KEY);
  await until(() => server.application(app).streams.get(name)?.counters.keyFrames === before + 1);
  return client;
}

async function bodies(client: RtmpClient, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) got.push((await client.media()).body.toString('hex'));
  return got;
}

describe('connect', () => {
  test('is answered by windows, chunk size and _result with the fields clients know', async () => {
    await start(
      'ack_window 1000000; chunk_size 5000; server { listen 127.0.0.1:PORT; application live { live on; } }',
    );
    const client = await open();
    const { name, transactionId, args } = await client.connect('live', { objectEncoding: 0 });
    expect([name, transactionId]).toEqual(['_result', 1]);
    expect(args[0]).toEqual({ fmsVer: 'FMS/3,0,1,123', capabilities: 31 });
    expect(Object.entries(args[1] as object)).toEqual([
      ['level', 'status'],
      ['code', 'NetConnection.Connect.Success'],
      ['description', 'Connection succeeded.'],
      ['objectEncoding', 0],
    ]);
    expect(client.story.slice(0, 3)).toEqual([
      'windowAckSize',
      'peerBandwidth',
      '_result NetConnection.Connect.Success',
    ]);
    expect(client.got[0]!.body.readUInt32BE(0)).toBe(1_000_000);
    expect(client.got[1]!.body).toEqual(Buffer.from([0, 0x0f, 0x42, 0x40, 2]));
  });

  test('in AMF3 echoes the encoding, and later commands are understood', async () => {
    await start();
    const client = await open({ amf3: true });
    const { args } = await client.connect('live', { objectEncoding: 3 });
    expect((args[1] as { objectEncoding: number }).objectEncoding).toBe(3);
    await client.publish('s');
  });

  test('of enhanced RTMP is told that everything passes through', async () => {
    await start();
    const client = await open();
    const { args } = await client.connect('live', { fourCcList: ['hvc1', 'av01'], capsEx: 15 });
    expect(args[1]).toMatchObject({ fourCcList: ['*'], videoFourCcInfoMap: { '*': 4 } });
  });

  test.each([
    ['live', 'live'],
    ['live/', 'live'],
    ['live/_definst_', 'live'],
    ['live?token=a&b=c', 'live'],
    ['/live', 'live'],
  ])('to %j means application %s', async (app) => {
    await start();
    const client = await enter(app);
    await client.publish('s');
    expect(server.application('live').streams.has('s')).toBe(true);
  });

  test.each(['nothing', 'LIVE', 'live/room', ''])(
    'to %j is refused with a status and closed',
    async (app) => {
      await start();
      const client = await open();
      const { name, args } = await client.connect(app);
      expect(name).toBe('_error');
      expect(args[1]).toMatchObject({ level: 'error', code: 'NetConnection.Connect.Rejected' });
      expect(await client.closed).toBe('end');
    },
  );

  test('a second time closes the connection', async () => {
    await start();
    const client = await enter();
    client.call('connect', [{ app: 'live' }]);
    await client.closed;
    await until(() => server.host.connections.size === 0);
  });

  test.each([
    ['rtmp://a.example/app', 'a'],
    ['rtmps://A.example.:1935/app', 'a'],
    ['rtmpt://user:pass@b.example:1/app', 'b'],
    ['http://deep.b.example/app', 'b'],
    ['rtmp://[::1]:1935/app', 'six'],
    ['rtmp://elsewhere/app', 'a'],
    ['rubbish', 'a'],
    ['', 'a'],
  ])('to %j finds the server by its host', async (tcUrl, expected) => {
    await start(`
      server { listen 127.0.0.1:PORT; server_name a.example; application app { live on; } }
      server { listen 127.0.0.1:PORT; server_name .b.example; application app { live on; } }
      server { listen 127.0.0.1:PORT; server_name [::1]; application app { live on; } }
    `);
    const client = await open();
    await client.connect('app', { tcUrl });
    await client.publish('s');
    const names = ['a', 'b', 'six'];
    const found = names.filter((_, index) => server.application('app', index).streams.has('s'));
    expect(found).toEqual([expected]);
  });

  test('without tcUrl goes to the default server', async () => {
    await start();
    const client = await open();
    const answer = await client.answer(client.call('connect', [{ app: 'live' }]));
    expect(answer.name).toBe('_result');
  });

  test('that does not come ends the connection', async () => {
    await start('timeout 200ms; server { listen 127.0.0.1:PORT; application live { live on; } }');
    const client = await open();
    const begun = performance.now();
    await client.closed;
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test('may take its gates longer than clients have to send it', async () => {
    const slow: Module = {
      name: 'slow',
      tables: {},
      server: {
        table: {},
        enabled: () => true,
        start: (_conf, context: never) => {
          const { gate } = context as { gate(ask: () => Promise<void>): void };
          gate(() => new Promise((resolve) => setTimeout(resolve, 500)));
          return {};
        },
      },
    };
    await start('timeout 200ms; server { listen 127.0.0.1:PORT; application live { live on; } }', [slow]);
    await (await enter()).publish('s');
  });
});

describe('commands', () => {
  /** Calls the command and gives all that came back up to the answer of a later call. */
  async function ask(
    client: RtmpClient,
    name: string,
    args: AmfWritable[],
    streamId = 0,
  ): Promise<readonly unknown[]> {
    const from = client.got.length;
    const transaction = client.call(name, args, streamId);
    await client.createStream();
    return client.got
      .slice(from)
      .map(({ body }) => readAmf0Values(body))
      .slice(0, -1)
      .map((values) => values.map((value) => (value === transaction ? 'T' : value)));
  }

  test.each<[string, AmfWritable[], unknown[]]>([
    ['releaseStream', [null, 's'], [['_result', 'T', null, undefined]]],
    ['getStreamLength', [null, 's'], [['_result', 'T', null, 0]]],
    ['_checkbw', [null], []],
    ['seek', [null, 1000], []],
    [
      'FCPublish',
      [null, 's'],
      [
        ['_result', 'T', null, undefined],
        ['onFCPublish', 0, null, { level: 'status', code: 'NetStream.Publish.Start', description: 's' }],
      ],
    ],
    [
      'fcunpublish',
      [null, 's'],
      [
        ['_result', 'T', null, undefined],
        [
          'onFCUnpublish',
          0,
          null,
          { level: 'status', code: 'NetStream.Unpublish.Success', description: 's' },
        ],
      ],
    ],
    [
      'FCSubscribe',
      [null, 's'],
      [
        ['_result', 'T', null, undefined],
        ['onFCSubscribe', 0, null, { level: 'status', code: 'NetStream.Play.Start', description: 's' }],
      ],
    ],
    [
      'doWhatever',
      [null, 1],
      [
        [
          '_error',
          'T',
          null,
          {
            level: 'error',
            code: 'NetConnection.Call.Failed',
            description: 'call to function "doWhatever" failed',
          },
        ],
      ],
    ],
  ])('%s', async (name, args, answers) => {
    await start();
    expect(await ask(await enter(), name, args)).toEqual(answers);
  });

  test('createStream counts up, and a deleted stream is free again', async () => {
    await start();
    const client = await enter();
    expect([await client.createStream(), await client.createStream(), await client.createStream()]).toEqual([
      1, 2, 3,
    ]);
    client.call('deleteStream', [null, 2]);
    expect(await client.createStream()).toBe(2);
  });

  test('more streams than anybody needs end the connection', async () => {
    await start();
    const client = await enter();
    for (let i = 0; i < 100; i++) client.call('createStream', [null]);
    await client.closed;
    expect(client.story.filter((entry) => entry === '_result')).toHaveLength(16);
  });

  test('before connect end the connection', async () => {
    await start();
    const client = await open();
    client.call('createStream', [null]);
    await client.closed;
  });

  test('pings are answered, acknowledgements are sent within the window that the client asks for', async () => {
    await start();
    const client = await publisher();
    client.send(pingRequest(4711), windowAckSize(20_000), setBufferLength(1, 500));
    expect((await client.control('pingResponse')).timestamp).toBe(4711);
    for (let i = 0; i < 20; i++) client.push(VIDEO, 40 * i, Buffer.concat([INTER, Buffer.alloc(1000)]));
    expect((await client.control('acknowledgement')).bytes).toBeGreaterThan(5000);
  });

  test('a client that reads no answers is cut off', async () => {
    await start();
    const client = await enter();
    client.socket.pause();
    const name = 'x'.repeat(60);
    const lost = until(() => server.host.connections.size === 0, 15_000);
    const timer = setInterval(() => {
      if (client.socket.writableLength < 1_000_000) for (let i = 0; i < 2000; i++) client.call(name, [null]);
    }, 5);
    await lost.finally(() => clearInterval(timer));
    expect(Math.max(...server.log.map((line) => (line['bytesOut'] as number | undefined) ?? 0))).toBeLessThan(
      40_000_000,
    );
  });
});

describe('publish', () => {
  test('is told it may start, and its players get byte for byte what it sends', async () => {
    await start();
    const client = await enter();
    const id = await client.createStream();
    client.call('publish', [null, 's?key=1', 'live'], id);
    expect(await client.status('NetStream.Publish.Start')).toEqual({
      level: 'status',
      code: 'NetStream.Publish.Start',
      description: 'Start publishing',
      streamId: id,
    });
    const player = await enter();
    await player.play('s');
    const sent = [V_HEADER, A_HEADER, KEY, SOUND, INTER, Buffer.concat([INTER, Buffer.alloc(20_000, 7)])];
    for (const [index, body] of sent.entries()) client.push(body[0]! < 0xa0 ? VIDEO : AUDIO, index, body);
    expect((await bodies(player, 7)).slice(1)).toEqual(sent.map((body) => body.toString('hex')));
  });

  test('is read in larger parts while nobody watches, and all of it', async () => {
    await start();
    const client = await publisher();
    const { counters } = server.application('live').streams.get('s')!;
    for (let i = 0; i < 100; i++) {
      client.push(VIDEO, 40 + i, INTER);
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 7));
    }
    await until(() => counters.videoPackets === 101);
    const player = await enter();
    await player.play('s');
    await bodies(player, 4 + 100);
    client.push(VIDEO, 200, Buffer.concat([INTER, Buffer.from('live')]));
    await until(() => player.got.at(-1)!.body.includes('live'));
  });

  test('that has just left is not in the way of the next, even if nobody watched it', async () => {
    await start();
    for (let round = 0; round < 5; round++) {
      const client = await publisher();
      client.push(VIDEO, 40, INTER);
      const next = await enter();
      client.destroy();
      // The end of a connection takes a moment to come over.
      await new Promise((resolve) => setTimeout(resolve, 3));
      await next.publish('s');
      next.destroy();
      await until(() => !server.application('live').has('s'));
    }
  });

  test('that has just left is heard out, also where it is watched', async () => {
    await start();
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    await bodies(player, 4);
    client.push(VIDEO, 40, INTER);
    await bodies(player, 1);
    const application = server.application('live');
    client.destroy();
    expect(application.publicationOf(application.streams.get('s')!)).toBeDefined();
    await application.hearOut('s');
    expect(application.publicationOf(application.streams.get('s')!)).toBeUndefined();
  });

  test('is there for a player in one piece with the answer to play', async () => {
    await start();
    await publisher();
    const player = await enter();
    const id = await player.createStream();
    const pieces: Buffer[] = [];
    player.socket.on('data', (piece: Buffer) => pieces.push(Buffer.from(piece)));
    await player.play('s', id);
    await bodies(player, 4);
    expect(pieces).toHaveLength(1);
  });

  test.each([1, 2, 7])('arrives in pieces of %i bytes', async (piece) => {
    await start();
    const client = await enter('live', { piece });
    await client.publish('s');
    const player = await enter();
    await player.play('s');
    for (const body of [V_HEADER, KEY, INTER]) client.push(VIDEO, 0, body);
    expect((await bodies(player, 4)).slice(1)).toEqual(
      [V_HEADER, KEY, INTER].map((body) => body.toString('hex')),
    );
  });

  test('in one write with all that comes before and after it', async () => {
    await start();
    const client = await open();
    client.call('connect', [{ app: 'live', tcUrl: 'rtmp://127.0.0.1/live' }]);
    client.call('createStream', [null]);
    client.call('publish', [null, 's', 'live'], 1);
    for (const body of [V_HEADER, KEY, INTER]) client.push(VIDEO, 0, body);
    await client.status('NetStream.Publish.Start');
    await until(
      () =>
        server.application('live').streams.get('s')?.counters.videoBytes ===
        V_HEADER.length + KEY.length + INTER.length,
    );
  });

  test('of a name that is taken gets BadName and is closed; nothing of it reaches anybody, the first is unharmed', async () => {
    await start();
    const first = await publisher();
    const player = await enter();
    await player.play('s');
    const second = await enter();
    const id = await second.createStream();
    second.call('publish', [null, 's', 'live'], id);
    second.push(VIDEO, 0, Buffer.from('1701ffffff', 'hex'), id);
    expect(await second.status('NetStream.Publish.BadName')).toMatchObject({
      level: 'error',
      description: 'Already publishing',
      streamId: id,
    });
    expect(await second.closed).toBe('end');
    first.push(VIDEO, 40, INTER);
    const got = await bodies(player, 5);
    expect(got.at(-1)).toBe(INTER.toString('hex'));
    expect(got.join()).not.toContain('ffffff');
  });

  test.each(['', '../x', 'a\u0000b', 'a/../b', 'x'.repeat(256), 'a\nb'])(
    'of the name %j is refused',
    async (name) => {
      await start();
      const client = await enter();
      const id = await client.createStream();
      client.call('publish', [null, name, 'live'], id);
      expect((await client.status('NetStream.Publish.BadName'))['level']).toBe('error');
      expect(await client.closed).toBe('end');
    },
  );

  test('in an application that is not live is refused', async () => {
    await start('server { listen 127.0.0.1:PORT; application off { } }');
    const client = await enter('off');
    await expect(client.publish('s')).rejects.toThrow('closed');
    expect(client.story.at(-1)).toContain('NetStream.Publish.');
  });

  test('denied by a gate gets a status; a gate that fails is no way in', async () => {
    const guard: Module = {
      name: 'guard',
      tables: {},
      application: applicationService(
        {},
        {
          enabled: () => true,
          start: (_, { gate }) => {
            gate(async (request) => {
              await new Promise((resolve) => setTimeout(resolve, 20));
              if (request.name === 'no') throw new Refused('denied', 'not you');
              if (request.name === 'broken') throw new TypeError('bug');
              if (request.name === 'alias') request.name = 'real';
            });
            return {};
          },
        },
      ),
    };
    await start(undefined, [guard]);
    const denied = await enter();
    denied.call('publish', [null, 'no', 'live'], await denied.createStream());
    expect((await denied.status('NetStream.Publish.Denied'))['description']).toBe('not you');
    await denied.closed;
    const broken = await enter();
    await expect(broken.publish('broken')).rejects.toThrow('closed');
    expect(server.log.some(({ level, err }) => level === 50 && JSON.stringify(err).includes('bug'))).toBe(
      true,
    );
    await (await enter()).publish('alias');
    expect([...server.application('live').streams.keys()]).toEqual(['real']);
  });

  test('of one of two that ask at the same moment is refused', async () => {
    const gate: Module = {
      name: 'gate',
      tables: {},
      application: applicationService(
        {},
        {
          enabled: () => true,
          start: (_, context) => {
            context.gate(() => new Promise((resolve) => setTimeout(resolve, 50)));
            return {};
          },
        },
      ),
    };
    await start(undefined, [gate]);
    const both = [await enter(), await enter()];
    const outcomes = await Promise.allSettled(both.map((client) => client.publish('s')));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('whose client goes away while gates are asked leaves nothing behind', async () => {
    let release = (): void => undefined;
    const gate: Module = {
      name: 'gate',
      tables: {},
      application: applicationService(
        {},
        {
          enabled: () => true,
          start: (_, context) => {
            context.gate(
              () =>
                new Promise((resolve) => {
                  release = resolve;
                }),
            );
            return {};
          },
        },
      ),
    };
    await start(undefined, [gate]);
    const client = await enter();
    const asked = release;
    client.call('publish', [null, 's', 'live'], await client.createStream());
    await until(() => release !== asked);
    client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    await until(() => server.host.connections.size === 0);
    expect(server.application('live').streams.size).toBe(0);
  });

  test.each([
    ['FCUnpublish', (client: RtmpClient) => client.call('FCUnpublish', [null, 's'])],
    ['closeStream', (client: RtmpClient) => client.call('closeStream', [null], 1)],
    ['deleteStream', (client: RtmpClient) => client.call('deleteStream', [null, 1])],
  ])('ends by %s: the name is free at once', async (_, end) => {
    await start();
    const client = await publisher();
    end(client);
    expect(await client.status('NetStream.Unpublish.Success')).toMatchObject({
      description: 'Stop publishing',
    });
    await (await enter()).publish('s');
  });

  test('ends with the connection', async () => {
    await start();
    const client = await publisher();
    client.destroy();
    await until(() => server.application('live').streams.size === 0);
    await (await enter()).publish('s');
  });

  test('on two message streams of one connection is two publications', async () => {
    await start();
    const client = await enter();
    const a = await client.publish('a');
    const b = await client.publish('b');
    client.push(VIDEO, 0, V_HEADER, a);
    client.push(VIDEO, 0, KEY, b);
    const { streams } = server.application('live');
    await until(() => streams.get('b')?.counters.keyFrames === 1);
    expect(streams.get('a')!.counters).toMatchObject({ videoBytes: V_HEADER.length, keyFrames: 0 });
  });

  test('counts from its answer on: media before it reach nobody and end nothing', async () => {
    await start();
    const client = await enter();
    const id = await client.createStream();
    client.data(['@setDataFrame', 'onMetaData', { width: 320 }], id);
    for (const body of [V_HEADER, KEY, INTER]) client.push(VIDEO, 0, body, id);
    client.push(AUDIO, 0, SOUND, id);
    await client.publish('s', id);
    client.push(VIDEO, 40, KEY, id);
    const stream = () => server.application('live').streams.get('s');
    await until(() => stream()?.counters.keyFrames === 1);
    expect(stream()?.opening).toMatchObject({ metadata: null, headers: [] });
  });

  test('on a message stream that plays ends the playing; play on one that publishes ends the connection', async () => {
    await start();
    await publisher('a');
    const client = await enter();
    const id = await client.play('a');
    const played = () => [...server.application('live').subscriptions].map(({ stream }) => stream.name);
    expect(played()).toEqual(['a']);
    await client.publish('b', id);
    expect(played()).toEqual([]);
    client.call('play', [null, 'a'], id);
    await client.closed;
    expect(played()).toEqual([]);
  });

  test('with media on another message stream than its own is understood', async () => {
    await start();
    const client = await enter();
    await client.publish('s');
    client.push(VIDEO, 0, V_HEADER, 0);
    client.push(VIDEO, 0, KEY, 5);
    await until(
      () => server.application('live').streams.get('s')?.counters.videoBytes === V_HEADER.length + KEY.length,
    );
  });

  test('in aggregates is unpacked with timestamps of its own', async () => {
    await start();
    const client = await publisher();
    const tag = (type: number, time: number, body: Buffer): Buffer => {
      const head = Buffer.alloc(11);
      head[0] = type;
      head.writeUIntBE(body.length, 1, 3);
      head.writeUIntBE(time, 4, 3);
      const tail = Buffer.alloc(4);
      tail.writeUInt32BE(body.length + 11);
      return Buffer.concat([head, body, tail]);
    };
    const player = await enter();
    await player.play('s');
    await bodies(player, 4);
    const body = Buffer.concat([tag(VIDEO, 5000, INTER), tag(AUDIO, 5020, SOUND)]);
    client.send({ csid: 6, type: AGGREGATE, streamId: 1, timestamp: 1000, body });
    const [first, second] = [await player.media(), await player.media()];
    expect([first.timestamp, second.timestamp]).toEqual([1000, 1020]);
    expect(second.body).toEqual(SOUND);
  });

  test('that sends nothing is dropped where drop_idle_publisher says so', async () => {
    await start('server { listen 127.0.0.1:PORT; application live { live on; drop_idle_publisher 150ms; } }');
    const client = await enter();
    await client.publish('s');
    await client.closed;
    expect(server.application('live').streams.size).toBe(0);
  });
});

describe('metadata and data', () => {
  const meta = { width: 320, height: 240, encoder: 'test', videocodecid: 7 };

  test.each([
    [
      'on',
      (values: unknown[]) =>
        expect(values).toEqual(['onMetaData', expect.objectContaining({ Server: 'mediad', width: 320 })]),
    ],
    ['copy', (values: unknown[]) => expect(values).toEqual(['onMetaData', meta])],
  ])('meta %s', async (mode, check) => {
    await start(`server { listen 127.0.0.1:PORT; application live { live on; meta ${mode}; } }`);
    const client = await enter();
    await client.publish('s');
    client.data(['@setDataFrame', 'onMetaData', meta]);
    client.push(VIDEO, 0, V_HEADER);
    client.push(VIDEO, 0, KEY);
    const player = await enter();
    await player.play('s');
    const data = await player.next(
      ({ type, body }) => (type === DATA && body.includes('onMetaData') ? readAmf0Values(body) : undefined),
      'metadata',
    );
    check(data);
  });

  test('meta off sends none, and a reload changes it under way', async () => {
    const conf = (mode: string) =>
      `server { listen 127.0.0.1:PORT; application live { live on; meta ${mode}; } }`;
    await start(conf('off'));
    const client = await enter();
    await client.publish('s');
    client.data(['@setDataFrame', 'onMetaData', meta]);
    client.push(VIDEO, 0, V_HEADER);
    client.push(VIDEO, 0, KEY);
    const player = await enter();
    await player.play('s');
    await bodies(player, 3);
    expect(player.story.filter((entry) => entry.startsWith('data'))).toEqual(['data |RtmpSampleAccess']);
    await server.reload(conf('copy'));
    client.push(VIDEO, 40, INTER);
    const news = await player.next(({ type, body }) => (type === DATA ? body : undefined), 'metadata');
    expect(readAmf0Values(news)).toEqual(['onMetaData', meta]);
  });

  test('of type 15 is read as AMF0', async () => {
    await start('server { listen 127.0.0.1:PORT; application live { live on; meta copy; } }');
    const client = await enter();
    await client.publish('s');
    const body = Buffer.concat([Buffer.alloc(1), writeAmf0('@setDataFrame', 'onMetaData', meta)]);
    client.send({ csid: 8, type: DATA_AMF3, streamId: 1, timestamp: 0, body });
    client.push(VIDEO, 0, KEY);
    const player = await enter();
    await player.play('s');
    expect(readAmf0Values((await bodies(player, 2)).map((text) => Buffer.from(text, 'hex'))[1]!)[0]).toBe(
      'onMetaData',
    );
  });

  test('that is broken is left out; the publisher goes on', async () => {
    await start();
    const client = await enter();
    await client.publish('s');
    client.push(
      DATA,
      0,
      Buffer.concat([writeAmf0('@setDataFrame', 'onMetaData'), Buffer.from([3, 0, 5, 65])]),
    );
    client.push(VIDEO, 0, KEY);
    await until(() => server.application('live').streams.get('s')?.counters.keyFrames === 1);
  });

  test('other data goes to players as it came, but nothing that speaks for the server', async () => {
    await start();
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    await bodies(player, 4);
    client.data(['onStatus', { code: 'NetStream.Play.Stop' }]);
    client.data(['|RtmpSampleAccess', false, false]);
    for (const name of ['onTextData', 'onCuePoint', 'onFi', 'onXMPData']) client.data([name, { x: 1 }]);
    for (const name of ['onTextData', 'onCuePoint', 'onFi', 'onXMPData']) {
      expect(readAmf0Values((await player.media()).body)).toEqual([name, { x: 1 }]);
    }
  });
});

describe('play', () => {
  test('of a stream that runs: begin, start, access, then opening and group', async () => {
    await start();
    await publisher();
    const player = await enter();
    const id = await player.createStream();
    const from = player.got.length;
    player.call('play', [null, 's', -2], id);
    await bodies(player, 4);
    expect(player.story.slice(from)).toEqual([
      'streamBegin',
      'onStatus NetStream.Play.Reset',
      'onStatus NetStream.Play.Start',
      'data |RtmpSampleAccess',
      'media',
      'media',
      'media',
    ]);
  });

  test('of a stream that is not there waits where idle_streams is on', async () => {
    await start();
    const player = await enter();
    await player.play('s');
    await publisher();
    expect((await player.control('streamBegin')).streamId).toBe(1);
    expect((await bodies(player, 3)).at(-1)).toBe(KEY.toString('hex'));
  });

  test('of a stream that is not there is refused where idle_streams is off; with the publisher players leave', async () => {
    await start('server { listen 127.0.0.1:PORT; application live { live on; idle_streams off; } }');
    const early = await enter();
    early.call('play', [null, 's'], await early.createStream());
    expect(await early.status('NetStream.Play.StreamNotFound')).toMatchObject({
      level: 'error',
      description: 'No such stream',
    });
    expect(await early.closed).toBe('end');
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    client.destroy();
    await player.status('NetStream.Play.Stop');
    expect(await player.closed).toBe('end');
  });

  test('of a name that is published but has no media yet is let in where idle_streams is off', async () => {
    await start('server { listen 127.0.0.1:PORT; application live { live on; idle_streams off; } }');
    await (await enter()).publish('s');
    await (await enter()).play('s');
  });

  test('is told of the publisher with publish_notify and play_restart', async () => {
    await start(
      'server { listen 127.0.0.1:PORT; application live { live on; publish_notify on; play_restart on; } }',
    );
    const player = await enter();
    const id = await player.createStream();
    player.call('play', [null, 's'], id);
    await player.createStream();
    expect(player.story).not.toContain('onStatus NetStream.Play.Start');
    const client = await publisher();
    await player.status('NetStream.Play.Start');
    await player.status('NetStream.Play.PublishNotify');
    client.destroy();
    await player.control('streamEof');
    await player.status('NetStream.Play.Stop');
    await player.status('NetStream.Play.UnpublishNotify');
    await publisher();
    await player.status('NetStream.Play.Start');
  });

  test('stays through a publisher that comes back, on one time line', async () => {
    await start();
    const player = await enter();
    await player.play('s');
    const first = await publisher();
    first.push(VIDEO, 5000, KEY);
    await bodies(player, 5);
    first.destroy();
    await player.control('streamEof');
    await publisher();
    await player.control('streamBegin');
    expect((await player.media()).timestamp).toBe(5040);
  });

  test('is paused and goes on at a key frame later than what it had', async () => {
    await start();
    const client = await publisher();
    const player = await enter();
    const id = await player.play('s');
    await bodies(player, 4);
    player.call('pause', [null, true, 0], id);
    await player.status('NetStream.Pause.Notify');
    await player.control('streamEof');
    client.push(VIDEO, 40, INTER);
    client.push(VIDEO, 80, KEY);
    await until(() => server.application('live').streams.get('s')!.counters.keyFrames === 2);
    player.call('pauseRaw', [null, false, 0], id);
    await player.status('NetStream.Unpause.Notify');
    await player.control('streamBegin');
    const times = [];
    for (let i = 0; i < 3; i++) times.push((await player.media()).timestamp);
    expect(Math.min(...times)).toBe(80);
  });

  test.each([
    ['receiveVideo', AUDIO],
    ['receiveAudio', VIDEO],
  ])('%s false leaves only the other track', async (command, kind) => {
    await start('server { listen 127.0.0.1:PORT; application live { live on; } }');
    const client = await publisher();
    const player = await enter();
    const id = await player.play('s');
    await bodies(player, 4);
    player.call(command, [null, false], id);
    await player.createStream();
    const from = player.got.length;
    for (const [time, body] of [KEY, INTER].entries()) {
      client.push(VIDEO, 100 + time, body);
      client.push(AUDIO, 100 + time, SOUND);
    }
    await player.next(({ timestamp }) => (timestamp === 101 ? true : undefined), 'the last frame');
    const kinds = new Set(player.got.slice(from).map(({ type, body }) => (body[1] === 1 ? type : 0)));
    kinds.delete(0);
    expect([...kinds]).toEqual([kind]);
  });

  test('on a second message stream gets its own stream id', async () => {
    await start();
    await publisher('a');
    await publisher('b');
    const player = await enter();
    const one = await player.play('a');
    const two = await player.play('b');
    await player.next(
      ({ type, streamId }) => (type === VIDEO && streamId === two ? true : undefined),
      'video of b',
    );
    expect([one, two]).toEqual([1, 2]);
  });

  test('play2 goes over to another stream', async () => {
    await start();
    const other = await publisher('other');
    await publisher('s');
    const player = await enter();
    const id = await player.play('s');
    await bodies(player, 4);
    player.call('play2', [null, { streamName: 'other', start: -2 }], id);
    await player.status('NetStream.Play.Start');
    expect(server.application('live').streams.get('s')!.players).toBe(0);
    other.push(VIDEO, 40, Buffer.from('270100000099', 'hex'));
    expect((await bodies(player, 5)).at(-1)).toBe('270100000099');
  });

  test('that is closed takes no more', async () => {
    await start();
    await publisher();
    const player = await enter();
    const id = await player.play('s');
    player.call('closeStream', [null], id);
    await player.createStream();
    expect(server.application('live').streams.get('s')!.players).toBe(0);
    await player.play('s', id);
  });

  test('of a stranger that never created a stream works', async () => {
    await start();
    await publisher();
    const player = await enter();
    await player.play('s', 1);
    await bodies(player, 4);
  });
});

describe('time', () => {
  test.each([
    ['24 bits', 0xffffff - 60],
    ['31 bits', 0x7fffffff - 60],
    ['32 bits', 0xffffffff - 60],
  ])('a clock that passes %s on the way goes on for players', async (_, from) => {
    await start();
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    await bodies(player, 4);
    client.destroy();
    const second = await (async () => {
      await until(() => !server.application('live').publications[Symbol.iterator]().next().value);
      return await enter();
    })();
    await second.publish('s');
    const times: number[] = [];
    for (let i = 0; i < 6; i++)
      second.push(VIDEO, (from + i * 40) >>> 0, i === 0 ? KEY : Buffer.concat([INTER, Buffer.alloc(9000)]));
    for (let i = 0; i < 6; i++) times.push((await player.media()).timestamp);
    expect(times.map((time) => time - times[0]!)).toEqual([0, 40, 80, 120, 160, 200]);
  });
});

describe('watching over connections', () => {
  test('garbage closes that connection, with one line in the log', async () => {
    await start();
    const client = await open();
    client.write(Buffer.alloc(3000, 0xc3));
    await client.closed;
    const { connect } = await import('node:net');
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(server.log.filter(({ level }) => level >= 30).map(({ msg }) => msg)).toHaveLength(2);
    await (await enter()).publish('s');
  });

  test('a handshake that never ends is cut off', async () => {
    await start('timeout 150ms; server { listen 127.0.0.1:PORT; application live { live on; } }');
    const { connect } = await import('node:net');
    const socket = connect(server.port, '127.0.0.1');
    const timer = setInterval(() => socket.write(Buffer.from([3])), 20);
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    await until(() => server.host.connections.size === 0);
  });

  test('a silent client is pinged, and ended where it does not answer', async () => {
    await start(
      'ping 100ms; ping_timeout 100ms; server { listen 127.0.0.1:PORT; application live { live on; } }',
    );
    const client = await enter();
    await client.publish('s');
    await client.control('pingRequest');
    await client.closed;
    expect(server.application('live').streams.size).toBe(0);
  });

  test('busy ends it without a question', async () => {
    await start('ping 100ms; busy on; server { listen 127.0.0.1:PORT; application live { live on; } }');
    const client = await enter();
    await client.publish('s');
    await client.closed;
    expect(client.story).not.toContain('pingRequest');
  });

  test('a player that takes media is not silent', async () => {
    await start('ping 100ms; busy on; server { listen 127.0.0.1:PORT; application live { live on; } }');
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    for (let i = 1; i < 20; i++) {
      client.push(VIDEO, i * 40, INTER);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    player.call('createStream', [null]);
    await player.command('_result');
    expect(player.socket.destroyed).toBe(false);
  });

  test('a client that does nothing with its connection is ended after timeout', async () => {
    await start('timeout 200ms; server { listen 127.0.0.1:PORT; application live { live on; } }');
    const idle = await enter();
    const player = await enter();
    await player.play('s');
    expect(await idle.closed).toBe('end');
    expect(player.socket.destroyed).toBe(false);
  });

  test('messages above max_message and chunk streams above max_streams end the connection', async () => {
    await start(
      'max_message 2k; max_streams 10; server { listen 127.0.0.1:PORT; application live { live on; } }',
    );
    const large = await publisher();
    large.push(VIDEO, 0, Buffer.concat([KEY, Buffer.alloc(3000)]));
    await large.closed;
    const many = await enter();
    many.send({ csid: 10, type: VIDEO, streamId: 1, timestamp: 0, body: KEY });
    await many.closed;
    const reasons = server.log.filter(({ level }) => level === 40).map(({ reason }) => reason);
    expect(reasons).toEqual([expect.stringContaining('max_message'), expect.stringContaining('max_streams')]);
  });

  test('commands beyond max_amf_depth or max_amf_values end the connection, metadata beyond them are left out', async () => {
    const small = 'max_amf_depth 4; max_amf_values 64;';
    await start(`
      server { listen 127.0.0.1:PORT; ${small} application live { live on; } }
      server { listen 127.0.0.1:PORT; server_name big; max_amf_values 10000; application live { live on; } }
    `);
    const deep = await enter();
    deep.call('x', [null, [[[[]]]]]);
    expect(await deep.createStream()).toBe(1);
    deep.call('x', [null, [[[[[]]]]]]);
    await deep.closed;
    const many = await enter();
    many.call('x', [null, new Array<number>(64).fill(1)]);
    await many.closed;
    const warned = () => server.log.filter(({ level }) => level === 40).map(({ reason }) => reason);
    expect(warned()).toEqual([
      expect.stringContaining('max_amf_depth'),
      expect.stringContaining('max_amf_values'),
    ]);
    const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, at]));
    const client = await publisher();
    client.data(['@setDataFrame', 'onMetaData', { width: 320, ...fields }]);
    await until(() => warned().length === 3);
    expect(warned()[2]).toContain('max_amf_values');
    expect(client.socket.destroyed).toBe(false);
    const other = await open();
    await other.connect('live', { tcUrl: 'rtmp://big/live' });
    await other.publish('s');
    other.data(['@setDataFrame', 'onMetaData', { width: 320, ...fields }]);
    other.push(VIDEO, 0, KEY);
    const stream = () => server.application('live', 1).streams.get('s');
    await until(() => stream()?.counters.keyFrames === 1);
    expect(stream()?.opening.metadata?.body.includes('width')).toBe(true);
    expect(warned()).toHaveLength(3);
  });

  test('the limits are those of the server that the host leads to', async () => {
    await start(`
      server { listen 127.0.0.1:PORT; max_message 2k; application live { live on; } }
      server { listen 127.0.0.1:PORT; server_name big; max_message 100k; application live { live on; } }
    `);
    const client = await open();
    await client.connect('live', { tcUrl: 'rtmp://big/live' });
    await client.publish('s');
    client.push(VIDEO, 0, Buffer.concat([KEY, Buffer.alloc(50_000)]));
    await until(() => server.application('live', 1).streams.get('s')?.counters.keyFrames === 1);
  });

  test('a player that stops reading is reset after timeout, and nobody else notices', async () => {
    await start(
      'timeout 300ms; server { listen 127.0.0.1:PORT; application live { live on; out_queue_size 1m; } }',
    );
    const client = await publisher();
    const stuck = await enter();
    await stuck.play('s');
    stuck.socket.pause();
    const player = await enter();
    await player.play('s');
    const big = Buffer.concat([KEY, Buffer.alloc(500_000)]);
    let time = 0;
    const timer = setInterval(() => {
      time += 40;
      client.push(VIDEO, time, big);
    }, 20);
    await until(() => server.application('live').streams.get('s')!.players === 1, 10_000);
    clearInterval(timer);
    expect(server.log.some(({ reason }) => reason === 'the player stopped reading')).toBe(true);
    const seen = server.application('live').streams.get('s')!.counters.keyFrames;
    await until(() => player.got.filter(({ type }) => type === VIDEO).length >= seen);
  }, 15_000);
});

describe('a reload', () => {
  const conf = (more: string, app = '') =>
    `${more} server { listen 127.0.0.1:PORT; application live { live on; ${app} } application other { live on; } }`;

  test('leaves publishers and players as they are, and new settings count at once', async () => {
    await start(conf(''));
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    await bodies(player, 4);
    const report = await server.reload(conf('', 'gop_cache off;'));
    expect(report.changes).toMatchObject([
      { kind: 'application', outcome: 'updated', changed: ['gop_cache'] },
    ]);
    client.push(VIDEO, 40, INTER);
    expect((await player.media()).body).toEqual(INTER);
    await until(() => server.application('live').streams.get('s')!.cached.length === 0);
  });

  test('that removes the application ends its sessions, and no others', async () => {
    await start(conf(''));
    const client = await publisher();
    const player = await enter();
    await player.play('s');
    const idle = await enter();
    const stays = await publisher('x', 'other');
    await server.reload('server { listen 127.0.0.1:PORT; application other { live on; } }');
    await client.status('NetStream.Unpublish.Success');
    await player.status('NetStream.Play.Stop');
    await Promise.all([client.closed, player.closed, idle.closed]);
    expect(stays.socket.destroyed).toBe(false);
    await (await enter('other')).play('x');
  });

  test('that turns live off ends its sessions', async () => {
    await start(conf(''));
    const client = await publisher();
    await server.reload('server { listen 127.0.0.1:PORT; application live { } }');
    await client.closed;
    expect(server.application('live').streams.size).toBe(0);
  });

  test('that changes server settings counts for clients that connect later', async () => {
    await start(conf('chunk_size 4096;'));
    await server.reload(conf('chunk_size 9000;'));
    await publisher();
    const player = await enter();
    await player.play('s');
    expect([...server.application('live').streams.get('s')!.feeds].map(({ format }) => format.name)).toEqual([
      'rtmp/9000',
    ]);
  });
});

test('a session is told in the log without its key and its query', async () => {
  await start();
  const client = await enter('live?user=admin&password=hunter2');
  const secret = 'a8f5f167f44f4964e6c998dee827110c';
  await client.publish(`${secret}?sign=12345secret`);
  client.destroy();
  await until(() => server.host.connections.size === 0);
  const text = server.log.map((line) => JSON.stringify(line)).join('\n');
  expect(text).not.toContain(secret);
  expect(text).not.toContain('12345secret');
  expect(text).not.toContain('hunter2');
  const told = server.log.filter(({ level }) => level >= 30);
  expect(told.map(({ msg }) => msg)).toEqual(['publish started', 'publish ended', 'session ended']);
  expect(told[1]).toMatchObject({
    stream: 'a8f5***',
    app: 'live',
    reason: expect.any(String),
    bytesIn: expect.any(Number),
  });
});
