import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flvModule } from '../../../src/modules/flv/flv.ts';
import { playerModule } from '../../../src/modules/player/player.ts';
import type { PlayerState } from '../../../src/modules/player/state.ts';
import { type Site, startSite, textOf } from '../../http/harness.ts';
import { applicationOf, begin, publish, serve } from '../../http/publishing.ts';

const CONF = `
http {
  access_log off;
  server {
    listen PORT;
    root www;
    location /flv { flv_live on; }
    location /cam/ { flv_live on; flv_live_application cam; }
    location /hls/ { alias media/hls/; }
    location /nested { root media; }
    location / { player on; }
    location /watch { player nolist; }
  }
  server {
    listen PORT2;
    location / { player on; }
  }
}`;

describe('the player page', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(CONF, [flvModule, playerModule]);
    site.file('www/other.txt', 'a file');
    serve(site.runtime, {
      port: 1935,
      applications: {
        live: { hls: true, hls_path: 'media/hls', hls_nested: false },
        cam: { hls: true, hls_path: 'media/nested', hls_nested: true, hls_nested_index_filename: 'list' },
        secret: { live: false },
        'a/b': {},
      },
    });
    for (const [app, name] of [
      ['live', 'ü 1'],
      ['cam', 'door'],
      ['a/b', 'c'],
    ] as const) {
      begin(await publish(site.runtime, applicationOf(site.runtime, app), name), 1234);
    }
    await publish(site.runtime, applicationOf(site.runtime, 'live'), 'nothing-sent');
  });
  afterAll(() => site.close());

  const state = async (port?: number): Promise<PlayerState> =>
    JSON.parse(textOf(await site.get('/player.json', port === undefined ? {} : { port }))) as PlayerState;

  it('lists what is live with addresses that work', async () => {
    const put = (path: string): void =>
      site.runtime.files.put(join(site.prefix, path), { body: Buffer.from('#EXTM3U'), type: 'x', mtime: 1 });
    expect((await state()).streams.map(({ hls }) => hls)).toEqual([null, null, null]);
    put('media/hls/ü 1.m3u8');
    put('media/nested/door/list.m3u8');
    const { streams, now, publish: places } = await state();
    expect(Math.abs(now - Date.now())).toBeLessThan(5000);
    expect(places).toEqual([
      { app: 'live', port: 1935 },
      { app: 'cam', port: 1935 },
      { app: 'a/b', port: 1935 },
    ]);
    expect(streams).toEqual([
      {
        app: 'live',
        name: 'ü 1',
        flv: '/flv/live/%C3%BC%201.flv',
        hls: '/hls/%C3%BC%201.m3u8',
        mediaTime: 1234,
      },
      { app: 'cam', name: 'door', flv: '/cam/door.flv', hls: '/nested/door/list.m3u8', mediaTime: 1234 },
      { app: 'a/b', name: 'c', flv: '/flv?app=a%2Fb&stream=c', hls: null, mediaTime: 1234 },
    ]);
    for (const { flv, hls } of streams) {
      expect((await site.get(flv!, { method: 'HEAD' })).headers.get('content-type'), flv!).toBe(
        'video/x-flv',
      );
      if (hls !== null) expect((await site.get(hls)).body).toBe('#EXTM3U');
    }
  });

  it('names no stream that cannot be played here, nor any with nolist', async () => {
    expect((await state(site.ports[1])).streams).toEqual([]);
    const hidden = JSON.parse((await site.get('/watch/player.json')).body) as PlayerState;
    expect([hidden.streams, hidden.publish]).toEqual([[], []]);
  });

  it('serves the page with a policy for its scripts, and tells who has it already', async () => {
    const page = await site.get('/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const script = await site.get('/watch/player.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    const again = await site.get('/', { headers: { 'If-None-Match': page.headers.get('etag')! } });
    expect([again.status, again.body]).toEqual([304, '']);
  });

  it('leaves other paths to files, and methods to nobody', async () => {
    expect((await site.get('/other.txt')).body).toBe('a file');
    expect((await site.get('/player.json', { method: 'POST' })).status).toBe(405);
    expect((await site.get('/watch?x=1')).headers.get('location')).toMatch(/\/watch\/\?x=1$/);
    expect((await site.get('/player.json')).headers.get('cache-control')).toBe('no-store');
  });
});
