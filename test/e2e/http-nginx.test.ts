import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, parseAnswer, type Site, startSite } from '../http/harness.ts';
import { makePlace, type Place } from './harness.ts';
import { startNginx } from './nginx.ts';

/** The same server of both; the client's address is what the test says. */
const SERVER = `
  access_log off;
  types { text/plain txt; text/xml xml; text/html html; application/octet-stream bin; }
  set_real_ip_from 127.0.0.1;
  set_real_ip_from 10.0.0.0/8;
  set_real_ip_from 2001:db8:1::/48;
  server {
    listen LISTEN;
    default_type text/plain;
    real_ip_header X-Forwarded-For;
    root ROOT;
    location /who { return 200 "$remote_addr"; }
    location /recursive { real_ip_recursive on; return 200 "$remote_addr"; }
    location /v4 { allow 192.0.2.0/25; deny 192.0.2.7; allow 203.0.113.9; deny all; }
    location /order { deny 192.0.2.7; allow 192.0.2.0/24; deny all; }
    location /v6 { allow 2001:db8::/33; deny 2001:db8::/32; allow all; }
    location /outer { deny all; location /outer/inner { allow 192.0.2.1; deny all; } location /outer/own { } }
    location /methods { alias ROOT/who.txt; limit_except GET { allow 192.0.2.1; deny all; } }
    location /users { auth_basic "the few"; auth_basic_user_file ROOT/users;
      location /users/free { auth_basic off; }
      location /users/var { auth_basic $arg_realm; }
    }
    location /nofile { auth_basic x; auth_basic_user_file ROOT/none; }
    location /any { satisfy any; allow 192.0.2.1; deny all; auth_basic any; auth_basic_user_file ROOT/users; }
    location /all { satisfy all; allow 192.0.2.1; deny all; auth_basic all; auth_basic_user_file ROOT/users; }
    location /loose { satisfy any; deny 192.0.2.7; auth_basic any; auth_basic_user_file ROOT/users; }
    location /put { alias ROOT/who.txt; limit_except GET { auth_basic put; auth_basic_user_file ROOT/users; } }
    location /page { auth_basic page; auth_basic_user_file ROOT/users; error_page 401 /who.txt; }
    location /md5 {
      secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri$remote_addr secret";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      return 200 "in $secure_link $secure_link_expires";
    }
    location /word/ {
      secure_link_secret word;
      if ($secure_link = "") { return 403; }
      return 200 "in $secure_link";
    }
    location /headers { expires 1h; add_header X-All 1 always; add_header X-Good 1; try_files /who.txt =404; }
    location /headers/none { return 404; }
    location /stale { expires -1; try_files /who.txt =404; }
    location /modified { expires modified +1d; try_files /who.txt =404; }
    location /old { expires modified -1h; try_files /who.txt =404; }
    location /epoch { expires epoch; try_files /who.txt =404; }
    location /max { expires max; try_files /who.txt =404; }
    location /zip { gzip on; gzip_types text/plain text/xml; gzip_vary on; gzip_min_length 100; alias ROOT; }
    location /zipped { gzip on; gzip_comp_level 9; gzip_proxied any; gzip_types *; alias ROOT; }
    location /slow { limit_rate 20k; limit_rate_after 10k; alias ROOT; }
  }`;

const NOW = Math.floor(Date.now() / 1000);
const md5 = (text: string): Buffer => createHash('md5').update(text).digest();
const link = (expires: number | '', address = '127.0.0.1'): string =>
  md5(`${expires}/md5/a${address} secret`).toString('base64url');
const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;

/** Request lines with fields, by what they are about. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  'the client’s address': ['who', 'recursive'].flatMap((place) =>
    [
      '192.0.2.1',
      '192.0.2.1, 203.0.113.9',
      '192.0.2.1, 10.1.2.3',
      '192.0.2.1, 10.1.2.3, 10.9.9.9',
      '10.1.1.1, 10.1.2.3',
      'wrong, 10.1.2.3',
      '192.0.2.1, wrong',
      '192.0.2.1, wrong, 10.1.2.3',
      '[2001:db8::1]:99, 10.1.2.3',
      '2001:DB8::1, 2001:db8:1::5',
      '192.0.2.1:1234',
      '',
      ',',
      '192.0.2.1 ,, 10.1.2.3 ,',
    ].map((list) => `GET /${place}|X-Forwarded-For: ${list}`),
  ),
  'allow and deny': [
    ...['/v4', '/order', '/outer', '/outer/inner', '/outer/own'].flatMap((path) =>
      ['192.0.2.7', '192.0.2.1', '192.0.2.127', '192.0.2.128', '203.0.113.9', '2001:db8::1'].map(
        (address) => `GET ${path}|X-Forwarded-For: ${address}`,
      ),
    ),
    ...['2001:db8::1', '2001:db8:7fff::1', '2001:db8:8000::1', '2001:db9::1', '192.0.2.1'].map(
      (address) => `GET /v6|X-Forwarded-For: ${address}`,
    ),
    ...['192.0.2.1', '192.0.2.2'].flatMap((address) =>
      ['GET', 'HEAD', 'POST', 'DELETE'].map((method) => `${method} /methods|X-Forwarded-For: ${address}`),
    ),
  ],
  'names and passwords': [
    '/users',
    '/users/free',
    '/users/var?realm=a',
    '/users/var?realm=off',
    '/nofile',
    '/page',
  ].flatMap((path) =>
    [
      'X-A: b',
      basic('ann:secret'),
      basic('ann:wrong'),
      basic('bob:secret'),
      basic('carl:secret'),
      basic('dora:se:cret'),
      basic('eve:secret'),
      basic('six:secret'),
      basic('ann'),
      basic(':secret'),
      'Authorization: Basic ???',
      'Authorization: Bearer x',
      'Authorization: basic YW5uOnNlY3JldA==',
    ].map((field) => `GET ${path}|${field}`),
  ),
  satisfy: ['/any', '/all', '/loose'].flatMap((path) =>
    ['192.0.2.1', '192.0.2.7'].flatMap((address) =>
      ['X-A: b', basic('ann:secret'), basic('ann:no')].map(
        (field) => `GET ${path}|X-Forwarded-For: ${address}|${field}`,
      ),
    ),
  ),
  'passwords by method': ['GET', 'POST'].flatMap((method) =>
    ['X-A: b', basic('ann:secret')].map((field) => `${method} /put|${field}`),
  ),
  'links that expire': [
    `/md5/a?md5=${link('')}`,
    `/md5/a?md5=${link(NOW + 100)}&expires=${NOW + 100}`,
    `/md5/a?md5=${link(NOW + 100)}==&expires=${NOW + 100}`,
    `/md5/a?md5=${link(NOW - 100)}&expires=${NOW - 100}`,
    `/md5/a?md5=${link(NOW + 100)}&expires=${NOW + 101}`,
    `/md5/a?md5=${link(NOW + 100, '192.0.2.1')}&expires=${NOW + 100}`,
    `/md5/a?md5=${link(0)}&expires=0`,
    `/md5/a?md5=${link(NOW + 100).slice(1)}&expires=${NOW + 100}`,
    `/md5/b?md5=${link(NOW + 100)}&expires=${NOW + 100}`,
    '/md5/a',
    '/md5/a?md5=&expires=',
    `/word/${md5('a/b.tsword').toString('hex')}/a/b.ts`,
    `/word/${md5('a/b.tsword').toString('hex').toUpperCase()}/a/b.ts`,
    `/word/${md5('a/b.tsword').toString('hex')}/a/c.ts`,
    `/word/${md5('word').toString('hex')}/`,
    '/word/short/a',
    '/word/',
  ].map((target) => `GET ${target}`),
  'fields that are added': ['/headers', '/headers/none', '/stale', '/modified', '/old', '/epoch', '/max'].map(
    (path) => `GET ${path}`,
  ),
  compression: [
    ...['gzip', 'gzip;q=0', 'gzip;q=0.5, br', 'br', 'deflate, gzip', '*', 'identity'].flatMap((coding) =>
      [
        '/zip/long.txt',
        '/zip/short.txt',
        '/zip/long.xml',
        '/zip/long.bin',
        '/zip/long.html',
        '/zipped/long.bin',
      ].map((path) => `GET ${path}|Accept-Encoding: ${coding}`),
    ),
    'HEAD /zip/long.txt|Accept-Encoding: gzip',
    'GET /zip/long.txt|Accept-Encoding: gzip|Via: 1.1 proxy',
    'GET /zipped/long.txt|Accept-Encoding: gzip|Via: 1.1 proxy',
    'GET /zipped/huge.txt|Accept-Encoding: gzip',
  ],
  'files whole and in part': ['short.txt', 'long.txt', 'huge.txt', 'huge.txt', 'none.txt'].flatMap((name) => [
    `GET /${name}`,
    `HEAD /${name}`,
    ...['0-0', '1-', '-2', '2-2', '0-9999999', '9999999-', '-0'].map(
      (range) => `GET /${name}|Range: bytes=${range}`,
    ),
    `GET /${name}|If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT`,
    `GET /${name}|If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT`,
    `GET /${name}|If-None-Match: *`,
    `GET /${name}|If-Match: *`,
    `GET /${name}|Range: bytes=1-2|If-Range: "other"`,
  ]),
};

/** What both have to agree in; the page of an error is each one's own. */
const FIELDS = [
  'www-authenticate',
  'x-all',
  'x-good',
  'cache-control',
  'content-encoding',
  'vary',
  'content-range',
  'accept-ranges',
];

describe('HTTP beside nginx', () => {
  let place: Place;
  let site: Site;
  let nginxPort: number;
  beforeAll(async () => {
    place = await makePlace();
    nginxPort = place.http;
    const root = place.path('root');
    site = await startSite('http { server { listen PORT; } }');
    const files: Readonly<Record<string, string>> = {
      'who.txt': 'who',
      users: [
        'ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/:a comment',
        'bob:{PLAIN}secret',
        'carl:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
        'dora:{PLAIN}se:cret',
        '#eve:{PLAIN}secret',
        'six:$6$saltsaltsaltsalt$ph0yGsyjzqdeFaon7.gJZo8eAG5/rj9/JdzOu1Rl7dKzBYg3xgvl7T2VQ2Rt81bc5AXkdA54r0p8QvC1omD6R1',
        '',
      ].join('\n'),
      'long.txt': 'text '.repeat(200),
      'short.txt': 'text',
      'long.xml': '<a/>'.repeat(200),
      'long.bin': 'bytes'.repeat(200),
      'long.html': '<p>'.repeat(200),
      'huge.txt': 'more text '.repeat(40_000),
    };
    mkdirSync(root);
    chmodSync(place.directory, 0o755);
    for (const [name, text] of Object.entries(files)) writeFileSync(`${root}/${name}`, text);
    const text = SERVER.replaceAll('ROOT', root);
    await site.load(`http { ${text.replace('LISTEN', 'PORT')} }`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (one) => `${one}_temp_path ${one};`,
    );
    await startNginx(
      place,
      place.rtmp,
      '',
      `http { ${temporary.join(' ')} ${text.replace('LISTEN', `127.0.0.1:${nginxPort}`)} } `,
    );
  });
  afterAll(() => site?.close());

  const asked = async (port: number, text: string): Promise<Answer> => {
    const [line, ...fields] = text.split('|');
    const head = [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...fields].join('\r\n');
    return parseAnswer(await site.raw(`${head}\r\n\r\n`, { port }));
  };

  const seen = ({ status, headers, body }: Answer): unknown => {
    const coded = headers.get('content-encoding') === 'gzip' && body !== '';
    const content = coded ? gunzipSync(Buffer.from(body, 'latin1')).toString('latin1') : body;
    // nginx says it of whole files only.
    const names = FIELDS.filter((name) => name !== 'accept-ranges' || status === 200);
    const fields = names.map((name) => [name, headers.get(name)?.replace(/max-age=\d{4,}/, age) ?? null]);
    return { status, fields: Object.fromEntries(fields), body: status < 300 ? content : '' };
  };

  /** A second may have passed between the two. */
  const age = (text: string): string => `max-age=${Math.round(Number(text.slice(8)) / 60)} min`;

  it.each(Object.entries(CASES))('%s', async (_name, requests) => {
    for (const request of requests) {
      const [ours, theirs] = await Promise.all([asked(site.port, request), asked(nginxPort, request)]);
      expect(seen(ours), request).toEqual(seen(theirs));
    }
  });

  it('sends as slowly', async () => {
    writeFileSync(place.path('root/slow.bin'), Buffer.alloc(40_000, 1));
    const took = async (port: number): Promise<number> => {
      const began = performance.now();
      const answer = await asked(port, 'GET /slow/slow.bin');
      expect(answer.body).toHaveLength(40_000);
      return performance.now() - began;
    };
    const [ours, theirs] = await Promise.all([took(site.port), took(nginxPort)]);
    // 10 kB at once, and 30 at 20 a second.
    expect(ours).toBeGreaterThan(1000);
    expect(theirs).toBeGreaterThan(500);
    expect(ours).toBeLessThan(6000);
  });

  it('forgets who goes in the middle of a slow answer', async () => {
    const socket = connect(site.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /slow/huge.txt HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await expect.poll(() => [site.runtime.requests.active, site.runtime.requests.writing]).toEqual([0, 0]);
  });
});
