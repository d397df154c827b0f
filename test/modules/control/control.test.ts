import { describe, expect, test } from 'vitest';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { AAC_HEADER, AVC_HEADER, keyFrame } from '../../http/publishing.ts';
import type { RtmpClient } from '../../rtmp/client.ts';
import { until } from '../../rtmp/server.ts';
import { type Station, startStation } from '../station.ts';

async function station(more = 'rtmp_control all;'): Promise<Station> {
  return startStation(`
    rtmp { server { listen RTMP; application live { live on; } application other { live on; deny publish all; } } }
    http { access_log off; server { listen HTTP; location /control { ${more} } location /pub/ { ${more} } } }
  `);
}

/** Publishers `cam` and `cam2` of live, `cam` of other is not there, two players of cam and one of cam2. */
async function people(server: Station) {
  const publisher = async (name: string): Promise<RtmpClient> => {
    const client = await server.client('live');
    const id = await client.publish(name);
    client.push(VIDEO, 0, AVC_HEADER, id);
    client.push(AUDIO, 0, AAC_HEADER, id);
    client.push(VIDEO, 0, keyFrame(1), id);
    return client;
  };
  const player = async (name: string): Promise<RtmpClient> => {
    const client = await server.client('live');
    await client.play(name);
    return client;
  };
  return {
    cam: await publisher('cam'),
    cam2: await publisher('cam2'),
    first: await player('cam'),
    second: await player('cam'),
    third: await player('cam2'),
  };
}

function there(server: Station): string {
  const [live] = [...server.runtime.hub.applications()];
  const names = (all: Iterable<{ readonly stream: { readonly name: string } }>): string =>
    [...all].map(({ stream }) => stream.name).join(' ');
  return `${names(live!.publications)} | ${names(live!.subscriptions)}`;
}

describe('drop', () => {
  test.each([
    ['drop/publisher?app=live&name=cam', '1', 'cam2 | cam cam cam2'],
    ['drop/subscriber?app=live&name=cam', '2', 'cam cam2 | cam2'],
    ['drop/client?app=live&name=cam', '3', 'cam2 | cam2'],
    ['drop/client?app=live&name=cam2', '2', 'cam | cam cam'],
    ['drop/publisher', '2', ' | cam cam cam2'],
    ['drop/client?', '5', ' | '],
    ['drop/client?addr=127.0.0.1', '5', ' | '],
    ['drop/client?NAME=cam&addr=127.0.0.1', '3', 'cam2 | cam2'],
    ['drop/client?name=c%61m', '3', 'cam2 | cam2'],
    ['drop/client?app=liv', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?app=other', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?name=ca', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?name=', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?app=', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?name=*', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?addr=127.0.0', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?clientid=', '0', 'cam cam2 | cam cam cam2'],
    ['drop/client?clientid=1x', '0', 'cam cam2 | cam cam cam2'],
    ['drop/publisher?name=cam&addr=127.0.0.2', '0', 'cam cam2 | cam cam cam2'],
  ])('%s drops %s', async (path, count, left) => {
    const server = await station();
    await people(server);
    const answer = await server.get(`/control/${path}`);
    expect([answer.status, answer.body]).toEqual([200, count]);
    await until(() => there(server) === left);
  });

  test('of a client by its number takes only that one', async () => {
    const server = await station();
    const { second } = await people(server);
    const [live] = [...server.runtime.hub.applications()];
    const ids = [...live!.subscriptions].map(({ request }) => request.client.id);
    expect((await server.get(`/control/drop/client?clientid=${ids[1]}`)).body).toBe('1');
    expect(await second.closed).toBe('end');
    await until(() => there(server) === 'cam cam2 | cam cam2');
    expect([...live!.subscriptions].map(({ request }) => request.client.id)).toEqual([ids[0], ids[2]]);
  });

  test('answers without a type, whatever the method is', async () => {
    const server = await station();
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const answer = await server.get('/control/drop/client', { method });
      expect([answer.status, answer.body, answer.headers.get('content-type')]).toEqual([200, '0', null]);
    }
  });
});

describe('redirect', () => {
  test('has a publisher use another name, and its players wait for the old one', async () => {
    const server = await station();
    const { cam } = await people(server);
    const answer = await server.get('/control/redirect/publisher?app=live&name=cam&newname=fresh%3Fkey%3D1');
    expect([answer.status, answer.body]).toEqual([200, '1']);
    await cam.status('NetStream.Unpublish.Success');
    await cam.status('NetStream.Publish.Start');
    expect(there(server)).toBe('cam2 fresh | cam cam cam2');
    const [live] = [...server.runtime.hub.applications()];
    expect([...live!.publications].at(-1)!.request.args).toBe('key=1');
    cam.push(VIDEO, 0, AVC_HEADER);
    cam.push(VIDEO, 40, keyFrame(7));
    await until(() => live!.streams.get('fresh')?.live === true);
  });

  test('has players play another stream on the connection they have', async () => {
    const server = await station();
    const { first, second } = await people(server);
    expect((await server.get('/control/redirect/subscriber?name=cam&newname=cam2')).body).toBe('2');
    await Promise.all([first, second].map((one) => one.status('NetStream.Play.Start')));
    await until(() => there(server) === 'cam cam2 | cam2 cam2 cam2');
  });

  test('goes through the gates: who is refused is closed', async () => {
    const server = await station();
    const { cam } = await people(server);
    expect((await server.get('/control/redirect/publisher?name=cam&newname=cam2')).body).toBe('1');
    await cam.status('NetStream.Publish.BadName');
    expect(await cam.closed).toBe('end');
    await until(() => there(server) === 'cam2 | cam cam cam2');
  });
});

describe('what cannot be done', () => {
  test.each([
    ['drop/foo', 500],
    ['drop/client?srv=1', 500],
    ['drop/client?srv=x', 500],
    ['drop/client?client=5', 400],
    ['redirect/client?name=cam', 500],
    ['redirect/client?name=cam&newname=', 500],
    ['redirect/foo?newname=x', 500],
    ['record/foo', 500],
    ['record/start?name=nobody', 204],
    ['record/start?name=cam&rec=none', 500],
    ['foo/bar', 404],
    ['drop', 404],
    ['', 404],
  ])('%s is answered with %i', async (path, status) => {
    const server = await station();
    await people(server);
    expect((await server.get(`/control/${path}`)).status).toBe(status);
    expect(there(server)).toBe('cam cam2 | cam cam cam2');
  });

  test('what is not enabled is none of its business', async () => {
    const server = await station('rtmp_control redirect; rtmp_control record;');
    expect((await server.get('/control/drop/client')).status).toBe(404);
    expect((await server.get('/pub/redirect/client?newname=x')).body).toBe('0');
  });
});

test.each([
  ['from this machine', '', {}, 200],
  ['through a proxy on it', '', { 'X-Forwarded-For': '192.0.2.1' }, 403],
  ['through one that says so otherwise', '', { 'X-Real-IP': '192.0.2.1' }, 403],
  ['through a proxy that a rule lets in', 'allow 127.0.0.1; deny all;', { Forwarded: 'for=192.0.2.1' }, 200],
  ['refused by a rule', 'deny all;', {}, 403],
])('asked %s', async (_, rules, headers, status) => {
  const server = await station(`rtmp_control all; ${rules}`);
  await people(server);
  expect((await server.get('/control/drop/client?name=cam2', { headers })).status).toBe(status);
  const everybody = 'cam cam2 | cam cam cam2';
  if (status === 403) expect(there(server)).toBe(everybody);
  else await until(() => there(server) === 'cam | cam cam');
});
