import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import type { Application } from '../../src/core/applications/application.ts';
import { Listeners } from '../../src/core/connections/listeners.ts';
import { Reception } from '../../src/core/connections/reception.ts';
import type { Module } from '../../src/core/module.ts';
import { Report } from '../../src/core/reload/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { rtmpModule } from '../../src/rtmp/directives.ts';
import { RtmpHost } from '../../src/rtmp/host.ts';

/** One line of the log as written. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number };

/** A whole RTMP server in the process of the test, on a port of its own. */
export interface TestServer {
  readonly port: number;
  readonly runtime: Runtime;
  readonly host: RtmpHost;
  readonly reception: Reception;
  readonly log: readonly LogLine[];
  /** Applies another content of `rtmp { ... }`. */
  reload(rtmp: string): Promise<Report>;
  application(name: string, server?: number): Application;
  close(): Promise<void>;
}

/** A TCP port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a server on the content of `rtmp { ... }`, in which PORT stands for its port. Streams and sessions are swept
 * each 50 ms, so that short timeouts can be tested.
 */
export async function startServer(rtmp: string, modules: readonly Module[] = []): Promise<TestServer> {
  const port = await freePort();
  const log: LogLine[] = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  );
  const runtime = new Runtime('/prefix', logger);
  const all = [rtmpModule, ...modules];
  const host = new RtmpHost(runtime, all);
  const reception = new Reception(
    {
      rtmp: (socket, listen, peer) => host.accept(socket, listen, peer),
      http: (socket) => void socket.destroy(),
    },
    logger,
  );
  const listeners = new Listeners((socket, door, unread) => reception.take(socket, door, unread), logger);
  const reload = async (content: string): Promise<Report> => {
    const text = `rtmp { ${content.replaceAll('PORT', String(port))} }`;
    const files = memoryFiles({ '/prefix/test.conf': text });
    const { tree } = loadConfig({ file: '/prefix/test.conf', sources: all, files });
    const prepared = await listeners.prepare(host.listens(tree));
    const parts = await host.prepare(tree);
    const report = new Report();
    parts.commit(report);
    prepared.commit(report);
    return report;
  };
  await reload(rtmp);
  const sweep = setInterval(() => runtime.hub.sweep(performance.now()), 50);
  return {
    port,
    runtime,
    host,
    reception,
    log,
    reload,
    application: (name, server = 0) => runtime.hub.servers[server]!.application(name)!,
    close: async () => {
      clearInterval(sweep);
      listeners.close();
      host.close();
      runtime.hub.close('the test is over');
      await until(() => host.connections.size === 0);
    },
  };
}

/** Waits until something holds; throws after `ms`. */
export async function until(holds: () => boolean, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
