import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/errors.ts';
import { Listeners } from '../../src/core/connections/listeners.ts';
import { Reception } from '../../src/core/connections/reception.ts';
import { Report } from '../../src/core/reload/report.ts';
import { Runtime } from '../../src/core/runtime.ts';
import { alone, type Workers } from '../../src/core/workers/workers.ts';
import { HttpHost } from '../../src/http/host.ts';
import { modules } from '../../src/modules/index.ts';
import { RtmpHost } from '../../src/rtmp/host.ts';
import { type Crew, makeCrew } from '../core/workers.ts';
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

/** What stations that are workers of one server have in common. */
interface Shared {
  readonly workers: Workers;
  readonly folder: string;
  /** The same for all, at an address of each one's own. */
  readonly ports: readonly [rtmp: number, http: number];
}

/** `conf` is a whole file in which RTMP and HTTP stand for the two addresses to listen on. */
export async function startStation(conf: string, shared?: Shared): Promise<Station> {
  const folder = shared?.folder ?? mkdtempSync(join(tmpdir(), 'mediad-station-'));
  const workers = shared?.workers ?? alone;
  const host = `127.0.0.${workers.index}`;
  const log = pino({ level: 'silent' });
  const runtime = new Runtime(folder, log, workers);
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
  const [rtmp, http] = shared?.ports ?? [await freePort(), await freePort()];
  const file = join(folder, 'media.conf');
  const load = async (text: string): Promise<Config> => {
    const written = text.replaceAll('RTMP', `${host}:${rtmp}`).replaceAll('HTTP', `${host}:${http}`);
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
    if (shared === undefined) await remove(folder);
  });
  await load(conf);
  return {
    folder,
    rtmp,
    http,
    runtime,
    load,
    client: (application) => connectTo(rtmp, application, { host }),
    async get(path, init = {}) {
      const answer = await fetch(`http://${host}:${http}${path}`, {
        signal: AbortSignal.timeout(5000),
        ...init,
      });
      return { status: answer.status, headers: answer.headers, body: await answer.text() };
    },
    lines: (name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1),
  };
}

/** Files may still be on their way into it. */
function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/** Stations that are the workers of one server, of which only the first `present` are there. */
export async function startCrew(
  conf: string,
  count: number,
  present = count,
  crew: Crew = makeCrew(count),
): Promise<readonly Station[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-crew-'));
  onTestFinished(() => remove(folder));
  const ports = [await freePort(), await freePort()] as const;
  const stations: Station[] = [];
  for (const workers of crew.workers.slice(0, present)) {
    stations.push(await startStation(conf, { workers, folder, ports }));
  }
  return stations;
}
