import { resolve } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { memoryFiles } from '../../../src/config/files.ts';
import type { Application } from '../../../src/core/applications/application.ts';
import type { Publication } from '../../../src/core/applications/publication.ts';
import type { RelayStatus } from '../../../src/core/applications/relays.ts';
import type { Client } from '../../../src/core/applications/request.ts';
import { Listeners } from '../../../src/core/connections/listeners.ts';
import { Reception } from '../../../src/core/connections/reception.ts';
import { Report } from '../../../src/core/reload/report.ts';
import { Runtime } from '../../../src/core/runtime.ts';
import type { RtmpServer } from '../../../src/core/server.ts';
import { AUDIO, DATA, type Kind, type MediaPacket, VIDEO } from '../../../src/media/packet.ts';
import { modules } from '../../../src/modules/index.ts';
import { CLIENT_CHUNK_SIZE, type ClientPurpose, RtmpClient } from '../../../src/rtmp/client.ts';
import { RtmpHost } from '../../../src/rtmp/host.ts';
import { writeAmf0 } from '../../../src/wire/amf0.ts';
import { publishFormat } from '../../../src/wire/rtmp/format.ts';
import { until } from '../../e2e/children.ts';

/** An RTMP server in this process, with all modules. It stops with its test. */
export class TestServer {
  readonly lines: Record<string, unknown>[] = [];
  readonly runtime: Runtime;
  readonly #host: RtmpHost;
  readonly #listeners: Listeners;
  #rtmp = '';

  private constructor() {
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.lines.push(JSON.parse(line)) });
    this.runtime = new Runtime('/nowhere', log);
    this.#host = new RtmpHost(this.runtime, modules);
    const reception = new Reception(
      {
        rtmp: (socket, listen, peer) => this.#host.accept(socket, listen, peer),
        http: (socket) => socket.destroy(),
      },
      log,
    );
    this.#listeners = new Listeners((socket, door, unread) => reception.take(socket, door, unread), log);
  }

  /** `rtmp` is what stands in the block of that name. */
  static async start(rtmp: string): Promise<TestServer> {
    const server = new TestServer();
    onTestFinished(() => server.stop());
    await server.load(rtmp);
    return server;
  }

  /** A reload. */
  async load(rtmp: string): Promise<Report> {
    this.#rtmp = rtmp;
    const file = resolve('media.conf');
    const { tree } = loadConfig({
      file,
      sources: modules,
      files: memoryFiles({ [file]: `rtmp { ${rtmp} }` }),
    });
    const report = new Report();
    const bound = await this.#listeners.prepare(this.#host.listens(tree));
    const prepared = await this.#host.prepare(tree);
    bound.commit(report);
    prepared.commit(report);
    return report;
  }

  application(name: string): Application {
    for (const application of this.runtime.hub.applications())
      if (application.name === name) return application;
    throw new Error(`no application ${name}`);
  }

  /** Connections that clients have open. */
  get connections(): number {
    return this.#host.connections.size;
  }

  relays(application: string): readonly RelayStatus[] {
    return this.application(application).relays.list();
  }

  messages(msg: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line['msg'] === msg);
  }

  /** Everybody is sent away, and nobody let in. */
  async stop(): Promise<void> {
    this.#listeners.close();
    this.runtime.hub.close('the server stops');
    this.#host.close();
    await until('all connections have ended', () => this.#host.connections.size === 0);
  }

  /** Listens again after a stop. */
  async restart(): Promise<void> {
    await this.load(this.#rtmp);
  }
}

/** A media message as a player got it. */
export interface Received {
  readonly kind: number;
  readonly time: number;
  readonly body: Buffer;
}

function connect(url: URL, purpose: ClientPurpose, events: Partial<Peer>): RtmpClient {
  const app = url.pathname.split('/')[1]!;
  const client: RtmpClient = new RtmpClient(
    {
      address: { transport: 'tcp', host: url.hostname, port: Number(url.port), path: '' },
      bind: '',
      verify: true,
      authorities: '',
      connect: {
        app,
        tcUrl: `rtmp://${url.host}/${app}`,
        pageUrl: '',
        swfUrl: '',
        flashVer: 'test',
        via: [],
      },
      purpose,
    },
    { accepted: () => undefined, closed: () => undefined, ...events },
  );
  onTestFinished(() => client.close('the test is over'));
  return client;
}

interface Peer {
  accepted(): void;
  media(message: { type: number; timestamp: number; body: Buffer }): void;
  closed(reason: string): void;
}

function nameOf(url: URL): string {
  return url.pathname.split('/').slice(2).join('/') + url.search;
}

/** A publisher of made-up media: a key frame every `gop` frames, each with its number in the body. */
export class Publisher {
  /** Frames sent so far. */
  frames = 0;
  readonly #client: RtmpClient;
  #timer: NodeJS.Timeout | undefined;
  readonly closed: Promise<string>;

  private constructor(client: RtmpClient, closed: Promise<string>) {
    this.#client = client;
    this.closed = closed;
  }

  /** Rejects with the reason where it is refused. */
  static start(url: string): Promise<Publisher> {
    return new Promise((done, reject) => {
      let ended: (reason: string) => void = () => undefined;
      const closed = new Promise<string>((tell) => {
        ended = tell;
      });
      const parsed = new URL(url);
      const client = connect(
        parsed,
        { kind: 'publish', name: nameOf(parsed) },
        {
          accepted: () => {
            const publisher = new Publisher(client, closed);
            publisher.#begin();
            done(publisher);
          },
          closed: (reason) => {
            ended(reason);
            reject(new Error(reason));
          },
        },
      );
    });
  }

  #begin(): void {
    this.#send(DATA, 0, writeAmf0('onMetaData', { width: 320, height: 180 }));
    this.#send(VIDEO, 0, Buffer.from('170000000001640028ffe1000467640028010004ee3cb0', 'hex'));
    this.#send(AUDIO, 0, Buffer.from('af001210', 'hex'));
  }

  /** Sends so many frames of 40 ms at once. */
  send(count: number, gop = 25): void {
    for (let i = 0; i < count; i++) {
      const time = this.frames * 40;
      this.#send(VIDEO, time, frameBody(this.frames, gop));
      this.#send(AUDIO, time, Buffer.from('af0121', 'hex'));
      this.frames += 1;
    }
  }

  /** Sends a frame every `ms` from now on. */
  run(ms = 10): void {
    this.#timer = setInterval(() => this.send(1), ms);
    onTestFinished(() => clearInterval(this.#timer));
  }

  #send(kind: Kind, time: number, body: Buffer): void {
    const packet: MediaPacket = { kind, time, key: false, config: false, body };
    const muxer = publishFormat(CLIENT_CHUNK_SIZE, this.#client.streamId).muxer();
    this.#client.sink.write(muxer.encode([packet], 0, 0));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#client.close('done');
  }
}

/** A player that keeps what it gets. */
export class Player {
  readonly received: Received[] = [];
  closedBy = '';
  readonly #client: RtmpClient;

  constructor(url: string) {
    const parsed = new URL(url);
    this.#client = connect(
      parsed,
      { kind: 'play', name: nameOf(parsed), start: -2000, duration: -1000, buffer: 1000 },
      {
        media: ({ type, timestamp, body }) => void this.received.push({ kind: type, time: timestamp, body }),
        closed: (reason) => {
          this.closedBy = reason;
        },
      },
    );
  }

  /** The numbers of the frames it got. */
  get frames(): number[] {
    return this.received
      .filter(({ kind, body }) => kind === VIDEO && body[1] === 1)
      .map(({ body }) => body.readUInt32BE(5));
  }

  stop(): void {
    this.#client.close('done');
  }
}

/** A client that publishes without a connection of its own, so that it may publish more than once. */
export class LocalClient {
  readonly #server: RtmpServer;
  readonly #application: Application;
  readonly #client: Client;
  readonly #publications: Publication[] = [];

  private constructor(server: RtmpServer, application: Application, client: Client) {
    this.#server = server;
    this.#application = application;
    this.#client = client;
  }

  static async connect({ runtime }: TestServer, app: string): Promise<LocalClient> {
    const server = runtime.hub.servers[0]!;
    const client: Client = {
      id: runtime.nextClientId(),
      protocol: 'rtmp',
      origin: 'client',
      address: '127.0.0.1',
      flashver: '',
      tcurl: '',
      swfurl: '',
      pageurl: '',
      connectArgs: '',
      log: runtime.log,
    };
    return new LocalClient(server, await server.connect(client, app), client);
  }

  /** Publishes 30 frames, numbered from 0. */
  async publish(name: string): Promise<Publication> {
    const publication = await this.#application.publish({
      action: 'publish',
      client: this.#client,
      application: this.#application,
      name,
      args: '',
      type: 'live',
      dismiss: () => undefined,
    });
    this.#publications.push(publication);
    for (let frame = 0; frame < 30; frame++)
      publication.push(VIDEO, frame * 40, frameBody(frame, 25), frame * 40);
    publication.endOfRead(30 * 40);
    return publication;
  }

  disconnect(): void {
    for (const publication of this.#publications) publication.close();
    this.#server.disconnect(this.#client);
  }
}

function frameBody(frame: number, gop: number): Buffer {
  const body = Buffer.alloc(605);
  body.writeUInt8(frame % gop === 0 ? 0x17 : 0x27, 0);
  body.writeUInt8(1, 1);
  body.writeUInt32BE(frame, 5);
  return body;
}
