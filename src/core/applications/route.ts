import { createHash } from 'node:crypto';
import { Refused } from './refused.ts';

/** A stream handed on more often than this goes in circles, or as good as. */
const MAX_HOPS = 16;
const HOP = /^[0-9a-f]{24}$/;

/**
 * A stream of one application as relays tell each other where it has been: a hash, since names may be stream keys.
 * `identity` is that of the process.
 */
export function hopOf(identity: string, server: string, application: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([identity, server, application, name]))
    .digest('hex')
    .slice(0, 24);
}

/** Throws Refused where a stream comes back to where it has been. */
export function checkRoute(via: readonly string[] | undefined, hop: () => string): void {
  if (via === undefined || via.length === 0) return;
  if (via.length > MAX_HOPS)
    throw new Refused('denied', 'relay loop: the stream has been handed on too often');
  if (via.includes(hop())) throw new Refused('denied', 'relay loop: the stream comes from here');
}

/** The hops as one text, for the `via` field of a connect command. */
export function writeRoute(via: readonly string[]): string {
  return via.join(',');
}

/** Reads that text; what is not a hop is left out. */
export function readRoute(text: string): readonly string[] {
  return text === ''
    ? []
    : text
        .slice(0, 32 * (MAX_HOPS + 2))
        .split(',')
        .filter((hop) => HOP.test(hop));
}
