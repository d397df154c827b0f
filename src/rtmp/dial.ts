import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { lookup } from '../core/net/lookups.ts';
import type { PeerAddress } from './peer.ts';

/** How a connection is made. */
export interface DialOptions {
  /** The local address to connect from; empty: the system's choice. */
  readonly bind: string;
  /** Whether a TLS peer needs a certificate that is valid for its name. */
  readonly verify: boolean;
  /** Certificates (PEM) of authorities that are trusted instead of the system's; empty: those. */
  readonly authorities: string;
}

/** How long one of several addresses of a name may take before the next is tried, ms. */
const ADDRESS_MS = 2000;

/**
 * Opens a socket; `ready` is told once bytes can be sent, for TLS after its handshake. Names are resolved now, and all
 * their addresses tried, IPv6 and IPv4 in turn. Errors come as the socket's `error` event.
 */
export function dial(address: PeerAddress, options: DialOptions, ready: () => void): Socket {
  if (address.transport === 'unix') return connectTcp({ path: address.path }, ready);
  const where = {
    host: address.host,
    port: address.port,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
    ...(options.bind === '' ? {} : { localAddress: options.bind }),
  };
  if (address.transport === 'tcp') return connectTcp(where, ready);
  return connectTls(
    {
      ...where,
      rejectUnauthorized: options.verify,
      ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
      ...(options.authorities === '' ? {} : { ca: options.authorities }),
    },
    ready,
  );
}

/** Why a connection could not be made or broke, in one line. */
export function dialFailure(error: Error & { readonly errors?: readonly unknown[] }): string {
  // One error for each address that was tried.
  const parts = (error.errors ?? []).flatMap((one) => (one instanceof Error ? [one.message] : []));
  return [...new Set(parts)].join('; ') || error.message;
}
