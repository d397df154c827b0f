import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Publication } from '../../../src/core/applications/publication.ts';
import { Refused } from '../../../src/core/applications/refused.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { flvModule } from '../../../src/modules/flv/flv.ts';
import { watchWrites } from '../../core/connections/handle-writes.ts';
import { dechunk, parseAnswer, type Site, startSite } from '../../http/harness.ts';
import {
  AAC_HEADER,
  AVC_HEADER,
  applicationOf,
  begin,
  frame,
  keyFrame,
  publish,
  serve,
  sound,
} from '../../http/publishing.ts';

const CONF = `
http {
  log_format short '$status $request_method $uri $body_bytes_sent $bytes_sent';
  access_log access.log short;
  server {
    listen PORT;
    root www;
    location /live {
      flv_live on;
      chunked_transfer_encoding on;
      add_header Access-Control-Allow-Origin *;
      add_header Access-Control-Allow-Credentials true;
    }
    location /plain { flv_live on; chunked_transfer_encoding off; }
    location /cam { flv_live on; flv_live_application 1936/studio; }
    location /wait { flv_live on; flv_live_application live; flv_live_wait 300ms; }
    location /page { flv_live on; error_page 404 =200 /page.txt; }
    location ~ ^/re/(\\w+)/(\\w+)$ { flv_live on; rewrite ^/re/(\\w+)/(\\w+)$ /live?port=1935&app=$1&stream=$2 last; }
    location / { flv_live on; }
  }
}`;

interface Tag {
  readonly type: number;
  readonly time: number;
  readonly body: Buffer;
}

/** Reads an FLV file strictly: header, back pointers, stream ids. */
function readFlv(bytes: Buffer): { readonly flags: number; readonly tags: readonly Tag[] } {
  expect(bytes.subarray(0, 4).toString('hex')).toBe('464c5601');
  expect(bytes.readUInt32BE(5)).toBe(9);
  expect(bytes.readUInt32BE(9)).toBe(0);
  const tags: Tag[] = [];
  for (let at = 13; at < bytes.length; ) {
    const size = bytes.readUIntBE(at + 1, 3);
    const time = bytes.readUIntBE(at + 4, 3) + bytes[at + 7]! * 0x1000000;
    expect(bytes.readUIntBE(at + 8, 3)).toBe(0);
    expect(bytes.readUInt32BE(at + 11 + size)).toBe(11 + size);
    tags.push({ type: bytes[at]!, time, body: bytes.subarray(at + 11, at + 11 + size) });
    at += 15 + size;
  }
  return { flags: bytes[4]!, tags };
}

/** A player that keeps what it gets. */
class Player {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(port: number, target: string, version = '1.1', method = 'GET') {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('error', () => undefined);
    this.socket.write(`${method} ${target} HTTP/${version}\r\nHost: localhost\r\n\r\n`);
  }

  /** Waits for a part of what comes. */
  async until(done: (player: Player) => boolean): Promise<void> {
    await expect.poll(() => done(this), { timeout: 4000, interval: 5 }).toBe(true);
  }

  get head(): string {
    return this.text.slice(0, this.text.indexOf('\r\n\r\n') + 4);
  }

  get body(): string {
    return this.text.slice(this.head.length);
  }
}

describe('HTTP-FLV', () => {
  let site: Site;
  const publications: Publication[] = [];
  const players: Player[] = [];

  const start = async (app: string, name: string, server = 0): Promise<Publication> => {
    const publication = await publish(site.runtime, applicationOf(site.runtime, app, server), name);
    publications.push(publication);
    return publication;
  };
  const connected = (server: number): number => [...site.runtime.hub.servers[server]!.clients].length;
  const play = (target: string, version?: string, method?: string): Player => {
    const player = new Player(site.port, target, version, method);
    players.push(player);
    return player;
  };

  beforeAll(async () => {
    site = await startSite(CONF, [flvModule]);
    site.file('www/page.txt', 'page');
    site.file('www/index.html', 'index');
    site.file('www/vod/movie.flv', 'a file');
  });
  afterEach(async () => {
    for (const player of players.splice(0)) player.socket.destroy();
    for (const publication of publications.splice(0)) publication.close();
    await expect
      .poll(() => [...site.runtime.hub.applications()].flatMap((app) => [...app.subscriptions]))
      .toEqual([]);
  });
  afterAll(() => site.close());

  const apps = (settings: Record<string, unknown> = {}): void => {
    serve(
      site.runtime,
      { port: 1935, applications: { live: settings, 'a/b': settings, off: { live: false } } },
      { port: 1936, settings: { timeout: 200 }, applications: { studio: {} } },
    );
  };

  it('answers with the fields of nginx-http-flv in their order, and one chunk framing', async () => {
    apps({ idle_streams: false });
    const publication = await start('live', 's');
    begin(publication);
    const player = play('/live?app=live&stream=s');
    await player.until(({ body }) => body.length > 100);
    const names = [...player.head.matchAll(/^([A-Za-z-]+):/gm)].map((match) => match[1]);
    expect(names).toEqual([
      'Server',
      'Date',
      'Content-Type',
      'Transfer-Encoding',
      'Connection',
      'Expires',
      'Cache-Control',
      'Access-Control-Allow-Origin',
      'Access-Control-Allow-Credentials',
    ]);
    expect(player.head.startsWith('HTTP/1.1 200 OK\r\n')).toBe(true);
    expect(player.head).toContain('Content-Type: video/x-flv\r\n');
    const now = performance.now();
    publication.push(VIDEO, 40, frame(2), now);
    publication.push(AUDIO, 43, sound(2), now);
    publication.endOfRead(now);
    publication.push(VIDEO, 80, keyFrame(3, 70_000), now);
    publication.endOfRead(now);
    publication.close();
    await player.until(({ closed }) => closed);
    const { flags, tags } = readFlv(Buffer.from(dechunk(player.body), 'latin1'));
    expect(flags).toBe(5);
    expect(tags.map(({ type, time }) => [type, time])).toEqual([
      [VIDEO, 0],
      [AUDIO, 0],
      [VIDEO, 0],
      [AUDIO, 0],
      [VIDEO, 40],
      [AUDIO, 43],
      [VIDEO, 80],
    ]);
    expect(tags.map(({ body }) => body.toString('hex'))).toEqual(
      [AVC_HEADER, AAC_HEADER, keyFrame(1), sound(1), frame(2), sound(2), keyFrame(3, 70_000)].map((body) =>
        body.toString('hex'),
      ),
    );
  });

  it('sends header, opening and the first picture in one piece', async () => {
    apps();
    const publication = await start('live', 's');
    begin(publication);
    const now = performance.now();
    publication.push(VIDEO, 40, keyFrame(7, 200_000), now);
    publication.push(AUDIO, 43, sound(2), now);
    publication.endOfRead(now);
    // Whoever came first has taught the process how sockets are written to.
    const before = play('/live?app=live&stream=s');
    await before.until(({ body }) => body.length > 200_000);
    for (const [target, version] of [
      ['/live?app=live&stream=s', '1.1'],
      ['/plain?app=live&stream=s', '1.1'],
      ['/live?app=live&stream=s', '1.0'],
    ] as const) {
      const writes = watchWrites(before.socket);
      try {
        const player = play(target, version);
        await player.until(({ body }) => body.length > 200_000);
      } finally {
        writes.stop();
      }
      // Whatever else leaves meanwhile goes to those who came before.
      const answers = writes.calls.filter((call) => call.toString('latin1', 0, 8) === 'HTTP/1.1');
      expect(answers).toHaveLength(1);
      expect(answers[0]!.includes(keyFrame(7, 200_000))).toBe(true);
    }
  });

  it.each([
    ['/live?app=live&stream=s'],
    ['/live?STREAM=s&Port=1935&APP=live'],
    ['/live?stream=%73&app=%6Cive'],
    ['/live%3Fapp=live&stream=s'],
    ['/live%3Fapp=live?stream=s'],
    ['/live/live/s.flv'],
    ['/live/s.flv?app=live&stream=s'],
    ['/live/s.flv'],
    ['/wait/s.flv?token=1'],
    ['/wait?stream=s'],
    ['/re/live/s'],
  ])('plays %s', async (target) => {
    apps();
    begin(await start('live', 's'));
    const player = play(target);
    await player.until(({ body }) => body.includes('FLV\x01\x05'));
  });

  it('takes the application by its longest name, the server by its port', async () => {
    apps();
    begin(await start('a/b', 'c/d'));
    begin(await start('studio', 'one', 1));
    for (const target of [
      '/live/a/b/c/d.flv',
      '/live?app=a%2Fb&stream=c/d',
      '/cam/one.flv',
      '/live?port=1936&app=studio&stream=one',
    ]) {
      const player = play(target);
      await player.until(({ body }) => body.includes('FLV\x01\x05'));
    }
  });

  it.each([
    ['/live?app=live&stream=gone', 404, 'no such stream'],
    ['/live?app=gone&stream=s', 404, 'no such application'],
    ['/live?app=off&stream=s', 404, 'not live'],
    ['/live?port=1&app=live&stream=s', 404, 'no RTMP server listens on port 1'],
    ['/live?port=x&app=live&stream=s', 400, 'the port is not'],
    ['/live?port=70000&app=live&stream=s', 400, 'the port is not'],
    ['/live?stream=s', 404, 'no application'],
    ['/live', 404, 'no stream is named'],
    ['/live?app=live', 400, 'the stream name is empty'],
    ['/live?app=live&stream=../x', 400, 'climbing'],
    ['/live?app=live&stream=a%00b', 400, 'control characters'],
    ['/cam/gone.flv', 404, 'no such stream'],
  ])('refuses %s with %i, a reason and the CORS fields', async (target, status, reason) => {
    apps();
    const answer = await site.get(target);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.body) as { error: string }).error).toContain(reason);
    expect(answer.headers.get('content-type')).toBe('application/json');
    if (target.startsWith('/live')) expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('leaves other paths to files', async () => {
    apps();
    expect((await site.get('/')).body).toBe('index');
    expect((await site.get('/page.txt')).body).toBe('page');
    expect((await site.get('/vod/movie.flv')).body).toBe('a file');
    expect((await site.get('/page?app=live&stream=gone')).body).toBe('page');
  });

  it('answers OPTIONS, HEAD and other methods', async () => {
    apps();
    const options = await site.get('/live?app=live&stream=s', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect((await site.get('/live?app=live&stream=s', { method: 'POST' })).status).toBe(405);
    expect((await site.get('/live?app=live&stream=s', { method: 'HEAD' })).status).toBe(404);
    begin(await start('live', 's'));
    const player = play('/live?app=live&stream=s', '1.1', 'HEAD');
    await player.until(({ closed }) => closed);
    expect(player.head).toContain('HTTP/1.1 200 OK');
    expect(player.head).toContain('Transfer-Encoding: chunked');
    expect(player.body).toBe('');
  });

  it('sends HTTP/1.0, and who wants no chunks, a body that ends with the connection', async () => {
    apps({ idle_streams: false });
    const publication = await start('live', 's');
    begin(publication);
    const old = play('/live?app=live&stream=s', '1.0');
    const plain = play('/plain?app=live&stream=s');
    for (const player of [old, plain]) {
      await player.until(({ body }) => body.includes('FLV'));
      expect(player.head).not.toContain('Transfer-Encoding');
      expect(player.head).toContain('Connection: close');
    }
    publication.close();
    for (const player of [old, plain]) {
      await player.until(({ closed }) => closed);
      expect(readFlv(Buffer.from(player.body, 'latin1')).tags).toHaveLength(4);
    }
  });

  it('states the tracks that there are', async () => {
    apps();
    const audio = await start('live', 'audio');
    const now = performance.now();
    const player = play('/live?app=live&stream=audio');
    audio.push(AUDIO, 0, AAC_HEADER, now);
    let time = 0;
    await player.until(({ body }) => {
      time += 23;
      audio.push(AUDIO, time, sound(1), performance.now());
      audio.endOfRead(performance.now());
      return body.includes('FLV\x01\x04');
    });
  });

  it('keeps a player for the next publisher under the same header', async () => {
    apps({ idle_streams: true });
    const first = await start('live', 's');
    begin(first);
    const player = play('/live?app=live&stream=s');
    await player.until(({ body }) => body.includes('FLV'));
    first.close();
    begin(await start('live', 's'), 500);
    await player.until(({ body }) => body.split('\x17\x01\x00').length === 3);
    expect(player.closed).toBe(false);
    expect(player.body.split('FLV')).toHaveLength(2);
  });

  it('waits for a publisher where that is set, and no longer', async () => {
    apps();
    const late = play('/wait/late.flv');
    await late.until(() => [...applicationOf(site.runtime, 'live').subscriptions].length === 1);
    expect(late.text).toBe('');
    begin(await start('live', 'late'));
    await late.until(({ body }) => body.includes('FLV'));
    const began = performance.now();
    expect((await site.get('/wait/never.flv')).status).toBe(404);
    expect(performance.now() - began).toBeGreaterThan(250);
  });

  it('ends a player that nothing is sent to for the timeout of its server', async () => {
    apps();
    const publication = await start('studio', 'still', 1);
    begin(publication);
    const player = play('/cam/still.flv');
    await player.until(({ closed }) => closed);
    expect(dechunk(player.body)).toContain('FLV');
  });

  it('cuts off a player that stops reading, and nobody else', async () => {
    apps();
    const publication = await start('studio', 'big', 1);
    begin(publication);
    const [stalled, reader] = [play('/cam/big.flv'), play('/cam/big.flv')];
    for (const player of [stalled, reader]) await player.until(({ body }) => body.includes('FLV'));
    stalled.socket.pause();
    let time = 0;
    let read = 0;
    reader.socket.on('data', (chunk) => {
      read += chunk.length;
      reader.text = reader.text.slice(0, 1000);
    });
    await expect
      .poll(
        () => {
          time += 40;
          publication.push(VIDEO, time, keyFrame(5, 500_000), performance.now());
          publication.endOfRead(performance.now());
          site.runtime.hub.sweep(performance.now());
          return connected(1);
        },
        { timeout: 4000, interval: 20 },
      )
      .toBe(1);
    expect(reader.closed).toBe(false);
    expect(read).toBeGreaterThan(500_000);
    await expect
      .poll(() => site.log.some(({ reason }) => reason === 'the player stopped reading'))
      .toBe(true);
  });

  it('says 403 and 503 as gates do, and gives up what it took', async () => {
    apps();
    const application = applicationOf(site.runtime, 'live');
    begin(await start('live', 's'));
    for (const [reason, status] of [
      ['denied', 403],
      ['overloaded', 503],
    ] as const) {
      const undo = application.gates.add(0, () => {
        throw new Refused(reason, 'not for you');
      });
      const answer = await site.get('/live?app=live&stream=s');
      expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { status, error: 'not for you' }]);
      undo();
    }
    expect(connected(0)).toBe(0);
  });

  it.each(['the application', 'the server'])(
    'lets nothing behind when a client hangs up while a gate of %s is asked',
    async (whose) => {
      apps();
      const application = applicationOf(site.runtime, 'live');
      begin(await start('live', 's'));
      let open: (() => void) | undefined;
      const wait = (): Promise<void> =>
        new Promise((resolve) => {
          open = resolve;
        });
      const undo =
        whose === 'the server'
          ? site.runtime.hub.servers[0]!.gates.add(0, wait)
          : application.gates.add(0, wait);
      const player = play('/live?app=live&stream=s');
      await player.until(() => open !== undefined);
      player.socket.destroy();
      await expect.poll(() => site.runtime.requests.active).toBe(0);
      open!();
      undo();
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(connected(0)).toBe(0);
      expect([...application.subscriptions]).toEqual([]);
    },
  );

  it('gives a fault of a gate 500 and goes on', async () => {
    apps();
    const undo = applicationOf(site.runtime, 'live').gates.add(0, () => {
      throw new TypeError('a bug');
    });
    begin(await start('live', 's').catch(() => start('studio', 's', 1)));
    expect((await site.get('/live?app=live&stream=s')).status).toBe(500);
    undo();
    expect(
      site.log.some(({ msg, err }) => msg === 'a request failed' && JSON.stringify(err).includes('a bug')),
    ).toBe(true);
  });

  it('answers nothing that is pipelined behind a stream', async () => {
    apps();
    begin(await start('live', 's'));
    const player = play('/live?app=live&stream=s');
    await player.until(({ body }) => body.includes('FLV'));
    for (let i = 0; i < 50; i++) player.socket.write('GET /page.txt HTTP/1.1\r\nHost: x\r\n\r\n');
    player.socket.write('garbage \0\0\0');
    expect(player.text).not.toContain('page');
  });

  it('logs a player when it ends, with what was sent', async () => {
    apps({ idle_streams: false });
    const publication = await start('live', 'logged');
    begin(publication);
    const player = play('/live?app=live&stream=logged');
    await player.until(({ body }) => body.includes('FLV'));
    publication.close();
    await player.until(({ closed }) => closed);
    const { readFileSync } = await import('node:fs');
    const line = `200 GET /live ${player.body.length} ${player.text.length}\n`;
    await expect.poll(() => readFileSync(`${site.prefix}/access.log`, 'utf8')).toContain(line);
    expect(parseAnswer(player.text).status).toBe(200);
  });

  describe('sent to another stream', () => {
    const order = (name: string, to: string): boolean => {
      const all = [...applicationOf(site.runtime, 'live').subscriptions];
      return all.find(({ stream }) => stream.name === name)!.request.redirect!(to);
    };
    const picture = (publication: Publication, raw: number, value: number, key = false): void => {
      const now = performance.now();
      publication.push(VIDEO, raw, key ? keyFrame(value) : frame(value), now);
      publication.endOfRead(now);
    };
    const has = (player: Player, value: number): Promise<void> =>
      player.until(({ body }) => body.includes(String.fromCharCode(value).repeat(50)));
    const tagsOf = ({ body }: Player) => readFlv(Buffer.from(dechunk(`${body}0\r\n\r\n`), 'latin1')).tags;

    it('a player gets it in the same file, with times that go on', async () => {
      apps();
      const [a, b] = [await start('live', 'a'), await start('live', 'b')];
      begin(a);
      begin(b);
      picture(b, 40, 21);
      for (let time = 40; time <= 6000; time += 40) picture(a, time, 2);
      const player = play('/live?app=live&stream=a');
      await has(player, 2);
      expect(order('a', 'b?token=1')).toBe(true);
      expect([...applicationOf(site.runtime, 'live').subscriptions], 'one move at a time').toEqual([]);
      await has(player, 21);
      picture(b, 80, 22);
      await has(player, 22);
      const [moved] = [...applicationOf(site.runtime, 'live').subscriptions];
      expect([moved!.stream.name, moved!.request.args]).toEqual(['b', 'token=1']);
      expect(order('b', 'a')).toBe(true);
      picture(a, 6040, 3, true);
      await has(player, 3);
      const tags = tagsOf(player);
      const times = tags.map(({ time }) => time);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(Math.max(...times.slice(1).map((time, index) => time - times[index]!))).toBeLessThanOrEqual(140);
      expect(tags.filter(({ body }) => body.equals(AVC_HEADER)).length).toBe(3);
      expect(player.closed).toBe(false);
    });

    it('waits for one that nobody publishes yet, and begins where it was', async () => {
      apps();
      const a = await start('live', 'a');
      begin(a);
      const player = play('/live?app=live&stream=a');
      await has(player, 1);
      expect(order('a', 'later')).toBe(true);
      await expect.poll(() => applicationOf(site.runtime, 'live').streams.has('later')).toBe(true);
      const later = await start('live', 'later');
      const now = performance.now();
      later.push(VIDEO, 0, AVC_HEADER, now);
      picture(later, 100_000, 31, true);
      await has(player, 31);
      expect(tagsOf(player).at(-1)!.time).toBeLessThanOrEqual(140);
    });

    it('is closed where it may not have that', async () => {
      apps({ idle_streams: false });
      begin(await start('live', 'a'));
      const player = play('/live?app=live&stream=a');
      await has(player, 1);
      expect(order('a', 'none')).toBe(true);
      await player.until(({ closed }) => closed);
      expect(player.body.endsWith('0\r\n\r\n')).toBe(true);
    });

    it('gets the beginning of the file where it has none yet', async () => {
      apps();
      const empty = await start('live', 'empty');
      empty.push(VIDEO, 0, AVC_HEADER, performance.now());
      begin(await start('live', 'b'));
      const player = play('/live?app=live&stream=empty');
      await player.until(({ text }) => text.includes('\r\n\r\n'));
      expect(order('empty', 'b')).toBe(true);
      await has(player, 1);
      expect(tagsOf(player)[0]!.time).toBe(0);
    });
  });

  it('goes on under a reload that changes its location', async () => {
    apps();
    const publication = await start('live', 's');
    begin(publication);
    const player = play('/live?app=live&stream=s');
    await player.until(({ body }) => body.includes('FLV'));
    await site.load(CONF.replaceAll('flv_live on;', ''));
    expect((await site.get('/live?app=live&stream=s')).status).toBe(404);
    const now = performance.now();
    publication.push(VIDEO, 40, frame(9), now);
    publication.endOfRead(now);
    await player.until(({ body }) => body.includes('\x09'.repeat(50)));
    expect(player.closed).toBe(false);
    await site.load(CONF);
  });
});
