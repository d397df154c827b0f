import { isIP, isIPv6 } from 'node:net';

/** Where an outgoing connection goes. */
export interface PeerAddress {
  readonly transport: 'tcp' | 'tls' | 'unix';
  /** A name or an IP address, IPv6 without brackets; empty for a unix socket. */
  readonly host: string;
  readonly port: number;
  /** Of a unix socket; empty otherwise. */
  readonly path: string;
}

/** The parts of `rtmp://host[:port]/app/stream`. */
export interface PeerUrl {
  readonly address: PeerAddress;
  /** The first part of the path, its query included; may be empty. */
  readonly app: string;
  /** All the rest with its query; may be empty. */
  readonly name: string;
}

/** A URL that names no peer. */
export class PeerUrlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PeerUrlError';
  }
}

const RTMP_PORT = 1935;
const RTMPS_PORT = 443;
const HOST = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;

/**
 * Splits `[rtmp://|rtmps://]host[:port][/app[/stream]]`, with IPv6 in brackets, or `rtmp://unix:PATH:/app/stream`.
 * `part` is applied to host, app and stream once they are apart, so that what it puts in cannot move their borders.
 * Throws PeerUrlError.
 */
export function readPeerUrl(text: string, part: (text: string) => string = (same) => same): PeerUrl {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text);
  const kind = (scheme?.[1] ?? 'rtmp').toLowerCase();
  if (kind !== 'rtmp' && kind !== 'rtmps')
    throw new PeerUrlError(`${kind}:// is not offered, only rtmp:// and rtmps://`);
  const rest = text.slice(scheme?.[0].length ?? 0);
  if (rest.startsWith('unix:')) return readUnix(rest, kind, part);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const address = readAuthority(part(authority), kind === 'rtmps');
  return { address, ...readPath(slash < 0 ? '' : rest.slice(slash + 1), part) };
}

function readUnix(rest: string, kind: string, part: (text: string) => string): PeerUrl {
  if (kind === 'rtmps') throw new PeerUrlError('rtmps:// has no unix sockets');
  const [, path = '', more = ''] = /^unix:([^:]*)(?::\/?(.*))?$/s.exec(rest) ?? [];
  if (!path.startsWith('/'))
    throw new PeerUrlError('a unix socket is written as rtmp://unix:/PATH:/app/stream');
  return { address: { transport: 'unix', host: '', port: 0, path }, ...readPath(more, part) };
}

function readAuthority(text: string, secure: boolean): PeerAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) throw new PeerUrlError(`invalid host "${text}"`);
  const host = match[1] ?? match[2] ?? '';
  if (match[1] !== undefined ? !isIPv6(host) : isIP(host) === 0 && !HOST.test(host)) {
    throw new PeerUrlError(host === '' ? 'the URL has no host' : `invalid host "${host}"`);
  }
  const port = match[3] === undefined ? (secure ? RTMPS_PORT : RTMP_PORT) : Number(match[3]);
  if (port < 1 || port > 65_535) throw new PeerUrlError(`invalid port in "${text}"`);
  return { transport: secure ? 'tls' : 'tcp', host, port, path: '' };
}

function readPath(
  path: string,
  part: (text: string) => string,
): { readonly app: string; readonly name: string } {
  const slash = path.indexOf('/');
  const app = slash < 0 ? path : path.slice(0, slash);
  return { app: part(app), name: slash < 0 ? '' : part(path.slice(slash + 1)) };
}

/** `rtmp://host[:port]` as it stands at the beginning of a tcUrl. */
export function showAddress({ transport, host, port, path }: PeerAddress): string {
  if (transport === 'unix') return `rtmp://unix:${path}:`;
  const shown = isIPv6(host) ? `[${host}]` : host;
  const secure = transport === 'tls';
  return `${secure ? 'rtmps' : 'rtmp'}://${shown}${port === (secure ? RTMPS_PORT : RTMP_PORT) ? '' : `:${port}`}`;
}
