import type { Publication } from '../../core/applications/publication.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { Seat } from '../../core/streams/seat.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { CLIENT_CHUNK_SIZE, RtmpClient } from '../../rtmp/client.ts';
import { Publishing } from '../../rtmp/publishing.ts';
import { publishFormat } from '../../wire/rtmp/format.ts';
import { clientOptions, type RelayGround } from './ground.ts';
import type { RelayPeer } from './peer.ts';
import { visit } from './visit.ts';

/** One attempt to hand a stream on, from the first step to its end. */
export interface Link {
  /** So far. */
  readonly bytes: number;
  readonly skips: number;
  /** Media go to this stream from now on, in place of the one before. */
  attach(stream: Stream): void;
  /** No media go out for now. */
  detach(): void;
  close(reason: string): void;
}

/** Told by a link, never from within the call that makes it. */
export interface LinkEvents {
  live(): void;
  /** Once, unless it was closed by its owner. */
  ended(reason: string): void;
}

/** Bytes that may wait for a slow peer before it is skipped to a later key frame, and how long it may take none, ms. */
const PATIENCE = { bytes: 8 * 1024 * 1024, stall: 15_000 };

/** Publishes a stream to another server. Throws the system's error where it cannot even begin. */
export function remoteLink(
  ground: RelayGround,
  stream: Stream,
  peer: RelayPeer,
  via: readonly string[],
  events: LinkEvents,
): Link {
  let attached: Stream | undefined = stream;
  let leave: (() => void) | undefined;
  let seat: Seat | undefined;
  let skips = 0;
  let ours = false;
  let accepted = false;
  const stand = (): void => {
    leave?.();
    leave = undefined;
    skips += seat?.skips ?? 0;
    seat = undefined;
  };
  const sit = (): void => {
    if (!accepted || attached === undefined || leave !== undefined) return;
    const to = attached;
    const format = publishFormat(CLIENT_CHUNK_SIZE, client.streamId);
    const taken = to.join(format, client.sink, 'plain', PATIENCE);
    seat = taken;
    leave = () => to.leave(format, taken);
  };
  const client = new RtmpClient(clientOptions(ground, peer, { kind: 'publish', name: peer.name }, via), {
    accepted: () => {
      accepted = true;
      events.live();
      sit();
    },
    closed: (reason) => {
      stand();
      if (!ours) events.ended(reason);
    },
  });
  return {
    get bytes() {
      return client.bytesOut;
    },
    get skips() {
      return skips + (seat?.skips ?? 0);
    },
    attach(next) {
      stand();
      attached = next;
      sit();
    },
    detach() {
      stand();
      attached = undefined;
    },
    close(reason) {
      ours = true;
      stand();
      client.close(reason);
    },
  };
}

/** Publishes a stream to an application of this process: the same admission as over the network, and no socket. */
export function ownLink(
  ground: RelayGround,
  stream: Stream,
  peer: RelayPeer,
  server: RtmpServer,
  via: readonly string[],
  events: LinkEvents,
): Link {
  let bytes = 0;
  let attached: Stream | undefined = stream;
  let publication: Publication | undefined;
  let untap: (() => void) | undefined;
  const stand = (): void => {
    untap?.();
    untap = undefined;
  };
  const tap = (): void => {
    if (publication === undefined || attached === undefined || untap !== undefined) return;
    const publishing = new Publishing(publication, 1);
    untap = attached.tap({
      keeps: false,
      packet: ({ kind, time, body }) => {
        bytes += body.length;
        publishing.media({ type: kind, streamId: 1, timestamp: time >>> 0, body }, performance.now());
      },
      endOfRead: () => publishing.endOfRead(performance.now()),
    });
  };
  const there = visit(ground, peer, server, via, {
    ask: (asked) => asked.application.publish({ action: 'publish', type: 'live', ...asked }),
    admitted(place) {
      publication = place;
      events.live();
      tap();
    },
    left() {
      stand();
      publication = undefined;
    },
    failed: events.ended,
  });
  return {
    get bytes() {
      return bytes;
    },
    skips: 0,
    attach(next) {
      stand();
      attached = next;
      tap();
    },
    detach() {
      stand();
      attached = undefined;
    },
    close: there.close,
  };
}
