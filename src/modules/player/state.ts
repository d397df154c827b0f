import { access } from 'node:fs/promises';
import type { Stream } from '../../core/stream.ts';
import type { Exchange } from '../../http/exchange.ts';
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

/** What is live and can be played through this HTTP server; streams nobody could play here are not named. */
export async function playerState(exchange: Exchange): Promise<PlayerState> {
  const found: { readonly playable: Playable; readonly stream: Stream; hls: string | null }[] = [];
  const publish: { app: string; port: number }[] = [];
  for (const server of exchange.runtime.hub.servers) {
    const port = server.spec.listens.find((listen) => listen.port > 0)?.port;
    for (const block of server.spec.applications) {
      const application = server.application(block.key);
      if (application === undefined || !application.settings.live) continue;
      if (port !== undefined) publish.push({ app: application.name, port });
      for (const stream of application.streams.values()) {
        if (!stream.live || found.length >= MOST) continue;
        const playable = { server, block, app: application.name, name: stream.name };
        found.push({ playable, stream, hls: null });
      }
    }
  }
  await Promise.all(
    found.map(async (one) => {
      one.hls = await hlsUrl(exchange, one.playable);
    }),
  );
  // From here on nothing waits: media times and the clock are those of one moment.
  const streams = found.map(({ playable, stream, hls }) => ({
    app: playable.app,
    name: playable.name,
    flv: flvUrl(exchange, playable),
    hls,
    mediaTime: Math.max(stream.timeline.last, 0),
  }));
  return {
    now: Date.now(),
    streams: streams.filter(({ flv, hls }) => flv !== null || hls !== null),
    publish,
  };
}

/** Null as well until the first segment has been made, so that the page need not ask in vain. */
async function hlsUrl(exchange: Exchange, playable: Playable): Promise<string | null> {
  const { runtime } = exchange;
  const path = playlistPath(playable, runtime.prefix);
  const url = path === null ? null : fileUrl(exchange, path);
  if (path === null || url === null) return null;
  if (runtime.files.get(path) !== undefined) return url;
  return access(path).then(
    () => url,
    () => null,
  );
}
