import { expect, test } from 'vitest';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { AAC_HEADER, AVC_HEADER, keyFrame } from '../../http/publishing.ts';
import { until } from '../../rtmp/server.ts';
import { type Station, startStation } from '../station.ts';

const conf = (more = '', live = '') => `
  rtmp { server { listen RTMP; application live { live on; ${live} } } }
  http { access_log off; server { listen HTTP; location /api { api on; ${more} } } }
`;

async function publish(station: Station, name: string) {
  const client = await station.client('live');
  const id = await client.publish(name);
  client.push(VIDEO, 0, AVC_HEADER, id);
  client.push(AUDIO, 0, AAC_HEADER, id);
  client.push(VIDEO, 0, keyFrame(1), id);
  const [live] = [...station.runtime.hub.applications()];
  await until(() => live!.streams.get(name)?.live === true);
  return client;
}

async function json(station: Station, path: string, init?: RequestInit) {
  const answer = await station.get(`/api${path}`, init);
  expect(answer.headers.get('content-type')).toBe('application/json');
  return { status: answer.status, data: JSON.parse(answer.body) };
}

test('streams and clients', async () => {
  const station = await startStation(conf());
  await publish(station, 'a/b c');
  const player = await station.client('live');
  await player.play('a/b c');
  expect((await json(station, '/')).data).toMatchObject({ streams: 1, publishers: 1, players: 1 });
  const [stream, ...more] = (await json(station, '/streams')).data;
  expect(more).toEqual([]);
  expect(stream).toMatchObject({
    app: 'live',
    name: 'a/b c',
    live: true,
    publishing: true,
    facts: { video: { codec: 'H264', profile: 'Main' }, audio: { codec: 'AAC', sampleRate: 44_100 } },
    viewers: { rtmp: 1, 'http-flv': 0, hls: 0 },
  });
  expect(stream).not.toHaveProperty('clients');
  const one = await json(station, '/streams/live/a/b%20c');
  expect(one.data.clients.map(({ role }: { role: string }) => role)).toEqual(['publisher', 'player']);
  expect((await json(station, '/streams/live/none')).status).toBe(404);
  const clients = (await json(station, '/clients')).data;
  expect(clients).toMatchObject([
    { role: 'publisher', address: '127.0.0.1', app: 'live', stream: 'a/b c', flashver: 'test' },
    { role: 'player', protocol: 'rtmp' },
  ]);
  expect((await json(station, `/clients/${clients[1].id}`)).data).toMatchObject({ role: 'player' });
  for (const empty of ['/relays', '/execs', '/hooks']) expect((await json(station, empty)).data).toEqual([]);
});

test('a client is disconnected only where that is switched on', async () => {
  const station = await startStation(conf());
  const client = await publish(station, 'cam');
  const [{ id }] = (await json(station, '/clients')).data;
  expect((await json(station, `/clients/${id}`, { method: 'DELETE' })).status).toBe(403);
  await station.load(conf('api_control on;'));
  expect((await json(station, '/clients/999999', { method: 'DELETE' })).status).toBe(404);
  expect((await json(station, `/clients/${id}`, { method: 'DELETE' })).data).toEqual({ disconnected: 1 });
  expect(await client.closed).toBe('end');
  expect((await json(station, '/clients', { method: 'DELETE' })).status).toBe(405);
  expect((await json(station, '/clients', { method: 'POST', body: '{}' })).status).toBe(405);
});

test.each([
  ['from this machine', '', {}, 200],
  ['through a proxy on it', '', { 'X-Forwarded-For': '192.0.2.1' }, 403],
  ['through another one', '', { Forwarded: 'for=192.0.2.1' }, 403],
  [
    'through a proxy that a rule lets in',
    'allow 127.0.0.1; deny all;',
    { 'X-Forwarded-For': '192.0.2.1' },
    200,
  ],
  ['refused by a rule', 'deny all;', {}, 403],
])('asked %s', async (_, rules, headers, status) => {
  const station = await startStation(conf(rules));
  expect((await station.get('/api/streams', { headers })).status).toBe(status);
});

test('what is not there, and a slash that is missing', async () => {
  const station = await startStation(conf());
  expect((await json(station, '/nothing')).status).toBe(404);
  expect((await json(station, '/streams/live')).status).toBe(404);
  const bare = await station.get('/api', { redirect: 'manual' });
  expect([bare.status, bare.headers.get('location')]).toEqual([301, `http://127.0.0.1:${station.http}/api/`]);
});

test('the running configuration, with the place of each setting and without secrets', async () => {
  const station = await startStation(conf());
  const text = conf(
    '',
    `push rtmp://192.0.2.1/app/key-that-is-secret?sign=123; on_done http://user:pass@192.0.2.1/x;\n hls off; wait_key on;`,
  );
  const { tree } = await station.load(text);
  expect((await json(station, '/config')).data).toEqual([]);
  station.runtime.reloads.start(tree);
  const answer = await station.get('/api/config');
  expect(answer.body).not.toMatch(/key-that|sign=|pass@/);
  const [rtmp] = JSON.parse(answer.body);
  const application = rtmp.blocks[0].blocks[0];
  expect(application).toMatchObject({ block: 'application', key: 'live' });
  expect(application.settings.wait_key).toEqual({
    value: true,
    at: `${station.folder}/media.conf:3`,
  });
  expect(Object.keys(application.settings)).toEqual(['hls', 'live', 'on_done', 'push', 'wait_key']);
});

test('the last reload', async () => {
  const station = await startStation(conf());
  station.runtime.reloads.note(false, { outcome: 'refused' });
  expect((await json(station, '/reload')).data).toMatchObject({
    refused: 1,
    succeeded: false,
    last: { outcome: 'refused' },
  });
  station.runtime.reloads.note(true, { outcome: 'applied' });
  expect((await json(station, '/reload')).data).toMatchObject({
    applied: 1,
    succeeded: true,
    last: { outcome: 'applied' },
  });
});

test('events come as they happen', async () => {
  const station = await startStation(conf());
  const stop = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${station.http}/api/events`, { signal: stop.signal });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (kind: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const event = new RegExp(`event: ${kind}\\ndata: (.*)\\n\\n`).exec(text);
      if (event !== null) {
        text = text.slice(event.index + event[0].length);
        return JSON.parse(event[1]!);
      }
      const { value, done } = await reader.read();
      if (done) throw new Error(`ended before ${kind}: ${text}`);
      text += value;
    }
  };
  const publisher = await publish(station, 'cam');
  expect(await next('publish')).toMatchObject({ app: 'live', stream: 'cam', address: '127.0.0.1' });
  const player = await station.client('live');
  await player.play('cam');
  expect(await next('play')).toMatchObject({ stream: 'cam', protocol: 'rtmp' });
  player.socket.destroy();
  expect(await next('unplay')).toMatchObject({ stream: 'cam', seconds: 0 });
  publisher.socket.destroy();
  expect(await next('unpublish')).toMatchObject({ stream: 'cam' });
  const refused = await station.client('live');
  refused.call('publish', [null, '../x', 'live'], await refused.createStream());
  expect(await next('refused')).toMatchObject({ stream: '../x', action: 'publish' });
  expect(station.runtime.hub.traffic.byProtocol().has('http-flv')).toBe(false);
  stop.abort();
});
