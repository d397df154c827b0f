import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyOf } from '../../src/core/stream-key.ts';
import { VIDEO } from '../../src/media/packet.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { Links } from '../../src/workers/links.ts';
import { each, Wolf } from '../hostile/wolf.ts';
import { connectTo, type RtmpClient } from '../rtmp/client.ts';
import { startServer, type TestServer, until } from '../rtmp/server.ts';
import { hex, seeded } from '../wire/splits.ts';

const PATIENCE_MS = 500;
const CROWD = 2000;
/** What may be left of a crowd that says nothing. */
const MOST_LEFT = 128;
const HEADER = hex('1700000000 014d401f');

let folder: string;
let path: string;
let server: TestServer;
let links: Links;
let publisher: RtmpClient;
let request: string;
let sent: number;
let clock: NodeJS.Timeout;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-links-'));
  path = join(folder, 'worker-1.sock');
  server = await startServer('server { listen 127.0.0.1:PORT; application live { live on; } }');
  const { hub } = server.runtime;
  links = await Links.open(hub, path, PATIENCE_MS);
  publisher = await connectTo(server.port, 'live');
  await publisher.publish('s');
  publisher.push(VIDEO, 0, HEADER);
  request = `${JSON.stringify(keyOf(hub, server.application('live'), 's'))}\n`;
  sent = 0;
  clock = setInterval(() => frame(), 10);
  await until(() => server.application('live').streams.get('s')?.live === true);
});

afterEach(async () => {
  clearInterval(clock);
  publisher.destroy();
  links.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Publishes the next frame, which has its number in it. */
function frame(size = 4): void {
  const body = Buffer.alloc(5 + size);
  hex('1701000000').copy(body);
  body.writeUInt32BE(sent, 5);
  publisher.push(VIDEO, sent * 10, body);
  sent += 1;
}

/** Another worker, and the numbers of the frames that it has got. */
class Colleague {
  readonly numbers: number[] = [];
  ended = false;
  readonly #socket = connect(path);

  constructor() {
    const reader = new FlvReader({ maxTag: 0xffffff });
    this.#socket.write(request);
    this.#socket.on('data', (bytes) =>
      reader.push(bytes, {
        header: () => undefined,
        tag: (_kind, _time, body) => {
          if (body[1] === 1) this.numbers.push(body.readUInt32BE(5));
        },
      }),
    );
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.ended = true;
    });
  }

  /** It has got every frame from its first to the newest. */
  async missesNothing(): Promise<void> {
    const newest = sent - 1;
    await until(() => this.ended || this.numbers.at(-1)! >= newest);
    expect(this.ended).toBe(false);
    expect(this.numbers).toEqual(this.numbers.map((_, at) => this.numbers[0]! + at));
  }

  leave(): void {
    this.#socket.destroy();
  }
}

/** Lets something happen to the socket while another worker takes the stream, and lets a further one come after it. */
async function besides(work: (colleague: Colleague) => Promise<void>): Promise<void> {
  const colleague = new Colleague();
  await until(() => colleague.numbers.length > 0);
  await work(colleague);
  await colleague.missesNothing();
  const next = new Colleague();
  await until(() => next.numbers.length > 0);
  await next.missesNothing();
  colleague.leave();
  next.leave();
}

const noise = (length: number): Buffer => {
  const random = seeded(7);
  return Buffer.from(Array.from({ length }, () => random(256)));
};

describe('the socket that other workers take streams from', () => {
  test('understands a request in pieces', async () => {
    const wolf = new Wolf(path);
    for (const letter of request) await wolf.send(letter);
    expect(await wolf.hears('FLV')).toBe(true);
    await wolf.leave();
  });

  test.each<[string, () => string | Buffer]>([
    ['noise', () => Buffer.concat([noise(5000), Buffer.from('\n')])],
    ['noise without an end', () => Buffer.alloc(70_000, 0xff)],
    ['another protocol', () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no line', () => '\n'],
    ['null', () => 'null\n'],
    ['a list', () => '["", "live", "s"]\n'],
    ['brackets', () => `${'['.repeat(60_000)}\n`],
    ['wrong types', () => '{"place":1,"app":{},"name":[]}\n'],
    ['another place', () => '{"place":"x","app":"live","name":"s"}\n'],
    ['names of prototypes', () => '{"place":"__proto__","app":"constructor","name":"toString"}\n'],
    ['a stream that is not here', () => request.replace('"s"', '"t"')],
    ['a path for a name', () => request.replace('"s"', '"../../etc/passwd"')],
    ['more behind a request', () => request + request],
  ])('lets go of one who sends %s', async (_, bytes) => {
    await besides(async () => {
      const wolf = new Wolf(path);
      await wolf.send(bytes());
      expect(await wolf.isLetGo()).toBe(true);
      expect(wolf.heard).toBe('');
    });
  });

  test.each<[string, (wolf: Wolf) => Promise<void>]>([
    ['nothing', () => Promise.resolve()],
    ['half a request', (wolf) => wolf.send(request.slice(0, -5))],
    [
      'a request that never ends',
      async (wolf) => {
        while (!wolf.closed) {
          await wolf.send('x'.repeat(10));
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      },
    ],
  ])('does not wait long for one who sends %s', async (_, work) => {
    await besides(async () => {
      const wolf = new Wolf(path);
      await work(wolf);
      expect(await wolf.isLetGo(10 * PATIENCE_MS)).toBe(true);
    });
  });

  test('lets go of one who says more after a request', async () => {
    await besides(async () => {
      const wolf = new Wolf(path);
      await wolf.send(request);
      expect(await wolf.hears('FLV')).toBe(true);
      await wolf.send('x');
      expect(await wolf.isLetGo()).toBe(true);
    });
  });

  test('keeps few of thousands who say nothing', async () => {
    await besides(async () => {
      const wolves: Wolf[] = [];
      await each(Array.from({ length: CROWD }), 50, async () => {
        const wolf = new Wolf(path);
        wolves.push(wolf);
        await new Promise<void>((resolve) =>
          wolf.socket.once('connect', resolve).once('close', () => resolve()),
        );
      });
      await until(() => wolves.filter(({ closed }) => !closed).length <= MOST_LEFT);
      await until(() => wolves.every(({ closed }) => closed));
    });
  });

  test('lets go of one who asks and does not read', async () => {
    await besides(async (colleague) => {
      const wolf = new Wolf(path);
      await wolf.send(request);
      expect(await wolf.hears('FLV')).toBe(true);
      wolf.socket.pause();
      for (let megabytes = 0; megabytes < 40; megabytes += 1) {
        frame(1024 * 1024);
        const number = sent - 1;
        await until(() => colleague.numbers.at(-1)! >= number);
      }
      wolf.socket.resume();
      expect(await wolf.isLetGo()).toBe(true);
    });
  });
});
