import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeHosts } from '../../../src/cli/hosts.ts';
import { type Grant, signedQuery } from '../../../src/core/applications/signed-url.ts';
import { Daemon } from '../../../src/daemon.ts';
import { VIDEO } from '../../../src/media/packet.ts';
import { modules } from '../../../src/modules/index.ts';
import { parseAnswer } from '../../http/harness.ts';
import { connectTo, type RtmpClient } from '../../rtmp/client.ts';
import { freePort } from '../../rtmp/server.ts';

const KEY = 'a key of more than sixteen letters';
const OLD = 'an older key of many letters, too';
const NAMES = { sign: 'sign', expires: 'expires', prefix: 'prefix' };

let folder: string;
let daemon: Daemon;
let rtmp: number;
let http: number;
const clients: RtmpClient[] = [];

const conf = (application: string): string => `
  error_log error.log info;
  daemon off; auto_reload off;
  rtmp { server { listen 127.0.0.1:${rtmp};
    application live { live on; ${application} }
    application open { live on; }
  } }
  http { access_log off; server { listen 127.0.0.1:${http};
    location /live { flv_live on; add_header Access-Control-Allow-Origin *; }
    location /hls/ { alias hls/; sign_files live; add_header Access-Control-Allow-Origin *; }
    location /free/ { alias hls/; sign_files open; }
    location /gone/ { alias hls/; sign_files gone; }
  } }`;

async function start(application: string): Promise<void> {
  writeFileSync(join(folder, 'media.conf'), conf(application));
  daemon = await Daemon.start({
    config: { file: join(folder, 'media.conf'), sources: modules },
    hosts: makeHosts,
    version: 'test',
  });
}

async function reload(application: string): Promise<string> {
  writeFileSync(join(folder, 'media.conf'), conf(application));
  return (await daemon.reload('test')).kind;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-sign-'));
  [rtmp, http] = [await freePort(), await freePort()];
  mkdirSync(join(folder, 'hls'));
  writeFileSync(join(folder, 'hls/cam.m3u8'), '#EXTM3U\n#EXTINF:1,\ncam-1.ts\n');
  writeFileSync(join(folder, 'hls/cam-1.ts'), 'segment');
  writeFileSync(join(folder, 'hls/other-1.ts'), 'secret');
  writeFileSync(join(folder, 'hls/notes.txt'), 'secret');
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

const soon = (): number => Math.floor(Date.now() / 1000) + 60;

function query(change: Partial<Grant> = {}, key = KEY): string {
  const grant: Grant = {
    action: 'play',
    application: 'live',
    name: 'cam',
    prefix: false,
    expires: soon(),
    address: '',
    ...change,
  };
  return signedQuery(grant, key, NAMES);
}

/** What a client of RTMP is told. */
async function ask(action: 'publish' | 'play', name: string, app = 'live'): Promise<string> {
  const client = await connectTo(rtmp, app);
  clients.push(client);
  client.call(action, [null, name, action === 'publish' ? 'live' : -2], await client.createStream());
  for (;;) {
    const { args } = await client.command('onStatus');
    const { level, code, description } = args[1] as Readonly<Record<string, string>>;
    if (level === 'error') return `${code}: ${description}`;
    if (code?.endsWith('.Start') === true) return 'in';
  }
}

async function get(target: string, headers = ''): Promise<{ status: number; body: string; cors: string }> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(http, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
      // An endless answer has been understood when its header is there.
      if (got.includes('video/x-flv\r\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`);
  });
  if (text.includes('video/x-flv\r\n')) return { status: 200, body: 'live', cors: '' };
  const { status, body, headers: fields } = parseAnswer(text);
  return { status, body, cors: fields.get('access-control-allow-origin') ?? '' };
}

const UNSIGNED = 'the URL is not signed';
const WRONG = 'the signature of the URL is wrong';
const LATE = 'the URL has expired';

describe('sign', () => {
  test('lets publishers and players in whose URL is signed, over RTMP and HTTP-FLV', async () => {
    await start(`sign publish play; sign_key "${KEY}";`);
    expect(await ask('publish', 'cam')).toBe(`NetStream.Publish.Denied: ${UNSIGNED}`);
    expect(await ask('publish', `cam?${query()}`), 'for playing only').toBe(
      `NetStream.Publish.Denied: ${WRONG}`,
    );
    expect(await ask('publish', `cam?${query({ action: 'publish', expires: soon() - 120 })}`)).toBe(
      `NetStream.Publish.Denied: ${LATE}`,
    );
    expect(await ask('publish', `cam?${query({ action: 'publish' })}`)).toBe('in');
    expect(await ask('play', 'cam')).toBe(`NetStream.Play.Failed: ${UNSIGNED}`);
    expect(await ask('play', `cam?${query({ name: 'other' })}`)).toBe(`NetStream.Play.Failed: ${WRONG}`);
    expect(await ask('play', `cam?x=1&${query()}&y`)).toBe('in');
    expect(await ask('play', 'cam', `live?${query()}`), 'behind the application’s name').toBe('in');
    expect(await ask('publish', 'free', 'open')).toBe('in');

    const refused = await get('/live/live/cam.flv');
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([403, UNSIGNED]);
    expect(refused.cors).toBe('*');
    expect((await get(`/live/live/cam.flv?${query({ expires: 1 })}`)).status).toBe(403);
    expect((await get(`/live/live/cam.flv?${query()}`)).body).toBe('live');
    expect((await get(`/live?app=live&stream=cam&${query()}&port=${rtmp}`)).body).toBe('live');
  });

  test('asks only of those it names, and follows reloads', async () => {
    await start(`sign publish; sign_key "${KEY}";`);
    expect(await ask('publish', 'cam')).toContain(UNSIGNED);
    expect(await ask('play', 'cam')).toBe('in');
    expect(await reload(`sign play; sign_key "${KEY}";`)).toBe('applied');
    expect(await ask('play', 'cam')).toContain(UNSIGNED);
    expect(await ask('publish', 'cam')).toBe('in');
    expect(await reload('sign off;')).toBe('applied');
    expect(await ask('play', 'cam')).toBe('in');
    expect(await reload('sign play;'), 'a key is missing').toBe('refused');
    expect(await reload('sign watch; sign_key x;')).toBe('refused');
  });

  test('takes two keys, so that one can follow the other, from files and the environment', async () => {
    writeFileSync(join(folder, 'new.key'), `${KEY}\n`);
    process.env['MEDIAD_TEST_KEY'] = OLD;
    await start('sign play; sign_key file:new.key env:MEDIAD_TEST_KEY;');
    delete process.env['MEDIAD_TEST_KEY'];
    expect(await ask('play', `cam?${query()}`)).toBe('in');
    expect(await ask('play', `cam?${query({}, OLD)}`)).toBe('in');
    expect(await reload('sign play; sign_key file:new.key env:MEDIAD_TEST_KEY;')).toBe('refused');
    expect(await reload('sign play; sign_key file:new.key;')).toBe('applied');
    expect(await ask('play', `cam?${query({}, OLD)}`)).toContain(WRONG);
    writeFileSync(join(folder, 'new.key'), OLD);
    expect(await reload('sign play; sign_key file:new.key;')).toBe('applied');
    expect(await ask('play', `cam?${query({}, OLD)}`)).toBe('in');
    expect(await ask('play', `cam?${query()}`)).toContain(WRONG);
    expect(await reload('sign play; sign_key file:gone.key;')).toBe('refused');
  });

  test('binds URLs to addresses, and lets them be for all names that begin alike', async () => {
    await start(`sign play; sign_key "${KEY}"; sign_bind_address on; sign_args st e p;`);
    const names = { sign: 'st', expires: 'e', prefix: 'p' };
    const grant: Grant = {
      action: 'play',
      application: 'live',
      name: 'cam',
      prefix: true,
      expires: soon(),
      address: '127.0.0.1',
    };
    const good = signedQuery(grant, KEY, names);
    expect(await ask('play', `cam/front?${good}`)).toBe('in');
    expect(await ask('play', `cam?${good}`)).toBe('in');
    expect(await ask('play', `other?${good}`)).toContain(WRONG);
    expect(await ask('play', `cam?${signedQuery({ ...grant, address: '' }, KEY, names)}`)).toContain(WRONG);
    expect(
      await ask('play', `cam?${signedQuery({ ...grant, address: '203.0.113.1' }, KEY, names)}`),
    ).toContain(WRONG);
    expect(await ask('play', `other?${signedQuery({ ...grant, name: '' }, KEY, names)}`)).toBe('in');
    expect(await ask('play', `cam?${query()}`)).toContain(UNSIGNED);
  });

  test('ends sessions with their URL where sign_enforce_expiry says so', async () => {
    await start(`sign publish play; sign_key "${KEY}"; sign_enforce_expiry on;`);
    const expires = Math.floor(Date.now() / 1000) + 2;
    expect(await ask('publish', `cam?${query({ action: 'publish', expires })}`)).toBe('in');
    expect(await ask('publish', `long?${query({ action: 'publish', name: 'long' })}`)).toBe('in');
    expect(await ask('play', `long?${query({ name: 'long', expires })}`)).toBe('in');
    const [short, long, player] = clients as [RtmpClient, RtmpClient, RtmpClient];
    long.push(VIDEO, 0, Buffer.from('1700000000014d401f', 'hex'));
    expect((await short.status('NetStream.Unpublish.Success'))['description']).toBe(LATE);
    await Promise.all([short.closed, player.closed]);
    expect(Date.now()).toBeGreaterThan(expires * 1000);
    expect(long.socket.destroyed).toBe(false);
    await reload(`sign publish play; sign_key "${KEY}";`);
    expect(long.socket.destroyed).toBe(false);
  });
});

describe('sign_files', () => {
  test('wants signed URLs for playlists and segments, and hands the arguments on', async () => {
    await start(`sign play; sign_key "${KEY}"; hls_variant _low;`);
    const signed = query();
    const playlist = await get(`/hls/cam.m3u8?a=b&${signed}`);
    expect(playlist.body).toBe(`#EXTM3U\n#EXTINF:1,\ncam-1.ts?${signed}\n`);
    expect((await get(`/hls/${playlist.body.split('\n')[2]!}`)).body).toBe('segment');
    expect((await get(`/hls/cam.m3u8?${signed}`, 'Range: bytes=0-3\r\n')).status).toBe(200);

    writeFileSync(join(folder, 'hls/cam_low-1.ts'), 'low');
    expect((await get(`/hls/cam_low-1.ts?${signed}`)).body, 'a rendition').toBe('low');
    for (const target of [
      '/hls/cam.m3u8',
      '/hls/cam-1.ts',
      `/hls/other-1.ts?${signed}`,
      `/hls/notes.txt?${signed}`,
      `/hls/?${signed}`,
      `/hls/cam-1.ts?${query({ expires: 5 })}`,
      `/hls/cam-1.ts?${query({ action: 'publish' })}`,
      `/hls/cam-1.ts?${query({ application: 'open' })}`,
      `/gone/cam-1.ts?${signed}`,
    ]) {
      const refused = await get(target);
      expect([target, refused.status]).toEqual([target, 403]);
      expect(refused.body).not.toContain('secret');
    }
    expect((await get('/hls/cam-1.ts')).cors).toBe('*');
    expect((await get(`/hls/cam-2.ts?${signed}`)).status).toBe(404);
    expect((await get(`/hls/../hls/cam-1.ts?${signed}`)).body).toBe('segment');
    expect((await get('/free/cam-1.ts')).body, 'of an application without sign').toBe('segment');
    expect(await reload('sign off;')).toBe('applied');
    expect((await get('/hls/notes.txt')).body).toBe('secret');
  });

  test('reads long playlists from the disk whole', async () => {
    await start(`sign play; sign_key "${KEY}";`);
    const lines = Array.from({ length: 5000 }, (_, i) => `#EXTINF:1,\ncam-${i}.ts`);
    writeFileSync(join(folder, 'hls/cam.m3u8'), `#EXTM3U\n${lines.join('\n')}\n`);
    const signed = query();
    const { body } = await get(`/hls/cam.m3u8?${signed}`);
    expect(body.split('\n').filter((line) => line.endsWith(`.ts?${signed}`))).toHaveLength(5000);
  });
});
