import { mutate, seeded } from '../wire/splits.ts';
import { holds, type Prey, pause, seedOf } from './prey.ts';
import { type Attack, each, Wolf } from './wolf.ts';

const AT_A_TIME = 40;
const HOST = 'Host: 127.0.0.1\r\n';

/** Sends a request as bytes and gives what came until the server ended the connection, or the time was over. */
export async function ask(prey: Prey, text: string | Buffer, ms = 1500): Promise<string> {
  const wolf = new Wolf(prey.http!);
  await wolf.send(text);
  await wolf.isLetGo(ms);
  await wolf.leave(300);
  return wolf.heard;
}

/** The status of an answer, or `none`. */
export const statusOf = (answer: string): string => /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 'none';

const PATHS: readonly string[] = [
  ...[
    '/../../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2f..%2fetc/passwd',
    '/%252e%252e/etc/passwd',
  ],
  ...[
    '/hls/../../../../etc/passwd',
    '/hls/..%5c..%5cetc/passwd',
    '/hls/%00',
    '/hls/a%00.m3u8',
    '/hls/%c0%ae%c0%ae/x',
    '/.git/config',
  ],
  ...[
    '//etc/passwd',
    '/hls/./././x',
    `/${'a/'.repeat(2000)}`,
    `/${'%2e%2e/'.repeat(300)}etc/passwd`,
    '/hls',
    '/hls/',
    '/\\..\\..\\x',
  ],
  ...[
    '/live?app=../x&stream=../../y',
    '/live?app=live&stream=%2e%2e%2f',
    '/live?app=live&stream=a%0d%0aX-Injected:1',
    '/live?port=99999999',
  ],
  ...[
    '/live?app=%00&stream=%ff',
    '/live?app=live&app=live',
    `/live?${'a=b&'.repeat(2000)}`,
    '/live?stream=<script>alert(1)</script>&app=x',
  ],
  ...['*', 'http://', 'http://evil.example/x', 'live', '', '/%', '/%zz', '/?', '/#'],
];

/** What makes two readers of one connection see different requests in it. */
const HIDING: readonly string[] = [
  ...[
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding:\x0bchunked\r\n',
    'Transfer-Encoding: "chunked"\r\n',
    'Transfer-Encoding : chunked\r\n',
    ' Transfer-Encoding: chunked\r\n',
    'X: y\r\n Transfer-Encoding: chunked\r\n',
    'X: y\nTransfer-Encoding: chunked\r\n',
    'X: y\rTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\0\r\n',
    'Transfer\0-Encoding: chunked\r\n',
  ],
  ...[
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 0, 5\r\n',
    'Content-Length: +0\r\n',
    'Content-Length: 0x0\r\n',
    'Content-Length: 0 \x0b\r\n',
    'Content-Length:\r\n',
    'Content-Length: 1e1\r\n',
    'Content-Length : 0\r\n',
    'Content-Length: 18446744073709551616\r\n',
  ],
];

/** What goes wrong over HTTP. Servers without HTTP of their own are passed over. */
export const httpAttacks: readonly Attack[] = [
  {
    name: 'HTTP headers that are too large or never end',
    async run(prey, must) {
      if (prey.http === null) return;
      const line = `X: ${'y'.repeat(8000)}\r\n`;
      const big = await ask(prey, `GET / HTTP/1.1\r\n${HOST}${line.repeat(200)}\r\n`);
      must(/^4/.test(statusOf(big)) || big === '', 'refuses a header of 1.6 MB');
      const fields = await ask(prey, `GET / HTTP/1.1\r\n${HOST}${'a:b\r\n'.repeat(20_000)}\r\n`);
      must(/^4/.test(statusOf(fields)) || fields === '', 'refuses a header of 20,000 fields');
      const target = await ask(prey, `GET /${'x'.repeat(200_000)} HTTP/1.1\r\n${HOST}\r\n`);
      must(/^4/.test(statusOf(target)) || target === '', 'refuses a target of 200 kB');
      const wolves = Array.from({ length: 20 }, () => new Wolf(prey.http!));
      await Promise.all(wolves.map((wolf) => wolf.send(`GET / HTTP/1.1\r\n${HOST}`)));
      for (let i = 0; i < 300; i += 1) await Promise.all(wolves.map((wolf) => wolf.send(line)));
      await holds(() => wolves.every(({ closed }) => closed), 4000);
      const open = wolves.filter(({ closed }) => !closed).length;
      must(open === 0, `ends headers that never end (${open} of ${wolves.length} go on)`);
      for (const wolf of wolves) wolf.reset();
    },
  },
  {
    name: 'HTTP one byte per write',
    async run(prey, must) {
      if (prey.http === null) return;
      const wolf = new Wolf(prey.http);
      for (const byte of `GET /nothing-here HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
        await wolf.send(byte);
      must(await wolf.hears('HTTP/1.1 404'), 'answers a request that comes byte by byte');
      await wolf.leave();
    },
  },
  {
    name: 'HTTP pipelining',
    async run(prey, must) {
      if (prey.http === null) return;
      const one = `GET /nothing-here HTTP/1.1\r\n${HOST}\r\n`;
      const last = `GET /nothing-here HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
      const answer = await ask(prey, one.repeat(50) + last, 5000);
      must(answer.split('HTTP/1.1 404').length - 1 === 51, 'answers 51 requests sent at once');
      // Nobody reads the answers.
      const wolves = Array.from({ length: 10 }, () => new Wolf(prey.http!));
      for (const wolf of wolves) wolf.socket.pause();
      await Promise.all(wolves.map((wolf) => Promise.race([wolf.send(one.repeat(20_000)), pause(2000)])));
      for (const wolf of wolves) wolf.reset();
      if (prey.flv === null) return;
      const live = `GET ${prey.flv('witness')} HTTP/1.1\r\n${HOST}\r\n`;
      await ask(prey, live + live + one.repeat(1000) + 'x'.repeat(1_000_000), 500);
    },
  },
  {
    name: 'HTTP bodies and framing that lie',
    async run(prey) {
      if (prey.http === null) return;
      const post = (head: string, body = ''): string => `POST /live HTTP/1.1\r\n${HOST}${head}\r\n${body}`;
      const chunked = 'Transfer-Encoding: chunked\r\n';
      const bodies = [
        post(chunked, 'zz\r\nx\r\n0\r\n\r\n'),
        post(chunked, 'ffffffffffffffffff\r\nx'),
        post(chunked, '-1\r\nx'),
        post(chunked, `5;${'x'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`),
        post(chunked, `1\r\nx\r\n`.repeat(20_000)),
        post(chunked, `0\r\n${'Trailer: x\r\n'.repeat(10_000)}\r\n`),
        post(`${chunked}Content-Length: 5\r\n`, '0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n'),
        post(`Content-Length: 5\r\nContent-Length: 6\r\n`, 'hello!'),
        post('Content-Length: -1\r\n'),
        post('Content-Length: 99999999999999999999\r\n', 'x'.repeat(10_000)),
        post('Content-Length: 10000000\r\n', 'x'.repeat(3_000_000)),
        post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
        post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
        post('Expect: 100-continue\r\nContent-Length: 5\r\n'),
        post('Expect: nonsense\r\nContent-Length: 5\r\n'),
      ];
      await each(bodies, AT_A_TIME, async (body) => void (await ask(prey, body, 500)));
    },
  },
  {
    name: 'HTTP requests hidden behind others',
    async run(prey, must) {
      if (prey.http === null) return;
      const hidden = `GET /hidden HTTP/1.1\r\n${HOST}\r\n`;
      await each(['GET', 'POST'], 1, async (method) => {
        await each(HIDING, AT_A_TIME, async (fields) => {
          const head = `${method} /nothing-here HTTP/1.1\r\n${HOST}${fields}\r\n`;
          // Whoever takes the first for over answers two, or three.
          for (const body of ['', '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n']) {
            const answer = await ask(prey, head + body + hidden, 400);
            must(
              answer.split(/HTTP\/1\.[01] \d/).length <= 2,
              `answers one request for ${JSON.stringify(method + fields + body).slice(0, 90)}`,
            );
          }
        });
      });
      // Of a body that is as long as it says nothing is a request.
      const inside = `POST /nothing-here HTTP/1.1\r\n${HOST}Content-Length: ${hidden.length}\r\n\r\n${hidden}`;
      must((await ask(prey, inside, 400)).split('HTTP/1.').length <= 2, 'takes a body for a body');
    },
  },
  {
    name: 'HTTP methods, versions and upgrades',
    async run(prey) {
      if (prey.http === null) return;
      const upgrade =
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n';
      const requests = [
        ...[
          'CONNECT x:1',
          'TRACE /',
          'OPTIONS *',
          'PRI *',
          'DELETE /live',
          'PUT /hls/x',
          'FOO /',
          'get /',
          'G\0T /',
        ].map((what) => `${what} HTTP/1.1\r\n${HOST}\r\n`),
        ...['HTTP/0.9', 'HTTP/2.0', 'HTTP/1.9', 'HTTP/1', 'XTTP/1.1', ''].map(
          (version) => `GET / ${version}\r\n${HOST}\r\n`,
        ),
        'GET /\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        `GET /live HTTP/1.1\r\n${HOST}${upgrade}\r\n\xff\xfe\xfd`,
        `GET /live HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
        'GET / HTTP/1.1\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: ../..\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: \x00\r\n\r\n',
        `GET / HTTP/1.1\r\n${HOST} folded: x\r\n\r\n`,
        `GET / HTTP/1.1\n${HOST}\n\n`,
        `\r\n\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
        '\x03'.repeat(3073),
      ];
      await each(
        requests,
        AT_A_TIME,
        async (request) => void (await ask(prey, Buffer.from(request, 'latin1'), 500)),
      );
    },
  },
  {
    name: 'HEAD and ranges on live streams',
    async run(prey, must) {
      if (prey.http === null || prey.flv === null) return;
      const path = prey.flv('witness');
      const head = await ask(prey, `HEAD ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 2000);
      must(
        statusOf(head) === '200' && head.endsWith('\r\n\r\n'),
        `answers HEAD without a body (${statusOf(head)})`,
      );
      const ranges = [
        'bytes=0-',
        'bytes=0-10',
        'bytes=-5',
        'bytes=9-3',
        'bytes=0-1,2-3',
        'x',
        `bytes=${'0-1,'.repeat(500)}0-1`,
      ];
      await each(ranges, AT_A_TIME, async (range) => {
        const answer = await ask(prey, `GET ${path} HTTP/1.1\r\n${HOST}Range: ${range}\r\n\r\n`, 500);
        must(
          ['200', '416', '400'].includes(statusOf(answer)),
          `answers a range of a live stream (${statusOf(answer)})`,
        );
      });
    },
  },
  {
    name: 'HTTP paths that climb',
    async run(prey, must) {
      if (prey.http === null) return;
      await each(PATHS, AT_A_TIME, async (path) => {
        const answer = await ask(prey, `GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 1000);
        must(!answer.includes('root:'), `keeps /etc/passwd to itself (${path.slice(0, 60)})`);
        must(!/^X-Injected/m.test(answer), 'keeps line ends out of its headers');
        must(!answer.includes('<script>'), 'escapes markup');
      });
    },
  },
  {
    name: 'damaged HTTP requests',
    async run(prey) {
      if (prey.http === null) return;
      const random = seeded(seedOf(prey, 6));
      const whole = Buffer.from(
        `POST ${prey.flv?.('x') ?? '/'} HTTP/1.1\r\n${HOST}Cookie: a=b\r\nRange: bytes=0-1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
      const damaged = Array.from({ length: 400 }, () => mutate(whole, random));
      await each(damaged, AT_A_TIME, async (bytes) => void (await ask(prey, bytes, 100)));
      await each(
        whole.map((_, at) => at),
        AT_A_TIME,
        async (at) => {
          const wolf = new Wolf(prey.http!);
          await wolf.send(whole.subarray(0, at));
          if (at % 2 === 0) wolf.reset();
          else await wolf.leave(100);
        },
      );
    },
  },
];
