import { isIP, SocketAddress } from 'node:net';
import { type Listen, plainAddress } from '../net/addresses.ts';
import { isIPv6 } from '../net/ip-family.ts';
import type { Wanted } from './listeners.ts';

/** One socket to listen on, for the `listen` directives that it serves, its own address first. */
export interface Plan {
  readonly key: string;
  readonly lead: Wanted;
  readonly listens: readonly Listen[];
}

/** Groups listens into sockets: with a wildcard on a port, specific addresses of the same family share its socket. */
export function planSockets(asked: readonly Wanted[]): Map<string, Plan> {
  const wanted = withHeaders(asked);
  const wildcards = new Map<string, Wanted>();
  for (const one of wanted) {
    if (isWildcard(one.listen)) wildcards.set(`${isIPv6(one.listen.host)}/${one.listen.port}`, one);
  }
  const plans = new Map<string, Plan>();
  const add = (lead: Wanted, listen: Listen): void => {
    const { key } = lead.listen;
    const known = plans.get(key);
    if (known === undefined)
      plans.set(key, { key, lead, listens: lead.listen === listen ? [listen] : [lead.listen, listen] });
    else if (!known.listens.some((other) => other.key === listen.key)) {
      plans.set(key, { ...known, listens: [...known.listens, listen] });
    }
  };
  for (const one of wanted) {
    const wildcard =
      one.listen.path === '' ? wildcards.get(`${isIPv6(one.listen.host)}/${one.listen.port}`) : undefined;
    add(wildcard ?? one, wildcard?.listen.key === one.listen.key ? wildcard.listen : one.listen);
  }
  return plans;
}

/** Who connects to an address cannot know which of its `listen` directives asks for a PROXY header: any of them does for all. */
function withHeaders(wanted: readonly Wanted[]): readonly Wanted[] {
  const keys = new Set(wanted.filter(({ listen }) => listen.proxyProtocol).map(({ listen }) => listen.key));
  return wanted.map((one) =>
    one.listen.proxyProtocol || !keys.has(one.listen.key)
      ? one
      : { ...one, listen: { ...one.listen, proxyProtocol: true } },
  );
}

function isWildcard(listen: Listen): boolean {
  return listen.host === '0.0.0.0' || listen.host === '::';
}

/** Whether two addresses cannot both be bound, as far as their ports tell. */
export function samePort(a: Listen, b: Listen): boolean {
  return a.path === b.path && a.port === b.port;
}

/** Whether a socket bound to one address takes the connections to another. */
export function covers(bound: Listen, listen: Listen): boolean {
  if (bound.key === listen.key) return true;
  if (!isWildcard(bound) || bound.port !== listen.port || !isWritten(listen.host)) return false;
  return isIPv6(bound.host) === isIPv6(listen.host);
}

/**
 * Of the addresses listened on now the one for a connection that came to `before`, and to `local` as its socket tells it:
 * the same, or one that a reload has put in its place. Undefined where there is none.
 */
export function successor(
  listens: Iterable<Listen>,
  before: Listen,
  local: string | undefined,
): Listen | undefined {
  let wide: Listen | undefined;
  let own: Listen | undefined;
  for (const listen of listens) {
    if (listen.key === before.key) return listen;
    if (before.path !== '' || listen.port !== before.port || listen.ssl !== before.ssl) continue;
    if (listen.host === plainAddress(local)) own = listen;
    else if (covers(listen, before)) wide = listen;
  }
  return own ?? wide;
}

/** Whether a host is an address, and written as sockets tell theirs. */
function isWritten(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return false;
  return new SocketAddress({ address: host, family: family === 6 ? 'ipv6' : 'ipv4' }).address === host;
}
