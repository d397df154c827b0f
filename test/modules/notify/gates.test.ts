import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Answering, Endpoint } from './endpoint.ts';
import { Stage, until } from './fixtures.ts';

function json(said: unknown, status = 200): Answering {
  return (_call, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(said));
  };
}

function moved(location: string): Answering {
  return (_call, response) => void response.writeHead(302, { Location: location }).end();
}

/** Answers only calls of one kind by `special`; all others are allowed. */
function only(kind: string, special: Answering): Answering {
  return (call, response, socket) => {
    if (call.get('call') === kind) special(call, response, socket);
    else response.end();
  };
}

function hooks({ url }: Endpoint, ...names: readonly string[]): string {
  return names.map((name) => `on_${name} ${url}/${name};`).join(' ');
}

const STREAMS = ['publish', 'play', 'publish_done', 'play_done', 'done'];

describe('a no', () => {
  test('of on_connect reaches the client, and nothing is told of it later', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = json({ allow: false, reason: 'not today' });
    const stage = await Stage.open('', hooks(endpoint, 'connect', 'disconnect'));
    const client = await stage.open();
    const { name, args } = await client.connect('live');
    expect([name, args[1]]).toEqual([
      '_error',
      { level: 'error', code: 'NetConnection.Connect.Rejected', description: 'not today' },
    ]);
    await client.closed;
    endpoint.answer = json({});
    await stage.connect();
    expect(endpoint.story).toEqual(['connect', 'connect']);
  });

  test('of on_publish comes before anything of the stream, and nothing is told of it later', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('publish', (_call, response) => void response.writeHead(403).end());
    const stage = await Stage.open(hooks(endpoint, ...STREAMS));
    expect(await stage.refusedPublish('cam')).toEqual({
      level: 'error',
      code: 'NetStream.Publish.Denied',
      description: 'publish is not allowed',
    });
    expect([...stage.server.application('live').streams.keys()]).toEqual([]);
    expect(endpoint.story).toEqual(['publish cam']);
    expect(stage.status('on_publish')).toMatchObject({
      requests: 1,
      pending: 0,
      answers: { '2xx': 0, '3xx': 0, '4xx': 1, '5xx': 0 },
      refused: 1,
      failures: 0,
      application: 'live',
      url: `${endpoint.url}/publish`,
    });
  });

  test('of on_play reaches the player', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('play', json({ reason: 'pay first' }, 402));
    const stage = await Stage.open(hooks(endpoint, ...STREAMS));
    await stage.publish('cam');
    const player = await stage.connect();
    player.call('play', [null, 'cam'], await player.createStream());
    expect(await player.status('NetStream.Play.Failed')).toMatchObject({ description: 'pay first' });
    await player.closed;
    expect(endpoint.story).toEqual(['publish cam', 'play cam']);
  });

  test('of an access rule comes first: nobody is asked', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(`deny publish all; ${hooks(endpoint, ...STREAMS)}`);
    expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.Denied' });
    expect(endpoint.calls).toEqual([]);
  });
});

describe('another name', () => {
  test.each([
    ['Location', moved('other')],
    ['JSON', json({ name: 'other' })],
  ])('by %s is the stream’s, and callbacks go on with the one asked for', async (_how, answer) => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('publish', answer);
    const stage = await Stage.open(hooks(endpoint, ...STREAMS));
    const publisher = await stage.publish('secret?key=1');
    expect([...stage.server.application('live').streams.keys()]).toEqual(['other']);
    publisher.destroy();
    await until(() => endpoint.calls.length === 3);
    for (const call of endpoint.calls) {
      expect([call.get('name'), call.get('key')]).toEqual(['secret', '1']);
    }
  });

  test('is what a player gets', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('play', moved('cam'));
    const stage = await Stage.open(hooks(endpoint, 'play'));
    await stage.publish('cam');
    const player = await stage.play('alias');
    expect((await player.media()).type).toBeGreaterThan(0);
  });

  test('that nobody may have is refused', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(hooks(endpoint, 'publish', 'publish_done'));
    endpoint.answer = only('publish', moved('http://elsewhere/x'));
    expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.BadName' });
    // It had been allowed, so its end is told.
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.story).toEqual(['publish cam', 'publish_done cam']);
  });

  test('of an application is the one that the client comes to', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('connect', moved('other'));
    const stage = await Stage.open('', hooks(endpoint, 'connect', 'disconnect'));
    const client = await stage.publish('cam', 'nosuch');
    expect([...stage.server.application('other').streams.keys()]).toEqual(['cam']);
    client.destroy();
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.calls.map((call) => call.get('app'))).toEqual(['nosuch', 'other']);
  });

  test('of an application that is not there ends the client, and that is told', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('connect', moved('nosuch'));
    const stage = await Stage.open('', hooks(endpoint, 'connect', 'disconnect'));
    const client = await stage.open();
    expect((await client.connect('live')).name).toBe('_error');
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.story).toEqual(['connect', 'disconnect']);
  });
});

describe('an address to relay to or from', () => {
  const TARGET = 'rtmp://127.0.0.1:9/app/name';

  async function targetsOf(answer: Answering, settings = '') {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('publish', answer);
    const stage = await Stage.open(`${hooks(endpoint, 'publish')} ${settings}`);
    await stage.publish('cam');
    const [publication] = stage.server.application('live').publications;
    return { name: publication!.stream.name, targets: publication!.request.targets };
  }

  test('is a target of the publisher', async () => {
    expect(await targetsOf(moved(TARGET))).toEqual({ name: 'cam', targets: [TARGET] });
    const targets = ['rtmp://a/b', 'rtmps://c/d'];
    expect(await targetsOf(json({ push: targets }))).toEqual({ name: 'cam', targets });
  });

  test('names the stream by its MD5 with notify_relay_redirect', async () => {
    expect(await targetsOf(moved(TARGET), 'notify_relay_redirect on;')).toEqual({
      name: createHash('md5').update(TARGET).digest('hex'),
      targets: [TARGET],
    });
  });

  test('with notify_no_resolve has to be one by number', async () => {
    expect(await targetsOf(moved(TARGET), 'notify_no_resolve on;')).toMatchObject({ targets: [TARGET] });
    const endpoint = await Endpoint.start();
    endpoint.answer = moved('rtmp://localhost/app');
    const stage = await Stage.open(`${hooks(endpoint, 'publish')} notify_no_resolve on;`);
    expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.Denied' });
  });

  test.each([
    ['Location', moved(TARGET)],
    ['JSON', json({ pull: TARGET })],
  ])('is the source of the player, by %s', async (_how, answer) => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('play', answer);
    const stage = await Stage.open(hooks(endpoint, 'play'));
    await stage.play('cam');
    const [subscription] = stage.server.application('live').subscriptions;
    expect(subscription!.request.source).toBe(TARGET);
  });

  test('sends the client there, where that is wished', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(
      hooks(endpoint, 'publish', 'play'),
      `notify_send_redirect on; ${hooks(endpoint, 'connect')}`,
    );
    const info = {
      level: 'error',
      code: 'NetConnection.Connect.Rejected',
      description: 'Connect here',
      ex: { code: 302, redirect: TARGET },
    };
    for (const kind of ['publish', 'play']) {
      endpoint.answer = only(kind, moved(TARGET));
      const client = await stage.connect();
      const answer = await client.answer(client.call(kind, [null, 'cam'], await client.createStream()));
      expect([answer.name, answer.args[1]]).toEqual(['_error', info]);
      await client.closed;
    }
    for (const answer of [moved(TARGET), json({ redirect: TARGET })]) {
      endpoint.answer = answer;
      const client = await stage.open();
      expect((await client.connect('live')).args[1]).toEqual(info);
      expect(client.story).not.toContain('onStatus NetConnection.Connect.Rejected');
      await client.closed;
    }
    // Adobe's encoders are told by statuses.
    const encoder = await stage.open();
    const flashVer = 'FMLE/3.0 (compatible; FMSc/1.0)';
    expect((await encoder.connect('live', { flashVer })).args[1]).toEqual(info);
    await encoder.closed;
    expect(encoder.story.slice(-4)).toEqual([
      ...['onStatus', 'netStatus', '_error'].map((name) => `${name} ${info.code}`),
      'close',
    ]);
  });
});

describe('bounds', () => {
  test('of time end the session', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = json({ expires: 0.2 });
    const stage = await Stage.open(hooks(endpoint, 'publish', 'publish_done'));
    const publisher = await stage.publish('cam');
    expect(await publisher.closed).toBe('end');
    await until(() => endpoint.calls.length === 2);
    expect(endpoint.story).toEqual(['publish cam', 'publish_done cam']);
  });

  test('of players hold for all that come', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('publish', json({ limits: { players: 1 } }));
    const stage = await Stage.open(hooks(endpoint, 'publish'));
    await stage.publish('cam');
    const first = await stage.play('cam');
    const second = await stage.connect();
    second.call('play', [null, 'cam'], await second.createStream());
    await second.status('NetStream.Play.Failed');
    first.destroy();
    await until(() => [...stage.server.application('live').subscriptions].length === 0);
    await stage.play('cam');
  });

  test('of bitrate end a publisher that goes on above them', { timeout: 15_000 }, async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = only('publish', json({ limits: { bitrate: 50_000 } }));
    const stage = await Stage.open(hooks(endpoint, 'publish'));
    const [loud, quiet] = [await stage.publish('loud'), await stage.publish('quiet')];
    const frame = Buffer.concat([Buffer.from('2701000000', 'hex'), Buffer.alloc(5000)]);
    let time = 0;
    const timer = setInterval(() => {
      time += 100;
      if (!loud.socket.writable) return;
      loud.push(9, time, frame);
      quiet.push(9, time, frame.subarray(0, 50));
    }, 100);
    await loud.closed;
    clearInterval(timer);
    expect([...stage.server.application('live').streams.keys()]).toEqual(['quiet']);
    expect(quiet.socket.readyState).toBe('open');
  });
});

describe('the request', () => {
  test('is JSON on request', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(`notify_format json; ${hooks(endpoint, 'publish')}`);
    await stage.publish('cam?call=evil&key=1');
    const [call] = endpoint.calls;
    expect(call!.headers['content-type']).toBe('application/json');
    expect(JSON.parse(call!.body)).toEqual({
      app: 'live',
      flashver: 'test',
      swfurl: '',
      tcurl: `rtmp://127.0.0.1:${stage.server.port}/live`,
      pageurl: '',
      addr: '127.0.0.1',
      clientid: expect.any(Number),
      call: 'publish',
      name: 'cam',
      type: 'live',
      args: 'call=evil&key=1',
    });
  });

  test('has the user of the URL as authorization, and its own query with GET', async () => {
    const endpoint = await Endpoint.start();
    const url = endpoint.url.replace('//', '//user:p%40ss@');
    const stage = await Stage.open(`notify_method get; on_publish ${url}/a/b?x=1;`);
    await stage.publish('cam?key=2');
    const [call] = endpoint.calls;
    expect(call!.method).toBe('GET');
    expect(call!.path.startsWith('/a/b?x=1&app=live&')).toBe(true);
    expect(call!.path.endsWith('&call=publish&name=cam&type=live&key=2')).toBe(true);
    expect(call!.headers.authorization).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
    expect(stage.status('on_publish').url).toBe(`${endpoint.url}/a/b`);
  });

  test('is not made of a query that is no query', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(hooks(endpoint, 'publish', 'play'));
    await stage.publish(`cam?token=${'x'.repeat(16_000)}`);
    expect(endpoint.calls[0]!.get('token')!.length).toBe(16_000);
    expect(await stage.refusedPublish(`other?token=${'x'.repeat(1_000_000)}`)).toMatchObject({
      code: 'NetStream.Publish.BadName',
    });
    expect(endpoint.calls.length).toBe(1);
  });

  test('goes over kept connections', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(hooks(endpoint, 'publish'));
    for (const name of ['a', 'b', 'c']) await stage.publish(name);
    expect(endpoint.calls.map(({ connection }) => connection)).toEqual([1, 1, 1]);
  });

  test('takes a URL without a scheme, and off', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(
      `on_publish 127.0.0.1:${endpoint.port}; on_play off;`,
      hooks(endpoint, 'play'),
    );
    await stage.publish('cam');
    await stage.play('cam');
    expect(endpoint.calls.map(({ path }) => path)).toEqual(['/']);
  });

  test.each(['ftp://h/', 'http://', 'http://h:99999/', 'http://a b/'])('is not made to %s', async (url) => {
    await expect(Stage.open(`on_publish "${url}";`)).rejects.toThrow(/invalid URL/);
  });
});
