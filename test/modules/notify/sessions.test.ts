import { describe, expect, test } from 'vitest';
import { freePort } from '../../rtmp/server.ts';
import { Endpoint } from './endpoint.ts';
import { Stage, until } from './fixtures.ts';

function hooks({ url }: Endpoint, ...names: readonly string[]): string {
  return names.map((name) => `on_${name} ${url}/${name};`).join(' ');
}

const STREAMS = ['publish', 'play', 'publish_done', 'play_done', 'done'];

describe('the end of a session is told once', () => {
  test('when another publisher takes the name over', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(`publish_conflict takeover; ${hooks(endpoint, ...STREAMS)}`);
    const first = await stage.publish('cam?n=1');
    await stage.publish('cam?n=2');
    await first.closed;
    await until(() => endpoint.calls.length === 4);
    const done = endpoint.calls.filter((call) => call.get('call') !== 'publish');
    expect(done.map((call) => `${call.get('call')} ${call.get('n')}`).sort()).toEqual([
      'done 1',
      'publish_done 1',
    ]);
  });

  test('when a name is taken: the second one was allowed and not let in', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = (call, response) => {
      if (call.get('name') === 'alias') response.writeHead(302, { Location: 'cam' });
      response.end();
    };
    const stage = await Stage.open(hooks(endpoint, ...STREAMS));
    await stage.publish('cam');
    expect(await stage.refusedPublish('alias')).toMatchObject({ code: 'NetStream.Publish.BadName' });
    await until(() => endpoint.calls.length === 4);
    expect([...endpoint.story].sort()).toEqual([
      'done alias',
      'publish alias',
      'publish cam',
      'publish_done alias',
    ]);
    // Without an answer to on_publish nothing of it has begun.
    expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.BadName' });
    expect(endpoint.calls.length).toBe(4);
  });

  test('when a player finds nothing', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(`idle_streams off; ${hooks(endpoint, ...STREAMS)}`);
    const player = await stage.connect();
    player.call('play', [null, 'nothing'], await player.createStream());
    await player.status('NetStream.Play.StreamNotFound');
    await until(() => endpoint.calls.length === 3);
    expect([...endpoint.story].sort()).toEqual(['done nothing', 'play nothing', 'play_done nothing']);
  });

  test('when its application or server is removed', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(hooks(endpoint, ...STREAMS), hooks(endpoint, 'connect', 'disconnect'));
    await stage.publish('cam');
    await stage.play('cam');
    await stage.server.reload(
      `server { listen 127.0.0.1:PORT; ${hooks(endpoint, 'connect', 'disconnect')} application other { live on; } }`,
    );
    await until(() => endpoint.calls.length === 10);
    const ends = ['disconnect', 'disconnect', 'done cam', 'done cam', 'play_done cam', 'publish_done cam'];
    const story = [...endpoint.story].sort();
    expect(story).toEqual(['connect', 'connect', ...ends, 'play cam', 'publish cam'].sort());
    const client = await stage.connect('other');
    // A server block that shares nothing with the one before is another server.
    const port = await freePort();
    await stage.server.reload(`server { listen 127.0.0.1:${port}; application third { live on; } }`);
    await client.closed;
    await until(() => endpoint.named('disconnect').length === 3);
  });

  test('when a session ends by commands, and begins again', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(hooks(endpoint, ...STREAMS));
    const client = await stage.connect();
    const id = await client.publish('a');
    client.call('FCUnpublish', [null, 'a']);
    client.call('deleteStream', [null, id]);
    await client.publish('b');
    client.destroy();
    await until(() => endpoint.calls.length === 6);
    expect([...endpoint.story].sort()).toEqual([
      ...['done a', 'done b', 'publish a', 'publish b', 'publish_done a', 'publish_done b'],
    ]);
  });

  test('of a hundred at once, with an endpoint that takes its time', async () => {
    const endpoint = await Endpoint.start();
    let open = 0;
    let most = 0;
    endpoint.answer = (call, response) => {
      if (call.get('call') !== 'publish_done') return void response.end();
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end();
      }, 5);
    };
    const stage = await Stage.open(hooks(endpoint, 'publish', 'publish_done'));
    const clients = await Promise.all(Array.from({ length: 100 }, (_, index) => stage.publish(`s${index}`)));
    for (const client of clients) client.destroy();
    await until(() => stage.status('on_publish_done').answers['2xx'] === 100);
    const names = endpoint.named('publish_done').map((call) => call.get('name'));
    expect(new Set(names).size).toBe(100);
    expect(names.length).toBe(100);
    expect(most).toBeLessThanOrEqual(32);
  });
});

describe('on_update', () => {
  const PERIOD = 'notify_update_timeout 100ms;';

  test('is asked again and again for publishers and players', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(`${hooks(endpoint, 'update')} ${PERIOD}`);
    const begun = performance.now();
    const publisher = await stage.publish('cam?key=1');
    await stage.play('cam');
    publisher.push(9, 480, Buffer.from('2701000000aa', 'hex'));
    await until(
      () => endpoint.named('update_publish').length >= 3 && endpoint.named('update_play').length >= 3,
    );
    expect(performance.now() - begun).toBeGreaterThan(290);
    expect(endpoint.named('update_publish')[0]!.fields.slice(7)).toEqual([
      ['call', 'update_publish'],
      ['time', '0'],
      ['timestamp', '480'],
      ['name', 'cam'],
      ['key', '1'],
    ]);
    publisher.destroy();
    await until(() => [...stage.server.application('live').publications].length === 0);
    const asked = endpoint.named('update_publish').length;
    const players = endpoint.named('update_play').length;
    await until(() => endpoint.named('update_play').length >= players + 3);
    expect(endpoint.named('update_publish').length).toBe(asked);
  });

  test.each([
    [200, {}, 'off', true],
    [200, {}, 'on', true],
    [302, { Location: 'x' }, 'off', true],
    [302, { Location: 'x' }, 'on', false],
    [403, {}, 'off', false],
    [500, {}, 'off', false],
    [403, {}, 'on', false],
    [0, {}, 'off', true],
    [0, {}, 'on', false],
  ])(
    'with %i %j and notify_update_strict %s: the session goes on: %s',
    async (status, headers, strict, goesOn) => {
      const endpoint = await Endpoint.start();
      endpoint.answer = (_call, response, socket) => {
        if (status === 0) socket.resetAndDestroy();
        else response.writeHead(status, headers).end();
      };
      const stage = await Stage.open(
        `${hooks(endpoint, 'update')} ${PERIOD} notify_update_strict ${strict};`,
      );
      const publisher = await stage.publish('cam');
      if (goesOn) {
        await until(() => endpoint.calls.length >= 3);
        expect(publisher.socket.readyState).toBe('open');
      } else {
        expect(await publisher.closed).toBe('end');
        expect(endpoint.calls.length).toBe(1);
      }
    },
  );

  test('may put off the end that an answer has set', async () => {
    const endpoint = await Endpoint.start();
    let renew = true;
    endpoint.answer = (call, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(call.get('call') === 'publish' || renew ? '{"expires":0.4}' : '{}');
    };
    const stage = await Stage.open(`${hooks(endpoint, 'publish', 'update')} ${PERIOD}`);
    const publisher = await stage.publish('cam');
    await until(() => endpoint.calls.length >= 8);
    expect(publisher.socket.readyState).toBe('open');
    renew = false;
    await publisher.closed;
  });

  test('begins, changes and ends by reloads in mid-stream', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open('');
    const publisher = await stage.publish('cam');
    await stage.reload(`${hooks(endpoint, 'update')} notify_update_timeout 1h;`);
    await stage.reload(`${hooks(endpoint, 'update')} ${PERIOD}`);
    await until(() => endpoint.calls.length >= 2);
    await stage.reload(`${hooks(endpoint, 'update')} notify_update_timeout 0;`);
    await until(() => stage.status('on_update').pending === 0);
    const asked = endpoint.calls.length;
    const other = await Endpoint.start();
    await stage.reload(`${hooks(other, 'update')} ${PERIOD}`);
    await until(() => other.calls.length >= 2);
    expect(endpoint.calls.length).toBe(asked);
    await stage.reload('');
    expect(publisher.socket.readyState).toBe('open');
  });
});
