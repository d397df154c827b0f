import Hls, { type ErrorData } from 'hls.js/light';
import {
  bufferedAhead,
  type Playback,
  type PlaybackEvents,
  playMuted,
  Retry,
  waitingWords,
} from './playback.ts';
import type { ServerClock } from './server-state.ts';

const BAD_CODEC =
  'This browser cannot decode what is published (H.265, most likely). Publish H.264, or try another browser.';
const NO_HLS = 'This browser can play HLS neither by itself nor by Media Source Extensions.';
/** Without a new picture for this long, ms, the publisher has gone. */
const SILENCE_MS = 3000;

const ONCE = { maxTimeToFirstByteMs: 5000, maxLoadTimeMs: 10_000, timeoutRetry: null, errorRetry: null };

/** Plays HLS by hls.js, or by the browser itself where that is the only way. */
export function playHls(
  video: HTMLVideoElement,
  url: string,
  clock: ServerClock,
  events: PlaybackEvents,
): Playback {
  let hls: Hls | undefined;
  let unsupported = false;
  let position = -1;
  let movedAt = performance.now();

  const retry = new Retry(connect);
  video.addEventListener('error', nativeFailed);
  video.addEventListener('ended', ended);
  connect();

  function connect(): void {
    disconnect();
    events.status({ state: 'connecting' });
    movedAt = performance.now();
    const address = new URL(url, location.href).href;
    if (!Hls.isSupported()) {
      if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
        unsupported = true;
        events.status({ state: 'unsupported', words: NO_HLS });
        return;
      }
      video.src = address;
      void playMuted(video, events);
      return;
    }
    hls = new Hls({
      enableWorker: false,
      liveSyncDurationCount: 2,
      liveMaxLatencyDurationCount: 6,
      maxLiveSyncPlaybackRate: 1.1,
      liveDurationInfinity: true,
      backBufferLength: 15,
      manifestLoadPolicy: { default: ONCE },
    });
    hls.on(Hls.Events.ERROR, (_event, data) => failed(data));
    hls.loadSource(address);
    hls.attachMedia(video);
    void playMuted(video, events);
  }

  function failed({ fatal, type, details, response }: ErrorData): void {
    if (
      details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
      details === Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR
    ) {
      unsupported = true;
      events.status({ state: 'unsupported', words: BAD_CODEC });
      return;
    }
    if (!fatal || unsupported) return;
    if (type === Hls.ErrorTypes.MEDIA_ERROR) hls?.recoverMediaError();
    else reconnect(response?.code);
  }

  function nativeFailed(): void {
    if (hls === undefined && !unsupported) reconnect();
  }

  function ended(): void {
    reconnect();
  }

  function reconnect(status?: number): void {
    events.status({ state: 'waiting', words: waitingWords(status) });
    retry.later();
  }

  function disconnect(): void {
    hls?.destroy();
    hls = undefined;
  }

  /** The wall clock of the server at which the picture that is shown came in. */
  function playingDate(): number | null {
    if (hls !== undefined) return hls.playingDate?.getTime() ?? null;
    const start = (video as { getStartDate?: () => Date }).getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? null : start + video.currentTime * 1000;
  }

  return {
    delay() {
      const date = playingDate();
      return date === null || video.readyState < video.HAVE_CURRENT_DATA ? null : clock.now() - date;
    },
    buffered: () => bufferedAhead(video),
    tick() {
      if (retry.pending || unsupported) return;
      if (video.currentTime !== position) {
        position = video.currentTime;
        movedAt = performance.now();
      }
      if (video.paused) return;
      if (performance.now() - movedAt > SILENCE_MS)
        events.status({ state: 'waiting', words: waitingWords(undefined) });
      else if (video.readyState >= video.HAVE_FUTURE_DATA) {
        retry.succeeded();
        events.status({ state: 'playing' });
      }
    },
    nudge() {
      if (retry.pending) retry.now();
    },
    stop() {
      retry.cancel();
      video.removeEventListener('error', nativeFailed);
      video.removeEventListener('ended', ended);
      disconnect();
      video.removeAttribute('src');
      video.load();
    },
  };
}
