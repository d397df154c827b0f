import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Call, Endpoint } from '../modules/notify/endpoint.ts';
import { captureHttp } from './capture.ts';
import { start, until } from './children.ts';
import { type Mediad, makePlace, type Place, ROOT, startMediad } from './harness.ts';

const MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const running: Mediad[] = [];

afterEach(async () => {
  for (const mediad of running.splice(0)) if (mediad.child.running) await mediad.stop();
});

async function mediad(conf: (place: Place) => string): Promise<Mediad> {
  const started = await startMediad(conf);
  running.push(started);
  return started;
}

/** Publishes a moving picture until it is stopped. */
function publish(url: string, ...more: readonly string[]) {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10', '-c:v', 'libx264', '-g', '10'];
  return start('ffmpeg', ['-nostdin', '-v', 'error', ...picture, ...more, '-f', 'flv', url]);
}

function rtmpdump(...args: readonly string[]) {
  return start('rtmpdump', [...args, '--live', '-o', '/dev/null']);
}

/** The callbacks of an application and its server, as both servers read them. */
function hooks({ url }: Endpoint, path = ''): { readonly server: string; readonly application: string } {
  const line = (name: string): string => `on_${name} ${url}${path || `/${name}`};`;
  return {
    server: ['connect', 'disconnect'].map(line).join(' '),
    application: ['publish', 'play', 'publish_done', 'play_done', 'done', 'update'].map(line).join(' '),
  };
}

/** nginx with its RTMP module, on the same callbacks. */
async function nginx(endpoint: Endpoint, settings: string): Promise<number> {
  const place = await makePlace();
  const { server, application } = hooks(endpoint);
  mkdirSync(place.path('logs'));
  const conf = place.path('nginx.conf');
  writeFileSync(
    conf,
    `load_module ${MODULE};
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {}
rtmp { server { listen 127.0.0.1:${place.rtmp}; ${server} ${settings}
  application live { live on; ${application} notify_update_timeout 1s; } } }`,
  );
  const child = await start('nginx', ['-p', place.directory, '-c', conf, '-g', 'worker_processes 1;']);
  await until('nginx listens', async () => {
    if (!child.running) throw new Error(`nginx ended: ${child.output()}`);
    return !(await isFree(place.rtmp));
  });
  return place.rtmp;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** One publisher and two players, each with a query where it may have one, from their start to their end. */
async function perform(port: number, endpoint: Endpoint): Promise<void> {
  const publisher = await publish(`rtmp://127.0.0.1:${port}/live/c%20am?key=a%20b&call=evil&x=1`);
  await until('on_update of the publisher', () => endpoint.named('update_publish').length >= 2, 20_000);
  const url = `rtmp://127.0.0.1:${port}/live?u=1/c%20am?t=2`;
  const first = await rtmpdump('-r', url, '-W', 'http://s/w.swf', '-p', 'http://p/?q=1&r=ü');
  await until('on_update of the player', () => endpoint.named('update_play').length >= 1, 20_000);
  await first.stop('SIGINT');
  await until('the end of the player', () => endpoint.named('disconnect').length === 1, 20_000);
  const second = await start('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-rtmp_live', 'live', '-i', `rtmp://127.0.0.1:${port}/live/cam`],
    ...['-f', 'null', '-'],
  ]);
  await until('the second player', () => endpoint.named('play').length === 2, 20_000);
  await second.stop('SIGKILL');
  await until('the end of the second player', () => endpoint.named('disconnect').length === 2, 20_000);
  await publisher.stop('SIGTERM');
  await until('the end', () => endpoint.named('disconnect').length === 3, 20_000);
  await until('the last done', () => endpoint.named('done').length === 3, 20_000);
}

/** What is another value at each run, or differs on purpose: each with what stands for it in the comparison. */
const TOLERATED: readonly { readonly field: string; readonly why: string; show(value: string): string }[] = [
  { field: 'epoch', why: 'the time of day here, that since the start of the machine there', show: digits },
  { field: 'clientid', why: 'both count their connections, and not the same ones', show: digits },
  { field: 'timestamp', why: 'the time of the media runs; for players it is always 0 there', show: digits },
  { field: 'tcurl', why: 'it holds the port', show: (value) => value.replace(/:[0-9]+/, ':PORT') },
  { field: 'flashver', why: 'cut to 31 characters there', show: (value) => value.slice(0, 31) },
];

function digits(value: string): string {
  return value.replace(/^[0-9]+$/, 'NUMBER');
}

/** A call as it is to be compared; `time` counts whole seconds, which may be one more or less. */
function comparable(call: Call): string[] {
  return call.fields.map(([name, value]) => {
    const shown = TOLERATED.find(({ field }) => field === name)?.show(value) ?? value;
    return `${name}=${name === 'time' ? 'SECONDS' : shown}`;
  });
}

/** One call of each kind and name, in the order of kinds: how they arrive at the end of a session is not fixed. */
function kinds(endpoint: Endpoint): Map<string, Call> {
  const found = new Map<string, Call>();
  for (const call of endpoint.calls) {
    const name = call.get('name') ?? call.get('pageurl');
    const key = `${call.get('call')} ${name} ${call.get('flashver')!.slice(0, 5)}`;
    if (!found.has(key)) found.set(key, call);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('beside nginx with its RTMP module', () => {
  test.each([
    ['post', ''],
    ['get', 'notify_method get;'],
  ])('the same clients cause the same requests, by %s', async (method, settings) => {
    const [theirs, ours] = [await Endpoint.start(), await Endpoint.start()];
    const port = await nginx(theirs, settings);
    const { server, application } = hooks(ours);
    const { place } = await mediad(
      ({ rtmp }) => `rtmp { server { listen 127.0.0.1:${rtmp}; ${server} ${settings}
        application live { live on; ${application} notify_update_timeout 1s; } } }`,
    );
    await perform(port, theirs);
    await perform(place.rtmp, ours);
    const [there, here] = [kinds(theirs), kinds(ours)];
    expect([...here.keys()]).toEqual([...there.keys()]);
    expect(there.size).toBe(17);
    for (const [kind, their] of there) {
      const our = here.get(kind)!;
      // What a client sends under the name of a field of ours does not reach the endpoint.
      const expected = comparable(their).filter((field) => field !== 'call=evil');
      expect(comparable(our), kind).toEqual(expected);
      expect([our.method, new URL(our.path, 'http://x').pathname]).toEqual([
        method.toUpperCase(),
        new URL(their.path, 'http://x').pathname,
      ]);
      expect(our.headers['content-type'] ?? '').toBe(method === 'get' ? '' : their.headers['content-type']);
      expect(our.headers.host).toBe(`127.0.0.1:${ours.port}`);
    }
    expect(
      theirs.calls.some((call) => call.body.includes('call=evil') || call.path.includes('call=evil')),
    ).toBe(true);
    // As bytes, too: values are escaped alike.
    const plain = (endpoint: Endpoint): string =>
      (endpoint.named('play')[0]!.body || endpoint.named('play')[0]!.path)
        .replace(/clientid=[0-9]+/, '')
        .replace(/127.0.0.1:[0-9]+/, '');
    expect(plain(ours)).toBe(plain(theirs));
  });
});

describe('ends', () => {
  test('of clients that are killed are told once each', async () => {
    const endpoint = await Endpoint.start();
    const { server, application } = hooks(endpoint);
    const { place, httpUrl, rtmpUrl } = await mediad(
      ({ rtmp, http }) => `rtmp { server { listen 127.0.0.1:${rtmp}; ${server}
        application live { live on; ${application} } } }
        http { server { listen 127.0.0.1:${http}; location /flv { flv_live on; } } }`,
    );
    const publisher = await publish(rtmpUrl('live', 'cam?key=1'));
    await until('a publisher', () => endpoint.named('publish').length === 1);
    const player = await rtmpdump('-r', rtmpUrl('live', 'cam'));
    await until('a player', () => endpoint.named('play').length === 1);
    const browser = request(httpUrl(`/flv?port=${place.rtmp}&app=live&stream=cam&token=t`));
    browser.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      browser.on('response', (response) => {
        response.on('error', () => undefined);
        response.once('data', () => resolve());
      });
      browser.end();
    });
    await until('a player over HTTP', () => endpoint.named('play').length === 2);
    const flv = endpoint.named('play')[1]!;
    expect(flv.fields.filter(([name]) => !['clientid', 'tcurl', 'swfurl', 'pageurl'].includes(name))).toEqual(
      [
        ['app', 'live'],
        ['flashver', 'flv_live 1.1'],
        ['addr', '127.0.0.1'],
        ['call', 'play'],
        ['name', 'cam'],
        ['start', '4294967294'],
        ['duration', '4294967295'],
        ['reset', '0'],
        ['port', String(place.rtmp)],
        ['stream', 'cam'],
        ['token', 't'],
      ],
    );
    (browser.socket as Socket).resetAndDestroy();
    await player.stop('SIGKILL');
    await publisher.stop('SIGKILL');
    await until('all ends', () => endpoint.named('disconnect').length === 3);
    await until('all ends', () => endpoint.named('done').length === 3);
    expect([...endpoint.story].sort()).toEqual([
      ...['connect', 'connect', 'connect', 'disconnect', 'disconnect', 'disconnect'],
      ...['done cam', 'done cam', 'done cam', 'play cam', 'play cam', 'play_done cam', 'play_done cam'],
      ...['publish cam', 'publish_done cam'],
    ]);
  });

  test('are told when the server is stopped', async () => {
    const endpoint = await Endpoint.start();
    const { server, application } = hooks(endpoint);
    const { rtmpUrl, stop } = await mediad(
      ({ rtmp }) => `rtmp { server { listen 127.0.0.1:${rtmp}; ${server}
        application live { live on; ${application} } } }`,
    );
    await publish(rtmpUrl('live', 'cam'));
    await until('a publisher', () => endpoint.named('publish').length === 1);
    await until('its start', () => endpoint.calls.length === 2);
    await stop();
    expect([...endpoint.story].sort()).toEqual([
      'connect',
      'disconnect',
      'done cam',
      'publish cam',
      'publish_done cam',
    ]);
  });
});

describe('an answer', () => {
  test('sends a stream on to another server, and fetches one from there', async () => {
    const [backend, far] = [await Endpoint.start(), await mediad(farConf)];
    backend.answer = (call, response) => {
      if (call.get('call') === 'publish') {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ push: [far.rtmpUrl('live', 'copy')] }));
      } else if (call.get('name') === 'fetched') {
        response.writeHead(302, { Location: far.rtmpUrl('live', 'copy') }).end();
      } else response.end();
    };
    const near = await mediad(
      ({ rtmp, http }) => `rtmp { server { listen 127.0.0.1:${rtmp};
        application live { live on; on_publish ${backend.url}; on_play ${backend.url}; } } }
        http { server { listen 127.0.0.1:${http}; location /flv { flv_live on; flv_live_wait 10s; } } }`,
    );
    await publish(near.rtmpUrl('live', 'cam'));
    await until('the stream arrives there', () => far.log().includes('publish started'), 20_000);
    const url = near.httpUrl(`/flv?port=${near.place.rtmp}&app=live&stream=fetched`);
    expect((await captureHttp(url, { bytes: 20_000 })).subarray(0, 3).toString()).toBe('FLV');
  });

  test('of the backend in the documentation knows its keys', async () => {
    const page = readFileSync(join(ROOT, 'docs/callbacks.md'), 'utf8');
    const program = /```js\n(.*?)```/s.exec(page)![1]!;
    const { rtmp, http, spare } = await makePlace();
    const [port] = spare;
    await start(process.execPath, ['--input-type=module', '-e', program], { env: { PORT: String(port) } });
    await until('the backend listens', async () => !(await isFree(port!)));
    const { log } = await mediad(
      () => `error_log stderr info; rtmp { server { listen 127.0.0.1:${rtmp};
        application live { live on; on_publish http://127.0.0.1:${port}/; } } }
        http { server { listen 127.0.0.1:${http}; } }`,
    );
    const refused = await publish(`rtmp://127.0.0.1:${rtmp}/live/show?key=guess`);
    expect((await refused.ended).code).not.toBe(0);
    expect(log()).toContain('wrong key');
    await publish(`rtmp://127.0.0.1:${rtmp}/live/show?key=secret`);
    await until('publish', () => log().includes('publish started'));
  });
});

function farConf({ rtmp }: Place): string {
  return `rtmp { server { listen 127.0.0.1:${rtmp}; application live { live on; } } }`;
}

describe('the server itself', () => {
  test('may be the endpoint of its own callbacks', async () => {
    const conf = ({ rtmp, http }: Place): string => `rtmp { server { listen 127.0.0.1:${rtmp};
        application live { live on; on_publish http://127.0.0.1:${http}/yes; on_play 127.0.0.1:${http}/no; } } }
        http { server { listen 127.0.0.1:${http};
          location = /yes { return 200; }
          location = /no { return 403; }
          location /flv { flv_live on; } } }`;
    const { place, rtmpUrl, httpUrl, log } = await mediad(conf);
    const publisher = await publish(rtmpUrl('live', 'cam'));
    await until('publish', () => log().includes('publish started'));
    const answer = await fetch(httpUrl(`/flv?port=${place.rtmp}&app=live&stream=cam`));
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { status: 403, error: 'play is not allowed' },
    ]);
    expect(publisher.running).toBe(true);
  });

  test('takes another URL for the next event, and no session notices', async () => {
    const [before, after] = [await Endpoint.start(), await Endpoint.start()];
    const conf =
      (endpoint: Endpoint) =>
      ({ rtmp }: Place): string =>
        `rtmp { server { listen 127.0.0.1:${rtmp}; ${hooks(endpoint).server}
          application live { live on; ${hooks(endpoint).application} } } }`;
    const { place, rtmpUrl, reload, log } = await mediad(conf(before));
    const publisher = await publish(rtmpUrl('live', 'cam'));
    await until('publish', () => log().includes('publish started'));
    expect((await reload(conf(after)(place))).code).toBe(0);
    expect(publisher.running).toBe(true);
    await publisher.stop();
    await until('the end', () => after.calls.length === 3);
    expect(before.story).toEqual(['connect', 'publish cam']);
    expect([...after.story].sort()).toEqual(['disconnect', 'done cam', 'publish_done cam']);
  });
});
