import { access } from 'node:fs/promises';
import type { Runtime } from '../../core/runtime.ts';
import type { Exchange } from '../../http/requests/exchange.ts';
import { fileUrl, flvUrl, type Playable, playlistPath } from './urls.ts';

/** A live stream as the page lists it; addresses are paths on this server, null where it does not offer them. */
interface LiveStream {
  readonly app: string;
  readonly name: string;
  readonly flv: string | null;
  readonly hls: string | null;
  /** The newest FLV timestamp of the stream at `now`, ms. */
  readonly mediaTime: number;
}

/** What `player.json` says. */
export interface PlayerState {
  /** Wall clock, ms since 1970. */
  readonly now: number;
  readonly streams: readonly LiveStream[];
  /** Applications that take live streams, and the RTMP port that leads to each. */
  readonly publish: readonly { readonly app: string; readonly port: number }[];
}

/** Streams that one answer lists at most. */
const MOST = 1000;

/** A live stream of one worker. */
export interface WorkerStream {
  /** The number of its server block. */
  readonly server: number;
  readonly app: string;
  readonly name: string;
  readonly mediaTime: number;
}

/** The topic on which workers tell what is live in them. */
export const STREAMS = 'player streams';

/** What is live in this process. */
export function liveStreams({ hub }: Runtime): readonly WorkerStream[] {
  const found: WorkerStream[] = [];
  hub.servers.forEach((server, at) => {
    for (const { application } of server.members.values()) {
      for (const { name, live, timeline } of application.streams.values()) {
        if (!live || found.length >= MOST) continue;
        found.push({ server: at, app: application.name, name, mediaTime: Math.max(timeline.last, 0) });
      }
    }
  });
  return found;
}

/** What is live in any worker and can be played through this HTTP server; streams nobody could play here are not named. */
export async function playerState(exchange: Exchange): Promise<PlayerState> {
  const { runtime } = exchange;
  const others = await runtime.workers.ask<readonly WorkerStream[]>(STREAMS);
  const known = new Map<string, Playable>();
  for (const { server, app, name } of [liveStreams(runtime), ...others.map(({ answer }) => answer)].flat()) {
    const playable = known.size < MOST ? playableOf(exchange, server, app, name) : null;
    if (playable !== null) known.set(keyOf({ server, app, name }), playable);
  }
  const urls = new Map<string, string | null>();
  await Promise.all(
    [...known].map(async ([key, playable]) => urls.set(key, await hlsUrl(exchange, playable))),
  );
  // From here on nothing waits: media times and the clock are those of one moment, or of one not long before.
  const times = new Map<string, number>();
  for (const one of [...others.flatMap(({ answer }) => answer), ...liveStreams(runtime)]) {
    times.set(keyOf(one), one.mediaTime);
  }
  const streams = [...known].map(([key, playable]) => ({
    app: playable.app,
    name: playable.name,
    flv: flvUrl(exchange, playable),
    hls: urls.get(key) ?? null,
    mediaTime: times.get(key) ?? 0,
  }));
  return {
    now: Date.now(),
    streams: streams.filter(({ flv, hls }) => flv !== null || hls !== null),
    publish: publishable(runtime),
  };
}

function keyOf({ server, app, name }: Omit<WorkerStream, 'mediaTime'>): string {
  return JSON.stringify([server, app, name]);
}

/** Null where the application is not here, as during a reload. */
function playableOf({ runtime }: Exchange, at: number, app: string, name: string): Playable | null {
  const server = runtime.hub.servers[at];
  const block = server?.spec.applications.find(({ key }) => key === app);
  if (server === undefined || block === undefined) return null;
  return server.application(app)?.settings.live === true ? { server, block, app, name } : null;
}

function publishable({ hub }: Runtime): PlayerState['publish'] {
  return hub.servers.flatMap((server) => {
    const port = server.spec.listens.find((listen) => listen.port > 0)?.port;
    if (port === undefined) return [];
    return server.spec.applications.flatMap(({ key }) => {
      const application = server.application(key);
      return application?.settings.live === true ? [{ app: application.name, port }] : [];
    });
  });
}

/** Null as well until the first segment has been made, so that the page need not ask in vain. */
async function hlsUrl(exchange: Exchange, playable: Playable): Promise<string | null> {
  const { runtime } = exchange;
  const path = playlistPath(playable, runtime.prefix);
  const url = path === null ? null : fileUrl(exchange, path);
  if (path === null || url === null) return null;
  if (runtime.files.has(path)) return url;
  return access(path).then(
    () => url,
    () => null,
  );
}
