import { describe, expect, test } from 'vitest';
import { Endpoint } from './endpoint.ts';
import { Stage, until } from './fixtures.ts';

/** Every callback of an application, at an endpoint. */
function everything({ url }: Endpoint): string {
  return ['publish', 'play', 'publish_done', 'play_done', 'done', 'update']
    .map((name) => `on_${name} ${url}/${name};`)
    .join('\n');
}

function connections({ url }: Endpoint): string {
  return `on_connect ${url}/connect; on_disconnect ${url}/disconnect;`;
}

describe('a session', () => {
  test('is asked about and told of with the fields of nginx-rtmp in their order', async () => {
    const endpoint = await Endpoint.start();
    const stage = await Stage.open(everything(endpoint), connections(endpoint));
    const publisher = await stage.connect('live?user=u', {
      flashVer: 'FMLE/3.0 (compatible)',
      swfUrl: 'http://s/w.swf',
      pageUrl: 'http://p/?a=1&b',
      tcUrl: `rtmp://127.0.0.1:${stage.server.port}/live`,
    });
    await publisher.publish('cam?key=k%201');
    publisher.destroy();
    const player = await stage.connect('live');
    await player.play('cam?t=2');
    player.destroy();
    await until(() => endpoint.calls.length === 10);
    const [connect, publish] = endpoint.calls;
    expect(connect!.fields.filter(([name]) => name !== 'epoch')).toEqual([
      ['app', 'live'],
      ['flashver', 'FMLE/3.0 (compatible)'],
      ['swfurl', 'http://s/w.swf'],
      ['tcurl', `rtmp://127.0.0.1:${stage.server.port}/live`],
      ['pageurl', 'http://p/?a=1&b'],
      ['addr', '127.0.0.1'],
      ['call', 'connect'],
      ['user', 'u'],
    ]);
    expect(connect!.fields.map(([name]) => name).indexOf('epoch')).toBe(6);
    expect(Math.abs(Number(connect!.get('epoch')) - Date.now())).toBeLessThan(60_000);
    const base = [...connect!.fields.slice(0, 6), ['clientid', publish!.get('clientid')]];
    expect(publish!.fields).toEqual([
      ...base,
      ['call', 'publish'],
      ['name', 'cam'],
      ['type', 'live'],
      ['key', 'k 1'],
    ]);
    expect(publish!.headers).toMatchObject({
      host: `127.0.0.1:${endpoint.port}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(publish!.body.length),
    });
    expect([publish!.method, publish!.path]).toEqual(['POST', '/publish']);
    for (const call of ['publish_done', 'done']) {
      expect(endpoint.named(call)[0]!.fields).toEqual([
        ...base,
        ['call', call],
        ['name', 'cam'],
        ['key', 'k 1'],
      ]);
    }
    expect(endpoint.named('disconnect')[0]!.fields).toEqual([
      ...base,
      ['call', 'disconnect'],
      ['app', 'live'],
      ['user', 'u'],
    ]);
    expect(endpoint.named('play')[0]!.fields.slice(7)).toEqual([
      ['call', 'play'],
      ['name', 'cam'],
      ['start', '4294967294'],
      ['duration', '0'],
      ['reset', '0'],
      ['t', '2'],
    ]);
  });
});
