import type { Socket } from 'node:net';
import type { Logger } from '../logs/log.ts';
import type { Listen } from '../net/addresses.ts';
import { mostConnections } from './descriptors.ts';
import type { Door, Protocol } from './listeners.ts';
import { isGone, type Peer, peerOf, takeProxyHeader } from './peer.ts';
import { withSharedRead } from './shared-read.ts';
import { resetSocket } from './sink.ts';

/**
 * Takes a connection; `listen` is the `listen` directive it came by. To be read at once: what a proxy's header was
 * followed by may be waiting in the socket.
 */
export type Accept = (socket: Socket, listen: Listen, peer: Peer) => void;

/** How often it is told that connections are turned away, ms. */
const TURNED_AWAY_MS = 10_000;

/** Where the connections of a process come in: it counts them, asks proxies whom they speak for, and hands them on. */
export class Reception {
  readonly #log: Logger;
  readonly #accept: Readonly<Record<Protocol, Accept>>;
  #connections = 0;
  readonly #most: number;
  #turnedAway = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Those whose PROXY header has not come yet. */
  readonly #nameless = new Set<Socket>();

  /** More than `most` connections are not taken. */
  constructor(accept: Readonly<Record<Protocol, Accept>>, log: Logger, most = mostConnections()) {
    this.#accept = accept;
    this.#log = log;
    this.#most = most;
  }

  /** Connections taken that are still open, also those of addresses no longer listened on. */
  get connections(): number {
    return this.#connections;
  }

  /** Nobody is waited for any more who has not said who it is. */
  close(): void {
    for (const socket of this.#nameless) socket.destroy();
  }

  take(accepted: Socket, { listen, protocol }: Door, unread: boolean): void {
    // HTTP is read by Node itself, and a proxy's header is taken off the stream's queue.
    const loaned = unread && protocol === 'rtmp' && !listen.proxyProtocol;
    const socket = loaned ? withSharedRead(accepted) : accepted;
    // An error between here and the protocol's own handlers must not bring the process down.
    socket.on('error', () => undefined);
    if (this.#connections >= this.#most) {
      this.#turnAway(socket);
      return;
    }
    this.#connections += 1;
    socket.once('close', () => {
      this.#connections -= 1;
    });
    if (socket.destroyed || isGone(socket, listen)) {
      socket.destroy();
      return;
    }
    if (listen.keepalive !== null) {
      socket.setKeepAlive(true, listen.keepalive.idle === null ? undefined : listen.keepalive.idle * 1000);
    }
    if (!listen.proxyProtocol) {
      this.#hand(protocol, socket, listen, peerOf(socket));
      return;
    }
    this.#nameless.add(socket);
    takeProxyHeader(
      socket,
      (peer) => {
        this.#nameless.delete(socket);
        this.#hand(protocol, socket, listen, peer);
      },
      (reason) => {
        this.#nameless.delete(socket);
        this.#log.info({ listen: listen.key, remote: peerOf(socket).address, reason }, 'connection refused');
        resetSocket(socket);
      },
    );
  }

  /** Lets a connection go for which there is no room, and tells of all such ones now and then. */
  #turnAway(socket: Socket): void {
    resetSocket(socket);
    this.#turnedAway += 1;
    const now = performance.now();
    if (now - this.#toldAt < TURNED_AWAY_MS) return;
    this.#log.error(
      { connections: this.#connections, turnedAway: this.#turnedAway },
      'no room for more connections: raise LimitNOFILE= of systemd or ulimit -n',
    );
    this.#toldAt = now;
    this.#turnedAway = 0;
  }

  #hand(protocol: Protocol, socket: Socket, listen: Listen, peer: Peer): void {
    try {
      this.#accept[protocol](socket, listen, peer);
    } catch (error) {
      this.#log.error({ listen: listen.key, err: error }, 'a connection could not be taken');
      socket.destroy();
    }
  }
}
