import type { StreamFacts } from '../../media/facts.ts';
import type { Application } from '../applications/application.ts';
import type { Publication } from '../applications/publication.ts';
import type { RecorderStatus, RecordingStatus } from '../applications/recordings.ts';
import type { RelayStatus } from '../applications/relays.ts';
import type { Client } from '../applications/request.ts';
import type { Subscription } from '../applications/subscription.ts';
import type { Hub } from '../hub.ts';
import { type Issue, issuesOf } from '../streams/health.ts';
import type { Rates, StreamCounters } from '../streams/meter.ts';
import type { Stream } from '../streams/stream.ts';

/** A publisher or player of a stream, at one moment. */
export interface ClientStatistics {
  readonly id: number;
  readonly role: 'publisher' | 'player';
  readonly protocol: Client['protocol'];
  readonly origin: Client['origin'];
  readonly address: string;
  readonly flashver: string;
  readonly pageurl: string;
  readonly swfurl: string;
  /** Wall clock, ms, of its coming. */
  readonly since: number;
  /** On its connection. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Times a player was skipped forward because it was too slow, and what it missed by that. */
  readonly skips: number;
  readonly droppedPackets: number;
  readonly droppedBytes: number;
  /** Bytes that wait for it, and ms of media that they are at the stream's present rate. */
  readonly backlog: number;
  readonly delay: number;
  /** Media are flowing. */
  readonly active: boolean;
}

/** A number for each protocol. */
export type Viewers = Readonly<Record<Client['protocol'] | 'hls', number>>;

/** A stream at one moment. */
export interface StreamStatistics {
  readonly name: string;
  /** Wall clock, ms, of its publisher's first media; 0 while none come. */
  readonly since: number;
  readonly live: boolean;
  readonly publishing: boolean;
  /** It is fetched from another worker, which has its publisher. */
  readonly foreign: boolean;
  /** The newest time on its time line, ms. */
  readonly timestamp: number;
  readonly rates: Rates;
  readonly counters: Readonly<StreamCounters>;
  readonly bytesOut: number;
  /** Bytes given to players of each protocol. */
  readonly sent: Viewers;
  /** Packets that players missed by being too slow, in all. */
  readonly skippedPackets: number;
  readonly facts: StreamFacts;
  /** Ms between the newest two key frames. */
  readonly keyInterval: number;
  /** Newest audio minus newest video, ms. */
  readonly gap: number;
  /** Ms since the newest media. */
  readonly silence: number;
  /** How far its media are behind the clock, ms: see `Lag`. */
  readonly lag: number;
  /** Frames whose timestamp had to be changed. */
  readonly repairs: number;
  /** What is wrong with it. */
  readonly issues: readonly Issue[];
  /** Players by protocol; `hls` are those who have lately asked for a playlist. */
  readonly viewers: Viewers;
  /** The files it is being recorded to. */
  readonly recordings: readonly RecordingStatus[];
  /** The publisher first, then players in the order they came. */
  readonly clients: readonly ClientStatistics[];
}

export interface ApplicationStatistics {
  readonly name: string;
  readonly live: boolean;
  readonly streams: readonly StreamStatistics[];
  readonly relays: readonly RelayStatus[];
  readonly recorders: readonly RecorderStatus[];
  /** Recordings that have ended. */
  readonly recorded: number;
}

export interface ServerStatistics {
  /** Its first name, or its first address. */
  readonly label: string;
  /** Its first port, 0 where it only has unix sockets. */
  readonly port: number;
  readonly applications: readonly ApplicationStatistics[];
}

/** Everything that is published and played, as plain data. `now` is monotonic ms. */
export function statisticsOf(hub: Hub, now = performance.now()): readonly ServerStatistics[] {
  return hub.servers.map((server) => ({
    label: server.label,
    port: server.spec.listens.find(({ port }) => port > 0)?.port ?? 0,
    applications: [...server.members.values()].map(({ application }) =>
      applicationStatistics(application, now),
    ),
  }));
}

function applicationStatistics(application: Application, now: number): ApplicationStatistics {
  const players = new Map<Stream, Subscription[]>();
  for (const subscription of application.subscriptions) {
    // What the server itself keeps for viewers without a session is no player.
    if (subscription.request.client.origin === 'worker') continue;
    const known = players.get(subscription.stream);
    if (known === undefined) players.set(subscription.stream, [subscription]);
    else known.push(subscription);
  }
  const { name, settings, recorders } = application;
  const files = recorders.files();
  const streams = [...application.streams.values()].map((stream) =>
    streamStatistics(
      stream,
      application.publicationOf(stream),
      application.isForeign(stream),
      players.get(stream) ?? [],
      files.filter((file) => file.stream === stream.name),
      now,
    ),
  );
  return {
    ...{ name, live: settings.live, streams, relays: application.relays.list() },
    ...{ recorders: recorders.list(), recorded: recorders.finished },
  };
}

function streamStatistics(
  stream: Stream,
  publication: Publication | undefined,
  foreign: boolean,
  players: readonly Subscription[],
  recordings: readonly RecordingStatus[],
  now: number,
): StreamStatistics {
  const rates = stream.rates(now);
  const viewers = { rtmp: 0, 'http-flv': 0, hls: stream.visitors.count(now) };
  for (const { request } of players) viewers[request.client.protocol] += 1;
  return {
    name: stream.name,
    since: stream.startedAt,
    live: stream.live,
    publishing: publication !== undefined,
    foreign,
    timestamp: Math.max(stream.timeline.last, 0),
    rates,
    counters: stream.counters,
    bytesOut: stream.bytesOut,
    sent: sentBy(stream),
    skippedPackets: stream.feeds.skippedPackets,
    facts: stream.facts,
    keyInterval: stream.keyInterval,
    gap: stream.timeline.gap,
    silence: stream.lastMediaAt === 0 ? 0 : Math.max(Math.round(now - stream.lastMediaAt), 0),
    lag: stream.lag(now),
    repairs: stream.timeline.repairs,
    issues: issuesOf(stream, now),
    viewers,
    recordings,
    clients: [
      ...(publication === undefined ? [] : [publisherStatistics(publication)]),
      ...players.map((player) => playerStatistics(player, rates)),
    ],
  };
}

function sentBy({ feeds, visitors }: Stream): Viewers {
  const sent = feeds.byFamily;
  return { rtmp: sent.get('rtmp') ?? 0, 'http-flv': sent.get('flv') ?? 0, hls: visitors.bytes };
}

function publisherStatistics({ request, stream, since }: Publication): ClientStatistics {
  const { client } = request;
  return {
    ...identity(client, since),
    role: 'publisher',
    bytesIn: client.traffic?.bytesIn ?? stream.counters.bytesIn,
    bytesOut: client.traffic?.bytesOut ?? 0,
    skips: 0,
    droppedPackets: 0,
    droppedBytes: 0,
    backlog: 0,
    delay: 0,
    active: stream.live,
  };
}

function playerStatistics(player: Subscription, rates: Rates): ClientStatistics {
  const { client } = player.request;
  const { bytes, skips, skippedBytes, skippedPackets } = player.counters;
  const backlog = player.seat?.sink.backlog ?? 0;
  return {
    ...identity(client, player.since),
    role: 'player',
    bytesIn: client.traffic?.bytesIn ?? 0,
    bytesOut: client.traffic?.bytesOut ?? bytes,
    skips,
    droppedPackets: skippedPackets,
    droppedBytes: skippedBytes,
    backlog,
    delay: rates.in === 0 ? 0 : Math.round((8000 * backlog) / rates.in),
    active: player.live && player.seat !== undefined,
  };
}

function identity(client: Client, since: number) {
  const { id, protocol, origin, address, flashver, pageurl, swfurl } = client;
  return { id, protocol, origin, address, flashver, pageurl, swfurl, since: client.since ?? since };
}
