import type { Block } from '../../src/config/block.ts';
import type { Table } from '../../src/config/table.ts';
import type { Application } from '../../src/core/applications/application.ts';
import { liveTable } from '../../src/core/applications/live.ts';
import type { Publication } from '../../src/core/applications/publication.ts';
import type { Client } from '../../src/core/applications/request.ts';
import type { Listen } from '../../src/core/net/addresses.ts';
import { Report } from '../../src/core/reload/report.ts';
import type { Runtime } from '../../src/core/runtime.ts';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { rtmpServerTable } from '../../src/rtmp/directives.ts';

/** An RTMP server of a test, without sockets: its applications, and what they set. */
export interface RtmpSpec {
  readonly port?: number;
  readonly names?: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly applications: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const AT = { file: 'test', line: 1, column: 1, length: 1 };

function initials(table: Table): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.initial]));
}

function blockOf(context: Block['context'], key: string, settings: Record<string, unknown>): Block {
  return { context, name: context, value: key, key, settings, children: [], at: AT, origins: {}, texts: {} };
}

function listenOf(port: number): Listen {
  return {
    key: `0.0.0.0:${port}`,
    host: '0.0.0.0',
    port,
    path: '',
    defaultServer: false,
    ipv6only: true,
    ssl: false,
    http2: false,
    proxyProtocol: false,
    backlog: null,
    keepalive: null,
  };
}

/** Gives a runtime its RTMP servers, in place of those it has. */
export function serve(runtime: Runtime, ...servers: readonly RtmpSpec[]): void {
  const specs = servers.map(({ port = 1935, names = [], settings = {}, applications }) => ({
    listens: [listenOf(port)],
    names,
    block: blockOf('rtmp_server', String(port), { ...initials(rtmpServerTable), ...settings }),
    applications: Object.entries(applications).map(([name, own]) =>
      blockOf('application', name, { ...initials(liveTable), live: true, ...own }),
    ),
  }));
  runtime.hub.commit(specs, [], runtime, new Report());
}

export function applicationOf(runtime: Runtime, name: string, server = 0): Application {
  return runtime.hub.servers[server]!.application(name)!;
}

/** A client of a test, as if it had connected. */
export function clientOf(runtime: Runtime, own: Partial<Client> = {}): Client {
  return {
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
    ...own,
  };
}

/** Takes a name for a publisher that sends what the test tells it to. */
export function publish(runtime: Runtime, application: Application, name: string): Promise<Publication> {
  return application.publish({
    action: 'publish',
    client: clientOf(runtime),
    application,
    name,
    args: '',
    type: 'live',
    dismiss: () => undefined,
  });
}

/** Tag bodies of a small H.264 and AAC stream. */
export const AVC_HEADER = Buffer.from('1700000000014d401fffe10004674d401f01000468ee3c80', 'hex');
export const AAC_HEADER = Buffer.from('af001210', 'hex');

export function keyFrame(fill: number, size = 100): Buffer {
  return Buffer.concat([Buffer.from('1701000000', 'hex'), Buffer.alloc(size, fill)]);
}

export function frame(fill: number, size = 50): Buffer {
  return Buffer.concat([Buffer.from('2701000000', 'hex'), Buffer.alloc(size, fill)]);
}

export function sound(fill: number): Buffer {
  return Buffer.concat([Buffer.from('af01', 'hex'), Buffer.alloc(20, fill)]);
}

/** Sends sequence headers and the first pictures and sounds, so that the stream's tracks are known. */
export function begin(publication: Publication, time = 0): void {
  const now = performance.now();
  publication.push(VIDEO, time, AVC_HEADER, now);
  publication.push(AUDIO, time, AAC_HEADER, now);
  publication.push(VIDEO, time, keyFrame(1), now);
  publication.push(AUDIO, time, sound(1), now);
  publication.endOfRead(now);
}
