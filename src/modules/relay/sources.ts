import type { Subscription } from '../../core/applications/subscription.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { StreamListener } from '../../core/streams/stream.ts';
import { type ClientEvents, RtmpClient } from '../../rtmp/client.ts';
import { clientOptions, OWN_ADDRESS, type RelayGround } from './ground.ts';
import type { RelayPeer } from './peer.ts';
import { visit } from './visit.ts';

/** One attempt to get a stream from elsewhere, from the first step to its end. */
export interface Source {
  /** Bytes that have come so far. */
  readonly bytes: number;
  /** IP address of the other side, or `unix:`. */
  readonly address: string;
  /** No media come before the promise is settled; it must not reject. */
  wait(promise: Promise<void>): void;
  close(reason: string): void;
}

/** Told by a source, never from within the call that makes it. */
export type SourceEvents = Required<ClientEvents>;

/** Plays a stream of another server. Throws the system's error where it cannot even begin. */
export function remoteSource(
  ground: RelayGround,
  peer: RelayPeer,
  via: readonly string[],
  events: SourceEvents,
): Source {
  const { name, start, duration } = peer;
  const buffer = ground.conf().relay_buffer;
  const client = new RtmpClient(
    clientOptions(ground, peer, { kind: 'play', name, start, duration, buffer }, via),
    events,
  );
  return {
    get bytes() {
      return client.bytesIn;
    },
    get address() {
      return client.peer;
    },
    wait: (promise) => client.wait(promise),
    close: (reason) => client.close(reason),
  };
}

/** Plays a stream of an application of this process: the same admission as over the network, and no socket. */
export function ownSource(
  ground: RelayGround,
  peer: RelayPeer,
  server: RtmpServer,
  via: readonly string[],
  events: SourceEvents,
): Source {
  const { start, duration } = peer;
  let waiting = false;
  let bytes = 0;
  let subscription: Subscription | undefined;
  let untap: (() => void) | undefined;
  const stand = (): void => {
    untap?.();
    untap = undefined;
  };
  const tap = (): void => {
    if (there.over || waiting || untap !== undefined || subscription?.live !== true) return;
    const leave = subscription.stream.tap({
      keeps: false,
      packet({ kind, time, body }) {
        // What is there already comes within the call that attaches, which may be told to wait.
        if (there.over || waiting) return;
        bytes += body.length;
        events.media({ type: kind, streamId: 1, timestamp: time >>> 0, body });
      },
      endOfRead: () => events.endOfRead(),
    });
    if (there.over || waiting) leave();
    else untap = leave;
  };
  const listener: StreamListener = {
    started: tap,
    stopped() {
      stand();
      events.ended();
    },
  };
  const there = visit(ground, peer, server, via, {
    ask: (asked) =>
      asked.application.play(
        { action: 'play', start, duration, reset: false, listener, ...asked },
        asked.application.settings.idle_streams,
      ),
    admitted(place) {
      subscription = place;
      events.accepted();
      tap();
    },
    left: stand,
    failed: events.closed,
  });
  return {
    get bytes() {
      return bytes;
    },
    address: OWN_ADDRESS,
    wait(promise) {
      waiting = true;
      stand();
      void promise.then(() => {
        waiting = false;
        tap();
      });
    },
    close: there.close,
  };
}
