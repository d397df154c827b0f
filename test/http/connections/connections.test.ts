import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { value } from '../../../src/config/rows.ts';
import { contentHandler, type HttpModule } from '../../../src/http/handler.ts';
import { parseAnswer, type Site, startSite } from '../harness.ts';

const slowTable = {
  slow: value<boolean>(() => true, false, 'Answers when the test says so.', '', {
    min: 0,
    max: 0,
    contexts: ['location'],
  }),
};

/** Lets the slow requests go, first come first. */
const waiting: (() => void)[] = [];

/** Answers only when the test lets it go, and fails where it is asked to. */
const slowModule: HttpModule = {
  name: 'slow',
  tables: { location: slowTable },
  content: contentHandler(slowTable, {
    enabled: (conf) => conf.slow,
    async handle(exchange) {
      if (exchange.args === 'throw') throw new Error('a bug in a handler');
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
      return { status: 200, body: `slow ${exchange.place.block.settings['default_type']}` };
    },
  }),
};

const CONF = `
http {
  access_log off;
  client_header_timeout 1s;
  large_client_header_buffers 2 1k;
  server {
    listen PORT;
    keepalive_timeout 1s 5;
    location / { return 200 "ok $connection_requests"; }
    location /slow { slow; default_type text/one; }
    location /close { keepalive_timeout 0; return 200 x; }
    location /three { keepalive_requests 3; return 200 "$connection_requests"; }
    location /silent { return 444; }
    location /status { stub_status; }
    location /off { server_tokens off; return 404; }
    location /missing { return 404; }
  }
}`;

describe('connections', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(CONF, [slowModule]);
  });
  afterEach(() => expect.poll(() => site.runtime.requests.active).toBe(0));
  afterAll(() => site.close());

  it('answers a header without an end, and does not listen to it for ever', async () => {
    const socket = connect(site.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const line = `X: ${'y'.repeat(1000)}\r\n`;
    const endless = setInterval(() => {
      if (socket.writable) socket.write(line);
    }, 20);
    const before = performance.now();
    await closed;
    clearInterval(endless);
    expect(heard).toContain('HTTP/1.1 431 ');
    expect(performance.now() - before).toBeLessThan(4000);
  });

  it('keeps HTTP/1.1 connections, HTTP/1.0 ones only where asked', async () => {
    const two = await site.raw(
      'GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(two).toMatch(/ok 1HTTP\/1\.1 200 OK\r\n[\s\S]*ok 2$/);
    expect(parseAnswer(two).headers.get('connection')).toBe('keep-alive');
    expect(parseAnswer(two).headers.get('keep-alive')).toBe('timeout=5');
    const old = await site.raw('GET /a HTTP/1.0\r\n\r\n');
    expect(parseAnswer(old).headers.get('connection')).toBe('close');
    const kept = await site.raw('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /a HTTP/1.0\r\n\r\n');
    expect(kept).toContain('ok 2');
  });

  it('closes after the idle time, after a number of requests, or at once, as the place says', async () => {
    const began = performance.now();
    await site.raw('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(4000);
    expect(await site.raw('GET /close HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3))).not.toMatch(/200[\s\S]*200/);
    const three = await site.raw('GET /three HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5));
    expect(three.split('HTTP/1.1 200')).toHaveLength(4);
    expect(await site.raw('GET /silent HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
  });

  it.each([
    ['a line that is none', 'garbage\r\n\r\n', 400],
    ['binary', '\x03\x00\x00\x00\x00\xff\xfe\x01'.repeat(200), 400],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a wrong Host', 'GET / HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n', 400],
    ['two dots in Host', 'GET / HTTP/1.1\r\nHost: a..b\r\nConnection: close\r\n\r\n', 400],
    ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n', 400],
    [
      'a length and chunks at once',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 400],
    ['a long line', `GET /${'a'.repeat(5000)}`, 414],
    ['a long field', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(5000)}\r\n\r\n`, 431],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405],
    ['a path that is none', 'GET x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
  ])('answers %s and closes', async (_name, bytes, status) => {
    expect(parseAnswer(await site.raw(bytes)).status).toBe(status);
  });

  it('reads a request in any pieces', async () => {
    const bytes = 'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    for (const parts of [2, 7, bytes.length]) expect(await site.raw(bytes, { parts })).toContain('200 OK');
  });

  it('gives 408 to a header that does not end, and nothing to a client that says nothing', async () => {
    const [slow, silent] = await Promise.all([site.raw('GET / HTTP/1.1\r\nHost: x\r\n'), site.raw('')]);
    expect(parseAnswer(slow).status).toBe(408);
    expect(silent).toBe('');
  });

  it.each([
    ['the first', '', 1],
    ['the next', 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n', 2],
    ['one after a request of another kind', 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx', 2],
  ])('ends a connection on which %s header comes byte by byte', async (_name, before, answers) => {
    const socket = connect(site.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(before);
    const began = performance.now();
    const header = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(1000)}`;
    let at = 0;
    const dripping = setInterval(() => {
      if (socket.writable) socket.write(header[at++]!);
    }, 20);
    await closed;
    clearInterval(dripping);
    expect(performance.now() - began).toBeLessThan(6000);
    const statuses = heard.match(/HTTP\/1\.1 \d+/g);
    expect(statuses).toHaveLength(answers);
    expect(statuses?.at(-1)).toBe('HTTP/1.1 408');
  });

  it('says who it is no more than server_tokens lets it', async () => {
    const page = await site.get('/missing');
    expect(page.headers.get('server')).toMatch(/^mediad\/\d/);
    expect(page.body).toContain('<h1>404 Not Found</h1>');
    const bare = await site.get('/off');
    expect(bare.headers.get('server')).toBe('mediad');
    expect(bare.body).not.toMatch(/mediad\/\d/);
  });

  it('counts', async () => {
    expect((await site.get('/status')).body).toMatch(
      /^Active connections: 1 \nserver accepts handled requests\n \d+ \d+ \d+ \nReading: 0 Writing: 1 Waiting: 0 \n$/,
    );
  });

  it('gives a fault in a handler 500, to that request only', async () => {
    const text = await site.raw(
      'GET /slow?throw HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(parseAnswer(text).status).toBe(500);
    expect(site.log.some(({ err }) => JSON.stringify(err ?? '').includes('a bug in a handler'))).toBe(true);
    expect((await site.get('/a')).status).toBe(200);
  });

  it('ends a request under way as it began, under a reload', async () => {
    const answer = site.get('/slow');
    await expect.poll(() => site.runtime.requests.writing).toBe(1);
    const report = await site.load(
      CONF.replace('text/one', 'text/two').replace('client_header_timeout 1s', 'client_header_timeout 2s'),
    );
    expect(report.entries.map(({ kind, outcome, changed }) => [kind, outcome, changed])).toEqual([
      ['listen', 'kept', undefined],
      ['http server', 'updated', ['client_header_timeout']],
      ['location', 'updated', ['default_type']],
    ]);
    const next = site.get('/slow');
    await expect.poll(() => site.runtime.requests.writing).toBe(2);
    await expect.poll(() => waiting.length).toBe(2);
    waiting.pop()!();
    expect((await next).body).toBe('slow text/two');
    expect((await site.load(CONF)).changes.length).toBe(2);
    expect((await site.load(CONF.replace('location / {', '\n location / {'))).changes).toEqual([]);
    waiting.pop()!();
    expect((await answer).body).toBe('slow text/one');
  });

  it('serves a new address, and closes one that is taken away', async () => {
    const kept = connect(site.port, '127.0.0.1');
    kept.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => kept.once('data', resolve));
    const closed = new Promise((resolve) => kept.once('close', resolve));
    await site.load(CONF.replace('listen PORT;', 'listen PORT2;'));
    kept.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed;
    expect((await site.get('/a', { port: site.ports[1]! })).status).toBe(200);
    await expect(site.get('/a')).rejects.toThrow();
    await site.load(CONF);
    expect((await site.get('/a')).status).toBe(200);
  });

  it('answers who had only just come when a reload changes the limits of its address', async () => {
    const conf = (limits: string): string =>
      `http { server { listen PORT; ${limits} location / { return 200 ok; } } }`;
    const site = await startSite(conf('keepalive_timeout 9s;'));
    const socket = connect(site.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    await expect.poll(() => site.runtime.requests.active).toBe(1);
    await site.load(conf('keepalive_timeout 5s;'));
    let text = '';
    socket.on('data', (bytes) => {
      text += `${bytes}`;
    });
    socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1.1 200 OK/);
    await site.close();
  });

  it.each([
    ['one address', 'all'],
    ['all', 'one address'],
  ])('answers who came to %s and is served by %s in a reload', async (from, to) => {
    const site = await startSite('http { server { listen PORT; } }');
    const conf = (which: string): string =>
      `http { server { listen ${which === 'all' ? '*' : '127.0.0.1'}:${site.port}; location / { return 200 ok; } } }`;
    await site.load(conf(from));
    const socket = connect(site.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    await expect.poll(() => site.runtime.requests.active).toBe(1);
    await site.load(conf(to));
    let text = '';
    socket.on('data', (bytes) => {
      text += `${bytes}`;
    });
    socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1.1 200 OK/);
    await site.close();
  });
});
