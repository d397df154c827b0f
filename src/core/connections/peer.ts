import type { Socket } from 'node:net';
import { type Listen, plainAddress } from '../net/addresses.ts';
import { type Proxied, readProxyHeader } from './proxy-protocol.ts';

/** The other side of a connection. */
export interface Peer {
  /** IP address without port, or `unix:`. */
  readonly address: string;
  /** 0 where it has none. */
  readonly port: number;
  /** What a PROXY header said, as `listen ... proxy_protocol` lets it; whether to believe it is up to the protocols. */
  readonly proxied: Proxied | null;
}

/** A header has to be there, whole, this soon after the connection, ms. */
const HEADER_MS = 5000;

/**
 * Whether a TCP connection was reset by its client before anybody asked who that is. What it has sent could still be
 * read, but as sent by nobody, which is what unix sockets are told by: it must not be served.
 */
export function isGone(socket: Socket, listen: Listen): boolean {
  return listen.path === '' && socket.remoteAddress === undefined;
}

/** The other side as the socket tells it. */
export function peerOf(socket: Socket): Peer {
  return { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0, proxied: null };
}

/** The other side with the address a proxy in between tells, where that one is trusted. */
export function believed(peer: Peer, trusted: (address: string) => boolean): Peer {
  const { proxied } = peer;
  if (proxied === null || !trusted(peer.address)) return peer;
  return { ...peer, address: plainAddress(proxied.source.address), port: proxied.source.port };
}

/**
 * Takes the PROXY header off a new connection. `taken` is called with what follows left in the socket, to be read by
 * listeners that it attaches at once; `refused` with the reason, in place of that, where there is no valid header in
 * time.
 */
export function takeProxyHeader(
  socket: Socket,
  taken: (peer: Peer) => void,
  refused: (reason: string) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  const done = (): void => {
    clearTimeout(deadline);
    socket.removeListener('readable', read);
    socket.removeListener('end', ended);
    socket.removeListener('close', ended);
  };
  const refuse = (reason: string): void => {
    done();
    refused(reason);
  };
  const ended = (): void => refuse('the connection ended before its PROXY header');
  const read = (): void => {
    for (let bytes = next(socket); bytes !== null; bytes = next(socket)) {
      // A read is bounded by the socket's own buffer, and what is held by the longest header.
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      const header = readProxyHeader(held);
      if (header.kind === 'wrong') {
        refuse(header.reason);
        return;
      }
      if (header.kind === 'part') continue;
      done();
      const rest = held.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      taken({ ...peerOf(socket), proxied: header.proxied });
      return;
    }
  };
  const deadline = setTimeout(() => refuse('no PROXY header came in time'), HEADER_MS);
  socket.on('readable', read);
  socket.on('end', ended);
  socket.on('close', ended);
}

function next(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
