import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/errors.ts';
import { Listeners } from '../../src/core/listeners.ts';
import { Reception } from '../../src/core/reception.ts';
import { Report } from '../../src/core/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { HttpHost } from '../../src/http/host.ts';
import { modules } from '../../src/modules/index.ts';
import { RtmpHost } from '../../src/rtmp/host.ts';
import { connectTo, type RtmpClient } from '../rtmp/client.ts';
import { freePort } from '../rtmp/server.ts';

/** A server of RTMP and HTTP with all modules in the process of the test; it stops with its test. */
export interface Station {
  /** Its prefix, a folder of its own. */
  readonly folder: string;
  readonly rtmp: number;
  readonly http: number;
  readonly runtime: Runtime;
  /** A client that has connected to an application. */
  client(application: string): Promise<RtmpClient>;
  /** Asks for a path and gives status, header and body. */
  get(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: string }>;
  /** The lines of a file in its folder. */
  lines(file: string): readonly string[];
  load(conf: string): Promise<Config>;
}

/** `conf` is a whole file in which RTMP and HTTP stand for the two addresses to listen on. */
export async function startStation(conf: string): Promise<Station> {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-station-'));
  const log = pino({ level: 'silent' });
  const runtime = new Runtime(folder, log);
  const rtmpHost = new RtmpHost(runtime, modules);
  const httpHost = new HttpHost(runtime, modules);
  const reception = new Reception(
    {
      rtmp: (socket, listen, peer) => rtmpHost.accept(socket, listen, peer),
      http: (socket, listen, peer) => httpHost.accept(socket, listen, peer),
    },
    log,
  );
  const listeners = new Listeners((socket, door, unread) => reception.take(socket, door, unread), log);
  const [rtmp, http] = [await freePort(), await freePort()];
  const file = join(folder, 'media.conf');
  const load = async (text: string): Promise<Config> => {
    const written = text.replaceAll('RTMP', `127.0.0.1:${rtmp}`).replaceAll('HTTP', `127.0.0.1:${http}`);
    writeFileSync(file, written);
    const config = loadConfig({ file, prefix: folder, sources: modules });
    const hosts = [rtmpHost, httpHost];
    const wrong = hosts.flatMap((host) => host.check(config.tree)).filter((one) => one.severity === 'error');
    if (wrong.length > 0) throw new ConfigError(wrong);
    const bound = await listeners.prepare(hosts.flatMap((host) => host.listens(config.tree)));
    const prepared = await Promise.all(hosts.map((host) => host.prepare(config.tree)));
    const report = new Report();
    bound.commit(report);
    for (const part of prepared) part.commit(report);
    return config;
  };
  onTestFinished(async () => {
    listeners.close();
    rtmpHost.close();
    httpHost.close();
    runtime.hub.close('the test is over');
    await runtime.logFiles.flush();
    rmSync(folder, { recursive: true, force: true });
  });
  await load(conf);
  return {
    folder,
    rtmp,
    http,
    runtime,
    load,
    client: (application) => connectTo(rtmp, application),
    async get(path, init = {}) {
      const answer = await fetch(`http://127.0.0.1:${http}${path}`, {
        signal: AbortSignal.timeout(5000),
        ...init,
      });
      return { status: answer.status, headers: answer.headers, body: await answer.text() };
    },
    lines: (name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1),
  };
}
