import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterFile, type Child, runToEnd, start, until } from './children.ts';

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PROGRAM = join(ROOT, 'bin/mediad.js');

const READY_MS = 10_000;

/** A folder of its own and free ports for one server and everything around it; removed after the test file. */
export interface Place {
  readonly directory: string;
  /** For `listen` of rtmp and of http, and more to come into use later. */
  readonly rtmp: number;
  readonly http: number;
  readonly spare: readonly number[];
  /** The configuration file, `media.conf` in the folder, which is also the prefix. */
  readonly conf: string;
  /** An absolute path in the folder. */
  path(name: string): string;
}

/** A running server, started from the built program. */
export interface Mediad {
  readonly place: Place;
  readonly pid: number;
  readonly child: Child;
  /** Addresses of its streams. */
  rtmpUrl(application: string, stream: string): string;
  httpUrl(path: string): string;
  /** What it has logged and printed. */
  log(): string;
  /** Writes the configuration file; the server may notice that by itself. */
  write(conf: string): void;
  /** Writes the file, if one is given, and runs `-s reload`: what that printed, and its exit code. */
  reload(conf?: string): Promise<{ readonly code: number | null; readonly output: string }>;
  /** Ends it by a signal (TERM), and throws unless it ends by itself with exit code 0. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The configuration most tests begin with: application `live` with HTTP-FLV at /live and HLS at /hls. */
export function plainConf(place: Place, application = '', location = ''): string {
  return `
error_log stderr info;
rtmp {
  server {
    listen 127.0.0.1:${place.rtmp};
    application live {
      live on;
      hls on;
      hls_path hls;
      hls_fragment 2s;
      ${application}
    }
  }
}
http {
  access_log off;
  server {
    listen 127.0.0.1:${place.http};
    location /live { flv_live on; chunked_transfer_encoding on; }
    location /hls/ { alias hls/; add_header Cache-Control no-cache; }
    ${location}
  }
}
`;
}

export async function makePlace(): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'mediad-test-'));
  afterFile(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  const [rtmp, http, ...spare] = await freePorts(6);
  const conf = join(directory, 'media.conf');
  return { directory, rtmp: rtmp!, http: http!, spare, conf, path: (name) => join(directory, name) };
}

/** Ports of 127.0.0.1 that nobody uses now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts the server on a configuration and waits until it listens on every TCP port written in it. */
export async function startMediad(
  conf: string | ((place: Place) => string) = plainConf,
  place?: Place,
): Promise<Mediad> {
  const where = place ?? (await makePlace());
  const text = typeof conf === 'string' ? conf : conf(where);
  writeFileSync(where.conf, text);
  const child = await start(process.execPath, [PROGRAM, '-c', where.conf], { cwd: where.directory });
  const ports = listenPorts(text);
  await until(
    `mediad listens on ${ports.join(', ')}`,
    async () => {
      if (!child.running) throw new Error(`mediad did not start:\n${child.output()}`);
      return (await Promise.all(ports.map(isOpen))).every(Boolean);
    },
    READY_MS,
  );
  return {
    place: where,
    pid: child.pid,
    child,
    rtmpUrl: (application, stream) => `rtmp://127.0.0.1:${where.rtmp}/${application}/${stream}`,
    httpUrl: (path) => `http://127.0.0.1:${where.http}${path}`,
    log: () => child.output(),
    write: (changed) => writeFileSync(where.conf, changed),
    async reload(changed) {
      if (changed !== undefined) writeFileSync(where.conf, changed);
      return runMediad('-c', where.conf, '-s', 'reload');
    },
    async stop(signal) {
      const { code } = await child.stop(signal);
      if (code !== 0) throw new Error(`mediad ended with ${code}:\n${child.output()}`);
    },
  };
}

/** Runs the program to its end. */
export function runMediad(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return runToEnd(process.execPath, [PROGRAM, ...args]);
}

function listenPorts(conf: string): number[] {
  return [...conf.replace(/#.*/g, '').matchAll(/\blisten\s+(?:[^\s;]*:)?([0-9]+)/g)].map((match) =>
    Number(match[1]),
  );
}

/** Whether somebody listens on a port of 127.0.0.1. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
