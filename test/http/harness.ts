import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/config.ts';
import { ConfigError, type Diagnostic } from '../../src/config/errors.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { Listeners } from '../../src/core/connections/listeners.ts';
import { Reception } from '../../src/core/connections/reception.ts';
import { Report } from '../../src/core/reload/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { httpModule } from '../../src/http/directives.ts';
import type { HttpModule } from '../../src/http/handler.ts';
import { HttpHost } from '../../src/http/host.ts';

/** A running HTTP server of the test's own, on ports of the moment. */
export interface Site {
  readonly prefix: string;
  readonly port: number;
  readonly ports: readonly number[];
  readonly runtime: Runtime;
  readonly host: HttpHost;
  /** What was logged, newest last. */
  readonly log: readonly Record<string, unknown>[];
  file(path: string, content: string | Buffer): string;
  /** Takes a new configuration; throws what the daemon would print. */
  load(text: string): Promise<Report>;
  /** Sends bytes and gives all that came until the connection was closed. */
  raw(bytes: string, options?: { readonly port?: number; readonly parts?: number }): Promise<string>;
  /** One request on a connection of its own. */
  get(target: string, options?: Request): Promise<Answer>;
  close(): Promise<void>;
}

export interface Request {
  readonly method?: string;
  readonly host?: string;
  readonly port?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly version?: '1.0' | '1.1';
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** Names and values in the order they came. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

/** The configuration of a text, with the HTTP server's directives and those of more modules. */
function treeOf(text: string, modules: readonly HttpModule[] = [], prefix = '/nowhere') {
  return loadConfig({
    file: '/test.conf',
    prefix,
    sources: [httpModule, ...modules],
    files: memoryFiles({ '/test.conf': text }),
  }).tree;
}

/** What is wrong with a configuration, as `message (line)`. */
export function findings(text: string, modules: readonly HttpModule[] = []): readonly string[] {
  const show = (all: readonly Diagnostic[]): string[] =>
    all.filter((d) => d.severity === 'error').map((d) => `${d.message} (${d.at?.line ?? '-'})`);
  try {
    const host = new HttpHost(new Runtime('/nowhere', pino({ level: 'silent' })), [httpModule, ...modules]);
    return show(host.check(treeOf(text, modules)));
  } catch (error) {
    if (error instanceof ConfigError) return show(error.diagnostics);
    throw error;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts a site; `PORT`, `PORT2` and `PORT3` in its text become free ports. */
export async function startSite(text: string, modules: readonly HttpModule[] = []): Promise<Site> {
  const prefix = mkdtempSync(join(tmpdir(), 'mediad-http-'));
  const ports = await freePorts(3);
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const runtime = new Runtime(prefix, logger);
  const all = [httpModule, ...modules];
  const host = new HttpHost(runtime, all);
  const refuse = (): never => {
    throw new Error('no RTMP here');
  };
  const reception = new Reception(
    { rtmp: refuse, http: (socket, listen, peer) => host.accept(socket, listen, peer) },
    logger,
  );
  const listeners = new Listeners((socket, door, unread) => reception.take(socket, door, unread), logger);

  const load = async (config: string): Promise<Report> => {
    const written = config.replace(
      /PORT([23]?)/g,
      (_, n: string) => `127.0.0.1:${ports[Number(n || 1) - 1]}`,
    );
    const tree = treeOf(written, modules, prefix);
    const wrong = host.check(tree).filter(({ severity }) => severity === 'error');
    if (wrong.length > 0) throw new ConfigError(wrong);
    const bound = await listeners.prepare(host.listens(tree));
    const report = new Report();
    try {
      const prepared = await host.prepare(tree);
      bound.commit(report);
      prepared.commit(report);
    } catch (error) {
      await bound.undo();
      throw error;
    }
    return report;
  };

  const raw = (bytes: string, { port = ports[0]!, parts = 1 } = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.setTimeout(8000, () => socket.destroy(new Error(`no end after: ${Buffer.concat(chunks)}`)));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
          resolve(Buffer.concat(chunks).toString('latin1'));
        else reject(error);
      });
      socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
      const size = Math.ceil(bytes.length / parts);
      for (let at = 0; at < bytes.length; at += size) socket.write(bytes.slice(at, at + size), 'latin1');
    });

  const site: Site = {
    prefix,
    port: ports[0]!,
    ports,
    runtime,
    host,
    log,
    load,
    raw,
    file(path, content) {
      const full = join(prefix, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content);
      return full;
    },
    async get(target, request = {}) {
      const { method = 'GET', host: name = 'localhost', body = '', version = '1.1' } = request;
      const fields = Object.entries(request.headers ?? {}).map(([key, value]) => `${key}: ${value}\r\n`);
      const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
      const text = await raw(
        `${method} ${target} HTTP/${version}\r\nHost: ${name}\r\nConnection: close\r\n${fields.join('')}${length}\r\n${body}`,
        request.port === undefined ? {} : { port: request.port },
      );
      return parseAnswer(text);
    },
    async close() {
      listeners.close();
      host.close();
      rmSync(prefix, { recursive: true, force: true });
    },
  };
  await load(text);
  return site;
}

/** The body of an answer as UTF-8. */
export function textOf({ body }: Answer): string {
  return Buffer.from(body, 'latin1').toString('utf8');
}

/** Reads the first answer of a text; a chunked body is put together. */
export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`no answer in "${text}"`);
  const [line, ...rows] = text.slice(0, end).split('\r\n');
  const fields = rows.map((row) => {
    const colon = row.indexOf(':');
    return [row.slice(0, colon), row.slice(colon + 1).trim()] as const;
  });
  const headers = new Map(fields.map(([name, value]) => [name.toLowerCase(), value] as const));
  const rest = text.slice(end + 4);
  const body = headers.get('transfer-encoding') === 'chunked' && rest !== '' ? dechunk(rest) : rest;
  return { status: Number(line!.split(' ')[1]), headers, fields, body };
}

/** The content of a chunked body; throws where its framing is broken or it does not end (RFC 9112, 7.1). */
export function dechunk(text: string): string {
  let at = 0;
  let body = '';
  for (;;) {
    const match = /^([0-9a-fA-F]+)\r\n/.exec(text.slice(at, at + 20));
    if (match === null) throw new Error(`broken chunk at ${at}`);
    const size = Number.parseInt(match[1]!, 16);
    at += match[0].length;
    if (text.slice(at + size, at + size + 2) !== '\r\n')
      throw new Error(`chunk of ${size} not ended at ${at}`);
    if (size === 0) return body;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}
