import type { RecordingStatus } from '../../core/applications/recordings.ts';
import type { RelayStatus } from '../../core/applications/relays.ts';
import type { CallbackStatus } from '../../core/measures/callbacks.ts';
import { type Figures, trafficOf } from '../../core/statistics/figures.ts';
import type {
  ApplicationStatistics,
  ClientStatistics,
  StreamStatistics,
} from '../../core/statistics/statistics.ts';
import type { Whole } from '../../core/statistics/whole.ts';
import { VERSION } from '../../core/version.ts';

/** The place that something has. */
interface Placed {
  readonly server: string;
  readonly app: string;
}

/** What can be asked for below the location. */
const RESOURCES = [
  'streams',
  'clients',
  'relays',
  'execs',
  'recordings',
  'hooks',
  'reload',
  'config',
  'events',
] as const;

/** What the server is and how much of everything there is. */
export function overview({ figures, workers }: Whole, worker: number): unknown {
  const clients = clientsOf(figures);
  const { pid, startedAt, rates } = figures;
  return {
    version: VERSION,
    pid,
    worker,
    startedAt,
    workers,
    streams: streamsOf(figures).filter(({ live }) => live).length,
    publishers: clients.filter(({ role }) => role === 'publisher').length,
    players: clients.filter(({ role }) => role === 'player').length,
    traffic: { ...trafficOf(figures), bitsIn: rates.in, bitsOut: rates.out },
    resources: RESOURCES,
  };
}

function* applicationsOf({ servers }: Figures): Iterable<{ place: Placed; of: ApplicationStatistics }> {
  for (const { label, applications } of servers) {
    for (const of of applications) yield { place: { server: label, app: of.name }, of };
  }
}

/** Every stream, without who publishes and plays it. */
export function streamsOf(
  figures: Figures,
): readonly (Placed & Omit<StreamStatistics, 'clients' | 'foreign'>)[] {
  return [...applicationsOf(figures)].flatMap(({ place, of }) =>
    of.streams.map(({ clients: _, foreign: __, ...stream }) => ({ ...place, ...stream })),
  );
}

/** One stream with its clients and relays; undefined where there is none. Of several servers the first one's. */
export function streamOf(figures: Figures, app: string, name: string): unknown {
  for (const { place, of } of applicationsOf(figures)) {
    const stream = of.name === app ? of.streams.find((one) => one.name === name) : undefined;
    if (stream === undefined) continue;
    const relays = relaysOf(figures).filter((relay) => relay.app === app && relay.stream === name);
    return { ...place, ...stream, relays };
  }
  return undefined;
}

/** Everybody who publishes or plays, with what they use. */
export function clientsOf(
  figures: Figures,
): readonly (Placed & ClientStatistics & { readonly stream: string })[] {
  return [...applicationsOf(figures)].flatMap(({ place, of }) =>
    of.streams.flatMap(({ name, clients }) =>
      clients.map((client) => ({ ...client, ...place, stream: name })),
    ),
  );
}

export function relaysOf(figures: Figures): readonly (Placed & RelayStatus)[] {
  return [...applicationsOf(figures)].flatMap(({ place, of }) =>
    of.relays.map((relay) => ({ ...relay, ...place })),
  );
}

/** The files that are being written, and by application how many there have been. */
export function recordingsOf(figures: Figures): unknown {
  const all = [...applicationsOf(figures)].filter(
    ({ of }) =>
      of.recorders.length > 0 || of.recorded > 0 || of.streams.some((one) => one.recordings.length > 0),
  );
  const files: readonly (Placed & RecordingStatus)[] = all.flatMap(({ place, of }) =>
    of.streams.flatMap(({ recordings }) => recordings.map((file) => ({ ...place, ...file }))),
  );
  return { files, finished: all.map(({ place, of }) => ({ ...place, count: of.recorded })) };
}

export function hooksOf({ callbacks }: Figures): readonly CallbackStatus[] {
  return callbacks.filter(({ url }) => url !== '');
}
