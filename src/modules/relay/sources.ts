import { splitOnce } from '../../core/addresses.ts';
import { Refused } from '../../core/refused.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { StreamListener } from '../../core/stream.ts';
import type { Subscription } from '../../core/subscription.ts';
import { type ClientEvents, RtmpClient } from '../../rtmp/client.ts';
import { clientOptions, OWN_ADDRESS, ownClient, type RelayGround } from './ground.ts';
import type { RelayPeer } from './peer.ts';

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
  const { log } = ground;
  const [app] = splitOnce(peer.app, '?');
  const [name, args = ''] = splitOnce(peer.name, '?');
  const client = ownClient(ground, peer, via);
  let over = false;
  let waiting = false;
  let bytes = 0;
  let subscription: Subscription | undefined;
  let untap: (() => void) | undefined;
  const stand = (): void => {
    untap?.();
    untap = undefined;
  };
  const tap = (): void => {
    if (over || waiting || untap !== undefined || subscription?.live !== true) return;
    const leave = subscription.stream.tap({
      keeps: false,
      packet({ kind, time, body }) {
        // What is there already comes within the call that attaches, which may be told to wait.
        if (over || waiting) return;
        bytes += body.length;
        events.media({ type: kind, streamId: 1, timestamp: time >>> 0, body });
      },
      endOfRead: () => events.endOfRead(),
    });
    if (over || waiting) leave();
    else untap = leave;
  };
  const finish = (): void => {
    over = true;
    stand();
    subscription?.close();
    server.disconnect(client);
  };
  const fail = (reason: string): void => {
    if (over) return;
    finish();
    events.closed(reason);
  };
  const listener: StreamListener = {
    started: tap,
    stopped() {
      stand();
      events.ended();
    },
  };
  const open = async (): Promise<void> => {
    const application = await server.connect(client, app);
    if (over) return server.disconnect(client);
    const { start, duration } = peer;
    const admitted = await application.play(
      {
        ...{ action: 'play', client, application, name, args, start, duration, reset: false, listener },
        dismiss: fail,
      },
      application.settings.idle_streams,
    );
    if (over) return admitted.close();
    subscription = admitted;
    events.accepted();
    tap();
  };
  void open().catch((error: unknown) => {
    if (!(error instanceof Refused)) log.error({ err: error }, 'a relay failed unexpectedly');
    fail(error instanceof Error ? error.message : String(error));
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
    close() {
      if (!over) finish();
    },
  };
}
