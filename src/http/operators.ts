import type { Exchange } from './exchange.ts';

/** What somebody who may not ask is told. */
export const OPERATORS_ONLY = 'only this machine may ask, unless allow says who else';

/**
 * Whether somebody may use what can see or change everybody's sessions: whoever the rules of the place have let in;
 * where there are none, this machine alone, and nobody through a proxy on it, which would speak for everybody.
 */
export function mayOperate({ place, connection, request }: Exchange): boolean {
  if (place.access.length > 0) return true;
  const { headers } = request;
  const proxied =
    headers['x-forwarded-for'] !== undefined ||
    headers['x-real-ip'] !== undefined ||
    headers['forwarded'] !== undefined;
  const { address } = connection;
  return !proxied && (/^127\./.test(address) || address === '::1' || address === 'unix:');
}
