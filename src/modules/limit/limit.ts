import { settingsOf } from '../../config/block.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Client, PlayRequest, PublishRequest } from '../../core/applications/request.ts';
import type { Hub } from '../../core/hub.ts';
import { maskedName } from '../../core/logs/log.ts';
import {
  type ApplicationContext,
  applicationService,
  type Module,
  type Service,
  serverService,
} from '../../core/module.ts';
import { shareOf } from '../../core/net/networks.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { Tally } from '../../core/workers/tallies.ts';
import { Meters, STEP_MS } from './bitrate.ts';
import { type LimitSettings, limitTable } from './directives.ts';

/** The server's own relays and workers are not limited: what they carry has been let in elsewhere. */
function isLimited({ origin }: Client): boolean {
  return origin === 'client';
}

/** Everybody who plays and publishes in an application, counted in the ways that its limits ask for, in all workers. */
class Counts {
  /** Names of streams, each with how many workers have it from its publisher. */
  readonly names: Tally;
  readonly streams: Tally;
  readonly players: Tally;
  readonly playersByAddress: Tally;
  readonly publishersByAddress: Tally;
  readonly meters = new Meters();
  /** Those that have a publisher here, or wait for it. */
  readonly #streams = new Set<Stream>();

  constructor({ application, hub, observe, own }: ApplicationContext) {
    const open = (what: string): Tally => {
      const tally = hub.tallies.open(JSON.stringify([application.server, application.name, what]));
      own(() => tally.close());
      return tally;
    };
    this.names = open('names');
    this.streams = open('streams');
    this.players = open('players');
    this.playersByAddress = open('players by address');
    this.publishersByAddress = open('publishers by address');
    for (const stream of application.streams.values()) {
      const has = stream.live || application.publicationOf(stream) !== undefined;
      if (has && !application.isForeign(stream)) this.#stream(stream);
    }
    for (const publication of application.publications) this.#publisher(publication.request, 'add');
    for (const publication of application.publications) this.meters.add(publication);
    for (const { request, stream } of application.subscriptions) this.#player(request, stream.name, 'add');
    observe({
      published: (publication) => {
        this.#stream(publication.stream);
        this.#publisher(publication.request, 'add');
        this.meters.add(publication);
      },
      unpublished: (publication) => {
        this.#publisher(publication.request, 'remove');
        this.meters.remove(publication);
      },
      ended: (stream) => this.#over(stream),
      played: ({ request, stream }) => this.#player(request, stream.name, 'add'),
      unplayed: ({ request, stream }) => this.#player(request, stream.name, 'remove'),
    });
  }

  #stream(stream: Stream): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    this.names.add(stream.name);
    this.streams.add('');
  }

  #over(stream: Stream): void {
    if (!this.#streams.delete(stream)) return;
    this.names.remove(stream.name);
    this.streams.remove('');
  }

  /** Streams that went over to another worker count there. Once a second. */
  sweep({ application }: ApplicationContext): void {
    for (const stream of [...this.#streams]) if (application.isForeign(stream)) this.#over(stream);
  }

  #publisher({ client }: PublishRequest, change: 'add' | 'remove'): void {
    if (isLimited(client)) this.publishersByAddress[change](shareOf(client.address));
  }

  #player({ client }: PlayRequest, stream: string, change: 'add' | 'remove'): void {
    if (!isLimited(client)) return;
    this.players[change](stream);
    this.playersByAddress[change](shareOf(client.address));
  }
}

function refuse(message: string): never {
  throw new Refused('overloaded', message);
}

/** Unix sockets have no address that would tell one client from another. */
function hasAddress({ address }: Client): boolean {
  return address !== 'unix:';
}

function checkPublisher(request: PublishRequest, conf: LimitSettings, counts: Counts): void {
  const { application, client, name } = request;
  const before = application.publicationNamed(name);
  const { max_live_streams: streams, max_publishers_per_address: each } = conf;
  // A publisher that comes back, or takes a name over, makes no further stream.
  if (streams !== null && counts.names.of(name) === 0 && counts.streams.of('') >= streams) {
    refuse('the application has as many streams as it may have');
  }
  if (each === null || !hasAddress(client)) return;
  const share = shareOf(client.address);
  const taken = before !== undefined && shareOf(before.request.client.address) === share ? 1 : 0;
  if (counts.publishersByAddress.of(share) - taken >= each) {
    refuse('this address publishes as many streams as it may');
  }
}

function checkPlayer(request: PlayRequest, conf: LimitSettings, counts: Counts, { viewers }: Hub): void {
  const { application, client, name } = request;
  const { max_players: all, max_players_per_address: each } = conf;
  if (all !== null && counts.players.of(name) + viewers.ofStream(application, name) >= all) {
    refuse('the stream has as many players as it may have');
  }
  if (each === null || !hasAddress(client)) return;
  const share = shareOf(client.address);
  if (counts.playersByAddress.of(share) + viewers.ofAddress(application, share) >= each) {
    refuse('this address plays as many streams as it may');
  }
}

function startLimit(conf: LimitSettings, context: ApplicationContext): Service<LimitSettings> {
  let current = conf;
  const counts = new Counts(context);
  context.limit((request) => {
    if (!isLimited(request.client)) return;
    if (request.action === 'publish') checkPublisher(request, current, counts);
    else checkPlayer(request, current, counts, context.hub);
  });
  const timer = setInterval(() => {
    counts.sweep(context);
    const { max_publish_bitrate: limit } = current;
    if (limit === null) return;
    for (const { request, stream } of counts.meters.above(limit)) {
      if (!isLimited(request.client)) continue;
      const fields = { stream: maskedName(stream.name), session: request.client.id, ...limit };
      context.log.warn(fields, 'the publisher sends more than max_publish_bitrate');
      request.dismiss('the publisher sends more than it may');
    }
  }, STEP_MS);
  timer.unref();
  context.own(() => clearInterval(timer));
  return {
    update(next) {
      current = next;
      return true;
    },
  };
}

/** Limits of how many may connect, publish and play, and how much publishers may send. */
export const limitModule: Module = {
  name: 'limit',
  tables: { application: limitTable },
  server: serverService(limitTable, {
    enabled: () => true,
    start(_conf, { hub, server, limit, observe, own }) {
      const connections = hub.tallies.open('connections');
      const byAddress = hub.tallies.open('connections by address');
      own(() => connections.close());
      own(() => byAddress.close());
      const count = (client: Client, change: 'add' | 'remove'): void => {
        connections[change]('');
        if (isLimited(client)) byAddress[change](shareOf(client.address));
      };
      for (const client of server.clients.keys()) count(client, 'add');
      observe({
        connected: (client) => count(client, 'add'),
        disconnected: (client) => count(client, 'remove'),
      });
      limit(({ server, name, client }) => {
        const block = server.spec.applications.find(({ key }) => key === name);
        if (block === undefined || !isLimited(client)) return;
        const { max_connections: most, max_connections_per_address: each } = settingsOf(block, limitTable);
        if (most !== null && connections.of('') >= most) {
          refuse('the server has as many clients as it may have');
        }
        if (each === null || !hasAddress(client)) return;
        if (byAddress.of(shareOf(client.address)) >= each) {
          refuse('this address has as many connections as it may have');
        }
      });
      return { update: () => true };
    },
  }),
  application: applicationService(limitTable, {
    enabled: (conf) =>
      Object.entries(conf).some(([name, set]) => !name.startsWith('max_connections') && set !== null),
    start: startLimit,
  }),
};
