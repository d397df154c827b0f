import mpegts from 'mpegts.js';
import { FlvTags } from './flv-tags.ts';
import { LiveEdge } from './live-edge.ts';
import {
  bufferedAhead,
  type Playback,
  type PlaybackEvents,
  playMuted,
  Retry,
  waitingWords,
} from './playback.ts';
import type { ServerClock } from './server-state.ts';

/** Media kept ahead of the picture, s: above the larger it plays a little faster until it is down to the smaller. */
const BUFFER_MOST = 0.7;
const BUFFER_GOOD = 0.45;
/** So far behind, s, catching up by speed takes too long: it jumps. */
const JUMP_ABOVE = 1.2;
/** Without a byte for this long, ms, the publisher has gone, though the answer is still open. */
const SILENCE_MS = 2500;

const NO_MEDIA_SOURCE =
  'This browser cannot play HTTP-FLV, which needs Media Source Extensions. HLS works here.';
const BAD_CODEC =
  'This browser cannot decode what is published (H.265, most likely). Publish H.264, or try another browser.';

type Player = ReturnType<typeof mpegts.createPlayer>;
type Loader = NonNullable<Parameters<typeof mpegts.createPlayer>[1]>['customLoader'];

mpegts.LoggingControl.applyConfig({ enableAll: false, enableError: false });

/** Plays HTTP-FLV, near the live edge. `serverEdge` is the edge by the server's own account, if it gives one. */
export function playFlv(
  video: HTMLVideoElement,
  url: string,
  clock: ServerClock,
  serverEdge: LiveEdge,
  events: PlaybackEvents,
): Playback {
  const arrivals = new LiveEdge();
  let player: Player | undefined;
  /** The timestamp, ms, that is 0 in the video element. */
  let base: number | undefined;
  let heardAt = 0;
  let unsupported = false;

  const retry = new Retry(connect);
  connect();

  function connect(): void {
    disconnect();
    if (!mpegts.getFeatureList().mseLivePlayback) {
      unsupported = true;
      events.status({ state: 'unsupported', words: NO_MEDIA_SOURCE });
      return;
    }
    events.status({ state: 'connecting' });
    heardAt = performance.now();
    const tags = new FlvTags((timestamp) => {
      base ??= timestamp;
      arrivals.found(timestamp, clock.now());
    });
    const source = { type: 'flv', isLive: true, url: new URL(url, location.href).href };
    const fresh = mpegts.createPlayer(source, {
      isLive: true,
      enableStashBuffer: false,
      lazyLoad: false,
      deferLoadAfterSourceOpen: false,
      autoCleanupSourceBuffer: true,
      autoCleanupMaxBackwardDuration: 30,
      autoCleanupMinBackwardDuration: 10,
      liveSync: true,
      liveSyncMaxLatency: BUFFER_MOST,
      liveSyncTargetLatency: BUFFER_GOOD,
      liveSyncPlaybackRate: 1.15,
      customLoader: loaderOf((bytes) => {
        heardAt = performance.now();
        tags.push(bytes);
      }),
    });
    player = fresh;
    fresh.on(mpegts.Events.ERROR, (type: string, detail: string, { code }: { code?: number }) => {
      if (
        detail === mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED ||
        detail === mpegts.ErrorDetails.MEDIA_FORMAT_UNSUPPORTED
      ) {
        unsupported = true;
        events.status({ state: 'unsupported', words: BAD_CODEC });
      } else if (type === mpegts.ErrorTypes.MEDIA_ERROR) reconnect('The picture broke off, trying again …');
      else reconnect(waitingWords(code));
    });
    fresh.on(mpegts.Events.LOADING_COMPLETE, () => reconnect(waitingWords(undefined)));
    fresh.attachMediaElement(video);
    fresh.load();
    void playMuted(video, events);
  }

  function reconnect(words: string): void {
    if (unsupported) return;
    events.status({ state: 'waiting', words });
    retry.later();
  }

  function disconnect(): void {
    const old = player;
    player = undefined;
    base = undefined;
    arrivals.forget();
    old?.destroy();
  }

  function toLive(): void {
    const { buffered } = video;
    if (buffered.length > 0) video.currentTime = buffered.end(buffered.length - 1) - BUFFER_GOOD;
  }

  return {
    delay() {
      const now = clock.now();
      const edge = serverEdge.at(now) ?? arrivals.at(now);
      if (edge === null || base === undefined || video.readyState < video.HAVE_CURRENT_DATA) return null;
      return edge - (base + video.currentTime * 1000);
    },
    buffered: () => bufferedAhead(video),
    tick() {
      if (player === undefined || retry.pending || unsupported) return;
      const ahead = bufferedAhead(video);
      if (ahead > JUMP_ABOVE * 1000 && !video.paused && !video.seeking) toLive();
      if (performance.now() - heardAt > SILENCE_MS)
        events.status({ state: 'waiting', words: waitingWords(undefined) });
      else if (!video.paused && video.readyState >= video.HAVE_FUTURE_DATA) {
        retry.succeeded();
        events.status({ state: 'playing' });
      }
    },
    nudge() {
      if (retry.pending) retry.now();
    },
    stop() {
      retry.cancel();
      disconnect();
    },
  };
}

/** A loader for one player, which shows every byte to `seen` on its way. */
function loaderOf(seen: (bytes: Uint8Array) => void): NonNullable<Loader> {
  return class extends mpegts.BaseLoader {
    readonly #abort = new AbortController();

    constructor() {
      super('fetch');
    }

    override open(source: { url: string }): void {
      this._status = mpegts.LoaderStatus.kConnecting;
      void this.#read(source.url);
    }

    override abort(): void {
      this._status = mpegts.LoaderStatus.kComplete;
      this.#abort.abort();
    }

    override destroy(): void {
      this.abort();
      super.destroy();
    }

    async #read(url: string): Promise<void> {
      const { signal } = this.#abort;
      let received = 0;
      try {
        const response = await fetch(url, { signal, cache: 'no-store' });
        if (!response.ok || response.body === null) {
          this.#fail(mpegts.LoaderErrors.HTTP_STATUS_CODE_INVALID, response.status, response.statusText);
          return;
        }
        this._status = mpegts.LoaderStatus.kBuffering;
        const reader = response.body.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (signal.aborted) return;
          if (done) break;
          seen(value);
          const start = received;
          received += value.length;
          this.onDataArrival(exactBuffer(value), start, received);
        }
        this._status = mpegts.LoaderStatus.kComplete;
        this.onComplete(0, received - 1);
      } catch (error) {
        if (signal.aborted) return;
        this.#fail(mpegts.LoaderErrors.EXCEPTION, -1, String(error));
      }
    }

    #fail(kind: string, code: number, msg: string): void {
      this._status = mpegts.LoaderStatus.kError;
      // The type declarations ask for the table of all kinds where one of its values is meant.
      this.onError(kind as never, { code, msg });
    }
  } as NonNullable<Loader>;
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return (whole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer;
}
