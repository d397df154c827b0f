import type { Subject } from '../reloads/run.ts';

/** What became of a server in a fault. */
export interface Outcome {
  /** Everything that should not have happened. */
  readonly problems: readonly string[];
  /** Measured, for people: `slowest start` → `312 ms`. */
  readonly figures: Readonly<Record<string, string>>;
}

/** A server that faults happen to. */
export interface Victim extends Subject {
  /** What it has printed. */
  log(): string;
  /** Sends a signal and gives how it ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly ms: number }>;
}

/** Where victims are started: a folder, which is the prefix, and free ports. */
export interface Scene {
  readonly folder: string;
  readonly rtmp: number;
  readonly http: number;
  /** Starts a server on media.conf of the folder and resolves when it takes connections. `nodeOptions` are for node. */
  start(conf: string, nodeOptions?: readonly string[]): Promise<Victim>;
}

/** The configuration that faults begin with: HLS at /hls, HTTP-FLV at /live, the API at /api. */
export function conf(
  { rtmp, http }: Scene,
  more: { readonly main?: string; readonly application?: string } = {},
): string {
  return `
auto_reload off;
${more.main ?? ''}
rtmp {
  server {
    listen 127.0.0.1:${rtmp};
    listen unix:live.sock;
    application live {
      live on;
      hls on;
      hls_fragment 1s;
      ${more.application ?? 'hls_path hls;'}
    }
  }
}
http {
  access_log off;
  server {
    listen 127.0.0.1:${http};
    location /live { flv_live on; chunked_transfer_encoding on; }
    location /hls { alias hls; }
    location /api { api on; }
    location /logged { access_log access.log; return 200 ok; }
  }
}
`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something holds; false where it does not within `ms`. */
export async function holds(what: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await what())) {
    if (performance.now() > end) return false;
    await pause(20);
  }
  return true;
}

/** The playlist of a stream over HTTP: its first number and number of segments; null where it is not answered with 200. */
export async function playlistOf(
  { http }: Scene,
  stream: string,
): Promise<{ readonly sequence: number; readonly last: number; readonly text: string } | null> {
  const answer = await fetch(`http://127.0.0.1:${http}/hls/${stream}.m3u8`, {
    headers: { connection: 'close' },
  });
  const text = await answer.text();
  if (answer.status !== 200) return null;
  const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  return { sequence, last: sequence + (text.match(/^#EXTINF/gm)?.length ?? 0) - 1, text };
}
