/** Where a player stands, with words for people where there is something to say. */
export type Status =
  | { readonly state: 'connecting' | 'playing' }
  | { readonly state: 'waiting' | 'unsupported' | 'blocked'; readonly words: string };

export interface PlaybackEvents {
  status(status: Status): void;
}

/** One way of playing a stream in a video element. */
export interface Playback {
  /** How far the picture is behind the server's live edge, ms; null while it is not known. */
  delay(): number | null;
  /** Media ahead of the picture, ms. */
  buffered(): number;
  /** Called a few times a second: keeps near the live edge. */
  tick(): void;
  /** The stream is known to be live now: no need to wait on. */
  nudge(): void;
  stop(): void;
}

/** What people are told while a stream cannot be had; `status` is that of the server's answer, if it gave one. */
export function waitingWords(status: number | undefined): string {
  if (status === 401 || status === 403) {
    return `The server does not let this be played here (${status}): a signature in the address is missing, wrong or too old, or a rule forbids it.`;
  }
  if (status === 503) return 'The server has no room for another player at the moment (503), trying again …';
  return 'Waiting for the publisher …';
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

/** Tries again after growing waits. */
export class Retry {
  readonly #attempt: () => void;
  #wait = FIRST_WAIT_MS;
  #timer: number | undefined;

  constructor(attempt: () => void) {
    this.#attempt = attempt;
  }

  /** Another attempt is due. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  later(): void {
    if (this.#timer !== undefined) return;
    this.#timer = window.setTimeout(() => this.now(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  now(): void {
    this.cancel();
    this.#attempt();
  }

  succeeded(): void {
    this.#wait = FIRST_WAIT_MS;
  }

  cancel(): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Media ahead of the picture, ms. */
export function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  return buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime) * 1000;
}

/** Starts playing; browsers refuse sound without a gesture, and a few refuse even silence. */
export async function playMuted(video: HTMLVideoElement, events: PlaybackEvents): Promise<void> {
  try {
    await video.play();
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
    if (!video.muted) {
      video.muted = true;
      return playMuted(video, events);
    }
    events.status({ state: 'blocked', words: 'The browser wants a click before it plays.' });
  }
}
