import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { peerOf } from '../../src/core/connections/peer.ts';
import type { Host } from '../../src/core/host.ts';
import { Report } from '../../src/core/reload/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { HttpHost } from '../../src/http/host.ts';
import { modules } from '../../src/modules/index.ts';
import { RtmpHost } from '../../src/rtmp/host.ts';
import { HELLO, sessions } from '../hostile/sessions.ts';
import { FakeSocket } from './fake-socket.ts';
import { pieces } from './mutation.ts';
import { ROOT } from './root.ts';
import type { Target } from './target.ts';

const RTMP = `
rtmp { server { listen 127.0.0.1:1935;
  application live { live on; publish_conflict takeover; }
  application quiet { live on; idle_streams off; gop_cache off; wait_video on; play_restart on; publish_notify on; meta copy; }
} }
`;

const flv = 'location /flv { flv_live on; } location /page { player on; } location /status { stub_status; }';

/** Turns of the event loop that the end of a connection may take. */
const MOST_TURNS = 100;

/** A whole server without a network: both protocols on the modules of the program. */
class Server {
  readonly rtmp: Host;
  readonly http: Host;
  readonly runtime: Runtime;
  readonly faults: string[] = [];

  constructor() {
    const fault = (line: string): void => {
      if ((JSON.parse(line) as { level: number }).level >= 50) this.faults.push(line);
    };
    this.runtime = new Runtime('/nowhere', pino({ level: 'error' }, { write: fault }));
    this.rtmp = new RtmpHost(this.runtime, modules);
    this.http = new HttpHost(this.runtime, modules);
  }

  async open(): Promise<this> {
    const routing = readFileSync(join(ROOT, 'test/goldens/http-routing.conf'), 'utf8');
    const text = RTMP + routing.replaceAll('PORT', '127.0.0.1:8080').replace('root www;', `root www; ${flv}`);
    const file = '/nowhere/media.conf';
    const { tree } = loadConfig({
      file,
      prefix: '/nowhere',
      sources: modules,
      files: memoryFiles({ [file]: text }),
    });
    for (const host of [this.rtmp, this.http]) (await host.prepare(tree)).commit(new Report());
    return this;
  }

  /** A connection from its beginning to its end. The server must come to an end with it, and keep nothing. */
  async connection(host: Host, bytes: readonly Buffer[]): Promise<void> {
    const socket = new FakeSocket();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const [listen] = host === this.rtmp ? this.rtmpListens : this.httpListens;
    host.accept(socket.asSocket(), listen!, peerOf(socket.asSocket()));
    socket.on('error', () => undefined);
    for (const piece of bytes) {
      socket.arrive(piece);
      await turn();
    }
    await turn();
    socket.finish();
    await within(closed, 5000, 'the server did not end the connection');
    const fault = this.faults.splice(0)[0];
    if (fault !== undefined) throw new Error(`the server noted a fault: ${fault}`);
    const { hub } = this.runtime;
    // A question that was under way is answered first, to nobody.
    for (let turns = 0; turns < MOST_TURNS && this.#busy; turns += 1) await turn();
    for (const application of hub.applications()) {
      assert.equal([...application.publications].length, 0, 'a publication is left');
      assert.equal([...application.subscriptions].length, 0, 'a subscription is left');
      assert.equal(application.streams.size, 0, 'a stream is left');
    }
    assert.equal(
      hub.servers.reduce((sum, { clients }) => sum + clients.size, 0),
      0,
      'a client is left',
    );
    assert.equal(hub.traffic.sum().open, 0, 'a connection is left');
    assert.equal(hub.audience.players, 0, 'a player is left');
  }

  get #busy(): boolean {
    const { hub } = this.runtime;
    return hub.servers.some(({ clients }) => clients.size > 0) || hub.traffic.sum().open > 0;
  }

  get rtmpListens() {
    return this.runtime.hub.servers[0]!.spec.listens;
  }

  get httpListens() {
    return this.rtmpListens.map((listen) => ({ ...listen, key: '127.0.0.1:8080', port: 8080 }));
  }
}

let shared: Promise<Server> | undefined;

function server(): Promise<Server> {
  shared ??= new Server().open();
  return shared;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function within(work: Promise<void>, ms: number, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const SESSIONS = sessions('live', 'quiet');

const REQUESTS = [
  'GET /live?x=1 HTTP/1.1\r\nHost: one.example.com\r\n\r\n',
  'GET /set HTTP/1.1\r\nHost: x\r\n\r\nGET /if?a=1&b=yes&c=xxy HTTP/1.1\r\nHost: re12.example.net\r\n\r\n',
  'HEAD /cap/live/test HTTP/1.0\r\n\r\n',
  'GET /rw4/a%20b HTTP/1.1\r\nHost: x\r\nX-Y: <b>\r\nCookie: k=v; l=m\r\n\r\n',
  'POST /errpost HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
  'POST /vars?q=%41 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'GET /flv?app=live&stream=none HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n',
  'GET /flv/live/none.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /try HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\nIf-None-Match: "a"\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /page HTTP/1.1\r\nHost: x\r\n\r\nGET /status HTTP/1.1\r\nHost: x\r\n\r\n',
];

/** Whole connections to a whole server. */
export const serverTargets: readonly Target[] = [
  {
    name: 'RTMP sessions',
    seeds: SESSIONS,
    share: 2,
    errors: [],
    ready: server,
    feed: async (input) => {
      const one = await server();
      const half = input.length >> 1;
      await one.connection(one.rtmp, [HELLO, input.subarray(0, half), input.subarray(half)]);
    },
  },
  {
    name: 'RTMP from the first byte',
    seeds: [Buffer.concat([HELLO, SESSIONS[0]!]), Buffer.concat([HELLO, SESSIONS[2]!])],
    share: 1,
    errors: [],
    ready: server,
    feed: async (input) => {
      const one = await server();
      await one.connection(one.rtmp, [input]);
    },
  },
  {
    name: 'HTTP connections',
    seeds: REQUESTS.map((text) => Buffer.from(text)),
    words: [
      '\r\n',
      '\r\n\r\n',
      '%2e%2e/',
      '%00',
      ' HTTP/1.1',
      'Host: ',
      'Content-Length: 9\r\n',
      'GET / HTTP/1.1\r\n\r\n',
    ].map((word) => Buffer.from(word)),
    share: 1,
    errors: [],
    ready: server,
    feed: async (input) => {
      const one = await server();
      await one.connection(one.http, pieces(input).length > 40 ? [input] : pieces(input));
    },
  },
];
