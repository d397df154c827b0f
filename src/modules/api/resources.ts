import type { CallbackStatus } from '../../core/callbacks.ts';
import type { Hub } from '../../core/hub.ts';
import type { RelayStatus } from '../../core/relays.ts';
import type { Runtime } from '../../core/runtime.ts';
import { type ClientStatistics, type StreamStatistics, statisticsOf } from '../../core/statistics.ts';
import { VERSION } from '../../http/software.ts';

/** A stream with the place it has. */
type PlacedStream = Omit<StreamStatistics, 'clients'> & { readonly server: string; readonly app: string };

/** A client with what it uses. */
type PlacedClient = ClientStatistics & {
  readonly server: string;
  readonly app: string;
  readonly stream: string;
};

/** What the server is and how much of everything there is. */
export function overview({ hub, startedAt }: Runtime): unknown {
  const clients = clientsOf(hub);
  return {
    version: VERSION,
    pid: process.pid,
    startedAt,
    streams: streamsOf(hub).filter(({ live }) => live).length,
    publishers: clients.filter(({ role }) => role === 'publisher').length,
    players: clients.filter(({ role }) => role === 'player').length,
    traffic: { ...hub.traffic.sum(), ...rated(hub) },
    resources: ['streams', 'clients', 'relays', 'execs', 'hooks', 'reload', 'config', 'events'],
  };
}

function rated(hub: Hub): { readonly bitsIn: number; readonly bitsOut: number } {
  const rates = hub.traffic.rates(performance.now());
  return { bitsIn: rates.in, bitsOut: rates.out };
}

function* placed(hub: Hub): Iterable<{ server: string; app: string; stream: StreamStatistics }> {
  for (const { server, applications } of statisticsOf(hub)) {
    for (const { name, streams } of applications) {
      for (const stream of streams) yield { server: server.label, app: name, stream };
    }
  }
}

/** Every stream, without who publishes and plays it. */
export function streamsOf(hub: Hub): readonly PlacedStream[] {
  return [...placed(hub)].map(({ server, app, stream: { clients: _, ...stream } }) => ({
    server,
    app,
    ...stream,
  }));
}

/** One stream with its clients and relays; undefined where there is none. Of several servers the first one's. */
export function streamOf(hub: Hub, app: string, name: string): unknown {
  for (const one of placed(hub)) {
    if (one.app !== app || one.stream.name !== name) continue;
    const relays = relaysOf(hub).filter((relay) => relay.app === app && relay.stream === name);
    return { server: one.server, app, ...one.stream, relays };
  }
  return undefined;
}

/** Everybody who publishes or plays. */
export function clientsOf(hub: Hub): readonly PlacedClient[] {
  return [...placed(hub)].flatMap(({ server, app, stream }) =>
    stream.clients.map((client) => ({ ...client, server, app, stream: stream.name })),
  );
}

export function relaysOf(
  hub: Hub,
): readonly (RelayStatus & { readonly server: string; readonly app: string })[] {
  return [...hub.applications()].flatMap((application) =>
    application.relays
      .list()
      .map((relay) => ({ ...relay, server: application.server, app: application.name })),
  );
}

export function hooksOf(hub: Hub): readonly CallbackStatus[] {
  return hub.callbacks.list().filter(({ url }) => url !== '');
}
