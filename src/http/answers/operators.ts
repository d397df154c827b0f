import { hostOf } from '../../core/net/server-names.ts';
import type { Exchange } from '../requests/exchange.ts';

/** What somebody who may not ask is told. */
export const OPERATORS_ONLY =
  'only this machine may ask, by an address or name of its own, unless allow or auth_basic says who else';

/**
 * Whether somebody may use what can see or change everybody's sessions: whoever the rules of the place have let in;
 * where there are none, this machine alone, and nobody through a proxy on it, which would speak for everybody, or
 * through a browser on it that shows a stranger's page: that one's name may lead here (DNS rebinding), and it may send
 * requests without reading their answers.
 */
export function mayOperate({ place, connection, request }: Exchange): boolean {
  if (place.access.length > 0 || place.users !== null) return true;
  const { headers } = request;
  const proxied =
    headers['x-forwarded-for'] !== undefined ||
    headers['x-real-ip'] !== undefined ||
    headers['forwarded'] !== undefined;
  const { address } = connection;
  if (proxied || !(isLocal(address) || address === 'unix:')) return false;
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (site === 'cross-site' || site === 'same-site') return false;
  // The name of a unix socket's server means nothing, and no browser reaches it.
  if (address === 'unix:') return true;
  return (
    isLocal(hostOf(host ?? '') ?? 'wrong') &&
    (origin === undefined || isLocal(hostOf(origin.replace(/^https?:\/\//, '')) ?? 'wrong'))
  );
}

/** Whether a host, without port, is none or this machine itself whatever a name server says (RFC 6761, 6.3). */
function isLocal(host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || host === '[::1]' || LOOPBACK.test(host);
}

const LOOPBACK = /^127(?:\.[0-9]{1,3}){3}$/;
