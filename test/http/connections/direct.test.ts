import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readPlainHead } from '../../../src/http/requests/request-head.ts';
import { parseAnswer, type Site, startSite } from '../harness.ts';

const LIMITS = { bytes: 4096, fields: 8 };

describe('plain heads', () => {
  it('are read with all they say', () => {
    const text = 'xGET /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y:\t z z \r\nConnection: CLOSE\r\n\r\nrest';
    expect(readPlainHead(text, 1, LIMITS)).toEqual({
      method: 'GET',
      url: '/a?b=c',
      httpVersion: '1.1',
      headers: { host: 'h', 'x-y': 'z z', connection: 'CLOSE' },
      length: text.length - 'xrest'.length,
      keepAlive: false,
    });
  });

  it.each([
    ['an end that is missing', 'GET / HTTP/1.1\r\nHost: h\r\n'],
    ['a lone line feed', 'GET / HTTP/1.1\nHost: h\n\n'],
    ['a lone line feed in a field', 'GET / HTTP/1.1\r\nHost: h\r\nA: b\nC: d\r\n\r\n'],
    ['a lone carriage return', 'GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n'],
    ['a carriage return at the end', 'GET / HTTP/1.1\r\nHost: h\r\n\rX'],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n'],
    ['a field without a colon', 'GET / HTTP/1.1\r\nHost: h\r\nA\r\nB: c\r\n\r\n'],
    ['a field without a name', 'GET / HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\nA: b\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['a length', 'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc'],
    ['chunks', 'GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['a list of options', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, close\r\n\r\n'],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n'],
    ['a name of all objects', 'GET / HTTP/1.1\r\nHost: h\r\n__proto__: x\r\n\r\n'],
    ['another method', 'POST / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['another version', 'GET / HTTP/1.0\r\nHost: h\r\n\r\n'],
    ['an absolute target', 'GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['bytes above ASCII', 'GET / HTTP/1.1\r\nHost: h\r\nA: \xe4\r\n\r\n'],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n'],
    ['empty lines before', '\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['too many fields', `GET / HTTP/1.1\r\nHost: h\r\n${'abcdefgh'.replace(/./g, '$&: 1\r\n')}\r\n`],
    ['too many bytes', `GET /${'a'.repeat(4096)} HTTP/1.1\r\nHost: h\r\n\r\n`],
  ])('leave %s to node:http', (_name, text) => {
    expect(readPlainHead(text, 0, LIMITS)).toBeNull();
  });

  it('take no time that grows faster than they do', () => {
    for (const filler of [' ', '\t', 'a', ':', '\r', 'a: b\r\n'])
      for (const start of ['GET / HTTP/1.1\r\nHost: h\r\nX:', 'GET /', 'GET / HTTP/1.1\r\n']) {
        const text = `${start}${filler.repeat(200_000 / filler.length)}\x80\r\n\r\n`;
        const before = process.cpuUsage();
        expect(readPlainHead(text, 0, { bytes: 1 << 20, fields: 1 << 20 })).toBeNull();
        // Quadratic, it would be minutes.
        expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
      }
  });

  it('are what node:http reads them as, whatever becomes of their bytes', async () => {
    const heard: unknown[] = [];
    const server = createServer((request, response) => {
      const { method, url, httpVersion, headers } = request;
      let body = 0;
      request.on('data', (bytes: Buffer) => {
        body += bytes.length;
      });
      request.on('end', () => {
        heard.push({ method, url, httpVersion, headers: { ...headers }, body });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const seeds = [
      'GET /a/b.m3u8?x=1 HTTP/1.1\r\nHost: h:80\r\nAccept: */*\r\nUser-Agent: a (b)\r\n\r\n',
      'HEAD / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\nConnection: keep-alive\r\n\r\n',
    ];
    const pieces = [
      '\r',
      '\n',
      '\r\n',
      ' ',
      ':',
      '\t',
      ',',
      '\0',
      '\x7f',
      '\x80',
      '/',
      'H',
      'Content-Length: 1\r\n',
      'A: b\r\n',
    ];
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    let accepted = 0;
    for (let round = 0; round < 1500; round++) {
      let text = seeds[round % seeds.length]!;
      for (let n = random(3); n >= 0; n--) {
        const at = random(text.length);
        text = text.slice(0, at) + pieces[random(pieces.length)]! + text.slice(at + random(3));
      }
      const head = readPlainHead(text, 0, LIMITS);
      if (head === null) continue;
      accepted += 1;
      heard.length = 0;
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(text.slice(0, head.length), 'latin1'));
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
        socket.resume();
      });
      const { method, url, httpVersion, headers } = head;
      expect(heard, JSON.stringify(text)).toEqual([{ method, url, httpVersion, headers, body: 0 }]);
    }
    expect(accepted).toBeGreaterThan(100);
    await new Promise((resolve) => server.close(resolve));
  });
});

const LIST = Buffer.from('#EXTM3U\n');
const SEGMENT = Buffer.alloc(24_000_000, 7);

describe('direct connections', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(`
http {
  log_format short "$request $status $body_bytes_sent $request_completion";
  access_log short.log short;
  server {
    listen PORT;
    send_timeout 1s;
    large_client_header_buffers 2 2k;
    location /hls { root media; }
    location /named { alias media/hls; add_header X-Id $arg_id; }
    location /text { return 200 "$request_method $request_uri $connection_requests|"; }
    location /few { keepalive_requests 2; return 200 few; }
    location /disk { root media; }
  }
}`);
    for (const [name, body] of [
      ['s.m3u8', LIST],
      ['s.ts', SEGMENT],
    ] as const) {
      const type = name.endsWith('ts') ? 'video/mp2t' : 'application/vnd.apple.mpegurl';
      site.runtime.files.put(join(site.prefix, 'media/hls', name), { body, type, mtime: 1_700_000_000_000 });
    }
    site.file('media/disk/big.bin', Buffer.alloc(700_000, 5));
  });
  afterEach(() =>
    expect.poll(() => [site.runtime.requests.active, site.runtime.requests.writing]).toEqual([0, 0]),
  );
  afterAll(() => site.close());

  const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
  const LAST = 'Connection: close\r\n';

  it('answer what is sent ahead in order, whoever reads it', async () => {
    const odd = 'POST /text/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /';
    const text = await site.raw(
      get('/text/1') +
        get('/hls/s.m3u8') +
        odd +
        get('/disk/big.bin') +
        get('/text/3') +
        get('/text/4', LAST),
    );
    const bodies = text.split(/HTTP\/1\.1 \d+ [\s\S]*?\r\n\r\n/).slice(1);
    expect(bodies.map((body) => body.slice(0, 20))).toEqual([
      'GET /text/1 1|',
      '#EXTM3U\n',
      'POST /text/2 3|',
      '\x05'.repeat(20),
      'GET /text/3 5|',
      'GET /text/4 6|',
    ]);
    expect(bodies[3]).toHaveLength(700_000);
  });

  it('answer what comes in any pieces', async () => {
    const bytes = get('/text/1') + get('/hls/s.m3u8') + get('/text/2', LAST);
    for (let parts = 1; parts < 12; parts++) {
      const text = await site.raw(bytes, { parts });
      expect(text, `${parts} parts`).toMatch(/GET \/text\/1 1\|[\s\S]*#EXTM3U\n[\s\S]*GET \/text\/2 3\|$/);
    }
  });

  it('wait with what comes during an answer that takes its time', async () => {
    const text = await site.raw(
      get('/disk/big.bin') + get('/text/1') + get('/disk/big.bin') + get('/text/2', LAST),
    );
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    expect(text).toMatch(/GET \/text\/2 4\|$/);
  });

  it('give whole files, parts and conditions on one connection', async () => {
    const whole = await site.raw(get('/hls/s.m3u8') + get('/hls/s.m3u8', LAST));
    const etag = parseAnswer(whole).headers.get('etag')!;
    expect(whole.match(/#EXTM3U\n/g)).toHaveLength(2);
    const text = await site.raw(
      get('/hls/s.m3u8') +
        get('/hls/s.m3u8', `If-None-Match: ${etag}\r\n`) +
        get('/hls/s.m3u8', 'Range: bytes=1-3\r\n') +
        get('/hls/s.m3u8').replace('GET', 'HEAD') +
        get('/hls/s.m3u8', 'Range: bytes=99-\r\n') +
        get('/hls/s.m3u8', LAST),
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)!.map((line) => line.slice(9))).toEqual([
      '200',
      '304',
      '206',
      '200',
      '416',
      '200',
    ]);
    expect(text.match(/Content-Length: \d+/g)!.slice(0, 3)).toEqual([
      'Content-Length: 8',
      'Content-Length: 3',
      'Content-Length: 8',
    ]);
    expect(text).toMatch(/Content-Range: bytes 1-3\/8\r\n[\s\S]*?\r\n\r\nEXTHTTP\/1\.1 200/);
    expect(text.match(/Connection: \S+/g)!.at(-1)).toBe('Connection: close');
  });

  it('keep nothing of a head that depends on the request', async () => {
    const text = await site.raw(get('/named/s.m3u8?id=1') + get('/named/s.m3u8?id=2', LAST));
    expect(text.match(/X-Id: \d/g)).toEqual(['X-Id: 1', 'X-Id: 2']);
  });

  it('end after the requests that they may have', async () => {
    const text = await site.raw(get('/few').repeat(4));
    expect(text.match(/Connection: \S+/g)).toEqual(['Connection: keep-alive', 'Connection: close']);
  });

  it('tell of heads that are too long, after others that were not', async () => {
    const text = await site.raw(get('/text') + get('/text', `X: ${'x'.repeat(5000)}\r\n`));
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 431']);
  });

  it('are cut off where nobody reads the answer, and logged as that', async () => {
    const socket = connect(site.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(get('/hls/s.ts?stalled').repeat(2));
    await expect.poll(() => site.runtime.requests.writing).toBe(1);
    await expect.poll(() => site.runtime.requests.writing, { timeout: 5000 }).toBe(0);
    socket.destroy();
    await expect.poll(() => shortLog()).toContain(`GET /hls/s.ts?stalled HTTP/1.1 200 ${SEGMENT.length} -\n`);
  });

  it('serve a client that reads slowly, to the last byte', async () => {
    const socket = connect(site.port, '127.0.0.1');
    let got = 0;
    socket.on('data', (bytes) => {
      got += bytes.length;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(get('/hls/s.ts?slow', LAST));
    await closed;
    expect(got).toBeGreaterThan(SEGMENT.length);
    await expect.poll(() => shortLog()).toContain(`GET /hls/s.ts?slow HTTP/1.1 200 ${SEGMENT.length} OK\n`);
  });

  it('serve a client that takes longer than send_timeout, as long as it takes something', async () => {
    const socket = connect(site.port, '127.0.0.1');
    let got = 0;
    const began = performance.now();
    socket.on('data', (bytes) => {
      got += bytes.length;
      // The kernel holds a part; the rest is asked for over two seconds and more.
      socket.pause();
      const late = performance.now() - began > 2500;
      setTimeout(() => socket.resume(), late ? 0 : 50);
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(get('/hls/s.ts?patient', LAST));
    await closed;
    expect(got).toBeGreaterThan(SEGMENT.length);
    expect(performance.now() - began).toBeGreaterThan(2000);
  });

  it('leave nothing behind where the client goes in the middle', async () => {
    for (const target of ['/hls/s.ts?gone', '/disk/big.bin?gone']) {
      const socket = connect(site.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(get(target).repeat(3));
      await new Promise((resolve) => socket.once('data', resolve));
      socket.resetAndDestroy();
      await expect.poll(() => site.runtime.requests.active).toBe(0);
    }
  });

  async function shortLog(): Promise<string> {
    await site.runtime.logFiles.flush();
    return readFileSync(join(site.prefix, 'short.log'), 'utf8');
  }
});
