/** A live stream as the server lists it. */
export interface LiveStream {
  readonly app: string;
  readonly name: string;
  /** Address of the stream over HTTP-FLV, absolute or relative to the page; null where the server does not offer it. */
  readonly flv: string | null;
  /** Address of its HLS playlist, likewise. */
  readonly hls: string | null;
  /** The newest FLV timestamp of the stream at `now`, ms. */
  readonly mediaTime: number;
}

/** What `player.json` beside the page says. */
export interface ServerState {
  /** The server's wall clock, ms since 1970. */
  readonly now: number;
  readonly streams: readonly LiveStream[];
  /** Where one may publish: an application and the RTMP port that leads to it. */
  readonly publish?: readonly { readonly app: string; readonly port: number }[];
}

/** A short answer bounds the error of the clock better than a long one; what was learnt gets old all the same. */
const CLOCK_AGE_MS = 60_000;

/** The server's clock as seen from here, learnt from the answers that took least time. */
export class ServerClock {
  #offset = 0;
  #doubt = Number.POSITIVE_INFINITY;
  #learntAt = 0;
  known = false;

  /** `sent` and `received` are local wall clock, ms. */
  learn(serverNow: number, sent: number, received: number): void {
    const doubt = (received - sent) / 2;
    if (doubt > this.#doubt && received - this.#learntAt < CLOCK_AGE_MS) return;
    this.#offset = serverNow - (sent + received) / 2;
    this.#doubt = doubt;
    this.#learntAt = received;
    this.known = true;
  }

  /** The server's wall clock now, ms; this computer's while nothing is known. */
  now(): number {
    return Date.now() + this.#offset;
  }
}

/** Asks the server once. `absent`: the page is served as plain files; `down`: nobody answers. */
export async function askServer(clock: ServerClock): Promise<ServerState | 'absent' | 'down'> {
  const sent = Date.now();
  try {
    const response = await fetch('player.json', { cache: 'no-store' });
    if (!response.ok) return response.status >= 500 ? 'down' : 'absent';
    const state = (await response.json()) as ServerState;
    clock.learn(state.now, sent, Date.now());
    return state;
  } catch (error) {
    return error instanceof SyntaxError ? 'absent' : 'down';
  }
}
