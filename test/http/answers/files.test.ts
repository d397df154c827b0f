import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Site, startSite } from '../harness.ts';

const CONF = `
http {
  access_log off;
  server {
    listen PORT;
    root www;
    location /hls { types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; } root media; }
    location /nocache/ { alias media/hls/; add_header Cache-Control max-age=1; }
    location /list/ { autoindex on; }
    location /json/ { alias www/list/; autoindex on; autoindex_format json; }
    location /types/ { alias www/; types { } default_type text/x-any; charset utf-8; etag off; max_ranges 0; }
    location /try/ { try_files $uri $uri/ /fallback.txt; }
    location /code/ { try_files $uri =418; }
    location /named/ { try_files $uri @named; }
    location @named { return 200 "named $uri"; }
    location ~ ^/re/(.+)$ { alias www/$1; }
    location = /exact { alias www/a.txt; }
    location /up { client_max_body_size 10; return 200 up; }
  }
}`;

const largeRanges = new Map([
  ['bytes=0-3', 'bytes 0-3/300000'],
  ['bytes=5-', 'bytes 5-299999/300000'],
  ['bytes=-3', 'bytes 299997-299999/300000'],
  ['bytes=3-100', 'bytes 3-100/300000'],
  ['bytes=0-0', 'bytes 0-0/300000'],
  ['bytes=20-30', 'bytes */300000'],
]);

describe('static files', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(CONF);
    site.file('www/index.html', '<p>index');
    site.file('www/a.txt', '0123456789');
    site.file('www/sub/index.html', 'sub');
    site.file('www/empty.txt', '');
    site.file('www/fallback.txt', 'fallback');
    site.file('www/try/here.txt', 'here');
    site.file('www/noindex/x.txt', 'x');
    site.file('www/.secret', 'secret');
    site.file('www/.well-known/acme', 'acme');
    site.file('www/sp ace/ü?#.txt', 'odd');
    site.file('www/list/b<&">.txt', 'b');
    site.file('www/list/c:d', 'b');
    site.file('www/list/.hidden', 'b');
    site.file('www/big.bin', Buffer.alloc(300_000, 7));
    site.file('secret.txt', 'outside');
    mkdirSync(join(site.prefix, 'www/list/sub'));
    symlinkSync(join(site.prefix, 'secret.txt'), join(site.prefix, 'www/link.txt'));
  });
  afterAll(() => site.close());

  it.each([
    ['/', 200, '<p>index'],
    ['/a.txt', 200, '0123456789'],
    ['/a.txt?x=1', 200, '0123456789'],
    ['//a.txt', 200, '0123456789'],
    ['/sub/../a.txt', 200, '0123456789'],
    ['/sub/%2e%2e/a.txt', 200, '0123456789'],
    ['/sub%2F..%2Fa.txt', 200, '0123456789'],
    ['/%61.txt', 200, '0123456789'],
    ['/empty.txt', 200, ''],
    ['/sub/', 200, 'sub'],
    ['/sp%20ace/%C3%BC%3F%23.txt', 200, 'odd'],
    ['/link.txt', 200, 'outside'],
    ['/.well-known/acme', 200, 'acme'],
    ['/re/a.txt', 200, '0123456789'],
    ['/exact', 200, '0123456789'],
    ['/try/here.txt', 200, 'here'],
    ['/try/gone.txt', 200, 'fallback'],
    ['/named/x', 200, 'named /named/x'],
  ])('GET %s answers %i', async (target, status, body) => {
    const answer = await site.get(target);
    expect(answer.body).toBe(body);
    expect(answer.status).toBe(status);
  });

  it.each([
    ['/../secret.txt', 400],
    ['/%2e%2e/secret.txt', 400],
    ['/sub/../../secret.txt', 400],
    ['/..%2f..%2fsecret.txt', 400],
    ['/a.txt%00.html', 400],
    ['/%zz', 400],
    ['/%', 400],
    ['/..\\secret.txt', 404],
    ['/%5c..%5csecret.txt', 404],
    ['/.secret', 404],
    ['/list/.hidden', 404],
    ['/.', 200],
    ['/gone', 404],
    ['/a.txt/', 404],
    ['/a.txt/x', 404],
    [`/${'x'.repeat(300)}`, 404],
    ['/noindex/', 403],
    ['/gone/', 404],
    ['/code/x', 418],
    ['/%ff%fe', 404],
  ])('GET %s answers %i and gives nothing away', async (target, status) => {
    const answer = await site.get(target);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('outside');
    expect(answer.body).not.toContain(site.prefix);
  });

  it('sends a folder to its slash, with the query', async () => {
    const answer = await site.get('/sub?a=1', { host: 'example.com' });
    expect(answer.status).toBe(301);
    expect(answer.headers.get('location')).toBe(`http://example.com:${site.port}/sub/?a=1`);
  });

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=5-', 206, '56789', 'bytes 5-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=3-100', 206, '3456789', 'bytes 3-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=20-30', 416, undefined, 'bytes */10'],
    ['bytes=abc', 200, '0123456789', undefined],
    ['bytes=5-2', 200, '0123456789', undefined],
    ['lines=1-2', 200, '0123456789', undefined],
    ['bytes=0-1,4-5', 200, '0123456789', undefined],
  ])('serves Range: %s from disk and from memory', async (range, status, body, contentRange) => {
    const path = join(site.prefix, 'media/hls/m.ts');
    site.runtime.files.put(path, { body: Buffer.from('0123456789'), type: 'video/mp2t', mtime: 1000 });
    for (const target of ['/a.txt', '/hls/m.ts']) {
      const answer = await site.get(target, { headers: { Range: range } });
      expect(answer.status, target).toBe(status);
      if (body !== undefined) expect(answer.body, target).toBe(body);
      expect(answer.headers.get('content-range'), target).toBe(contentRange);
    }
    // A file too large to be read whole goes another way.
    const large = await site.get('/big.bin', { headers: { Range: range.replace('20-30', '900000-900001') } });
    expect(large.status).toBe(status);
    if (status === 206) expect(large.body).toBe('\x07'.repeat(Number(large.headers.get('content-length'))));
    expect(large.headers.get('content-range')).toBe(
      contentRange === undefined ? undefined : largeRanges.get(range),
    );
  });

  it('serves conditional requests from disk and from memory', async () => {
    const path = join(site.prefix, 'media/hls/c.ts');
    utimesSync(join(site.prefix, 'www/a.txt'), 1_700_000_000, 1_700_000_000);
    site.runtime.files.put(path, {
      body: Buffer.from('0123456789'),
      type: 'video/mp2t',
      mtime: statSync(join(site.prefix, 'www/a.txt')).mtimeMs,
    });
    utimesSync(join(site.prefix, 'www/big.bin'), 1_700_000_000, 1_700_000_000);
    for (const target of ['/a.txt', '/hls/c.ts', '/big.bin']) {
      const first = await site.get(target);
      const etag = first.headers.get('etag')!;
      const modified = first.headers.get('last-modified')!;
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await site.get(target, { headers })).status;
      expect(modified).toBe('Tue, 14 Nov 2023 22:13:20 GMT');
      expect(await status({ 'If-None-Match': etag })).toBe(304);
      expect(await status({ 'If-None-Match': `"x", ${etag}` })).toBe(304);
      expect(await status({ 'If-None-Match': '"x"' })).toBe(200);
      expect(await status({ 'If-Modified-Since': modified })).toBe(304);
      expect(await status({ 'If-Modified-Since': 'Tue, 14 Nov 2000 22:13:20 GMT' })).toBe(200);
      expect(await status({ 'If-Match': '"x"' })).toBe(412);
      expect(await status({ 'If-Match': etag })).toBe(200);
      expect(await status({ 'If-Unmodified-Since': 'Tue, 14 Nov 2000 22:13:20 GMT' })).toBe(412);
      expect(await status({ Range: 'bytes=0-1', 'If-Range': etag })).toBe(206);
      expect(await status({ Range: 'bytes=0-1', 'If-Range': '"old"' })).toBe(200);
    }
    expect((await site.get('/a.txt')).headers.get('etag')).toBe(
      (await site.get('/hls/c.ts')).headers.get('etag'),
    );
  });

  it('serves from memory what is not on disk, a list without letting anybody keep it', async () => {
    const put = (name: string, type: string): void =>
      site.runtime.files.put(join(site.prefix, 'media/hls', name), {
        body: Buffer.from(name),
        type,
        mtime: 5000,
      });
    put('s.m3u8', 'application/vnd.apple.mpegurl');
    put('s-0.ts', 'video/mp2t');
    const list = await site.get('/hls/s.m3u8');
    expect([list.status, list.body]).toEqual([200, 's.m3u8']);
    expect(list.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    expect(list.headers.get('cache-control')).toBe('no-cache');
    const segment = await site.get('/hls/s-0.ts');
    expect(segment.headers.get('cache-control')).toBeUndefined();
    expect(segment.headers.get('content-type')).toBe('video/mp2t');
    expect((await site.get('/nocache/s.m3u8')).headers.get('cache-control')).toBe('max-age=1');
    const head = await site.get('/hls/s-0.ts', { method: 'HEAD' });
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, '', '6']);
  });

  it('lists a folder with names made safe', async () => {
    const answer = await site.get('/list/');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain('<a href="./b%3C&amp;%22%3E.txt">b&lt;&amp;&quot;&gt;.txt</a>');
    expect(answer.body).toContain('<a href="./c%3Ad">c:d</a>');
    expect(answer.body).toContain('<a href="./sub/">sub/</a>');
    expect(answer.body).not.toContain('hidden');
    const json = JSON.parse((await site.get('/json/')).body) as { name: string; type: string }[];
    expect(json.map(({ name, type }) => [name, type])).toEqual([
      ['sub', 'directory'],
      ['b<&">.txt', 'file'],
      ['c:d', 'file'],
    ]);
  });

  it('answers methods as they are offered', async () => {
    const head = await site.get('/a.txt', { method: 'HEAD' });
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, '', '10']);
    const options = await site.get('/a.txt', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
      const answer = await site.get('/a.txt', { method, body: method === 'TRACE' ? '' : 'x' });
      expect(answer.status, method).toBe(405);
    }
    expect((await site.get('/up', { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200);
    expect((await site.get('/up', { method: 'POST', body: 'x'.repeat(11) })).status).toBe(413);
  });

  it('takes types, charset and validators from the place', async () => {
    const answer = await site.get('/types/a.txt', { headers: { Range: 'bytes=0-1' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/x-any; charset=utf-8');
    expect(answer.headers.get('etag')).toBeUndefined();
    expect(answer.headers.get('accept-ranges')).toBeUndefined();
  });

  it('sends a large file whole', async () => {
    const answer = await site.get('/big.bin');
    expect(answer.body).toBe('\x07'.repeat(300_000));
  });

  it('answers from what it holds as it answers from the disk', async () => {
    const path = site.file('www/held.txt', '0123456789');
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const asked: readonly Parameters<Site['get']>[1][] = [
      {},
      { method: 'HEAD' },
      ...['bytes=0-3', 'bytes=-3', 'bytes=20-30', 'bytes=0-1,4-5'].map((Range) => ({ headers: { Range } })),
      { headers: { 'If-None-Match': '*' } },
      { headers: { 'If-Modified-Since': 'Tue, 14 Nov 2023 22:13:20 GMT' } },
      { headers: { 'If-Match': '"x"' } },
      { method: 'POST', body: 'x' },
    ];
    const all = async (): Promise<unknown[]> => {
      const answers: unknown[] = [];
      for (const request of asked) {
        const { status, fields, body } = await site.get('/held.txt', request);
        answers.push({ request, status, fields: fields.filter(([name]) => name !== 'Date'), body });
      }
      return answers;
    };
    const fresh = await all();
    const isHeld = async (): Promise<boolean> => {
      const found = await site.runtime.disk.find(path);
      return found.kind === 'whole' && found.held;
    };
    await expect.poll(isHeld, { timeout: 8000 }).toBe(true);
    expect(await all()).toEqual(fresh);
    expect(await all()).toEqual(fresh);
  });

  it('gives the newest version of a list that is replaced all the time', async () => {
    for (let i = 0; i < 100; i++) {
      const made = site.file('www/live.m3u8.new', `list ${i % 10}`);
      utimesSync(made, 1_700_000_000, 1_700_000_000);
      renameSync(made, join(site.prefix, 'www/live.m3u8'));
      expect((await site.get('/live.m3u8')).body).toBe(`list ${i % 10}`);
    }
  });

  const LONG = 24 * 1024 * 1024;

  /** Asks for a file and reads only the first of it; the rest comes when the socket is resumed. */
  async function halfRead(name: string): Promise<{ socket: Socket; all: Promise<number> }> {
    const socket = connect(site.port, '127.0.0.1');
    let bytes = 0;
    const all = new Promise<number>((resolve) => socket.once('close', () => resolve(bytes)));
    socket.on('error', () => undefined);
    socket.write(`GET /${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await new Promise<void>((resolve) => {
      socket.once('data', (first) => {
        socket.pause();
        const text = first.toString('latin1');
        expect(text).toContain(`Content-Length: ${LONG}\r\n`);
        bytes = first.length - text.indexOf('\r\n\r\n') - 4;
        resolve();
      });
    });
    socket.on('data', (more) => {
      bytes += more.length;
    });
    socket.pause();
    return { socket, all };
  }

  const opened = (path: string): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    }).length;

  it('sends of a file that grows what it has told', async () => {
    const path = site.file('www/grows.bin', Buffer.alloc(LONG));
    const { socket, all } = await halfRead('grows.bin');
    appendFileSync(path, Buffer.alloc(100_000));
    expect(opened(path)).toBe(1);
    socket.resume();
    expect(await all).toBe(LONG);
    await expect.poll(() => opened(path)).toBe(0);
  });

  it('ends the connection where a file has become shorter, and where its client has gone', async () => {
    const path = site.file('www/shrinks.bin', Buffer.alloc(LONG));
    const { socket, all } = await halfRead('shrinks.bin');
    const other = await halfRead('shrinks.bin');
    expect(opened(path)).toBe(2);
    other.socket.destroy();
    await expect.poll(() => opened(path)).toBe(1);
    truncateSync(path, 1000);
    socket.resume();
    expect(await all).toBeLessThan(LONG);
    await expect.poll(() => opened(path)).toBe(0);
  });

  it('keeps the files of many clients apart', async () => {
    const letters = [...'abcdefgh'];
    for (const letter of letters) site.file(`www/${letter}.bin`, letter.repeat(2_500_000));
    const targets = [...letters, ...letters, ...letters];
    const answers = await Promise.all(targets.map((letter) => site.get(`/${letter}.bin`)));
    for (const [i, { body }] of answers.entries()) {
      expect(body.length).toBe(2_500_000);
      expect(body === targets[i]!.repeat(2_500_000), targets[i]).toBe(true);
    }
  });
});
