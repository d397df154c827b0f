import { readFileSync } from 'node:fs';

/** Descriptors kept for everything but clients: the 20 of an idle server, segments, recordings, logs, relays and callbacks. */
const LEAST_RESERVE = 64;
const MOST_RESERVE = 1024;

/** The most connections that clients may have, so that the limit of the system on open descriptors is never reached. */
export function mostConnections(limit: number | null = descriptorLimit()): number {
  if (limit === null) return Number.POSITIVE_INFINITY;
  const reserve = Math.min(Math.max(limit >> 3, LEAST_RESERVE), MOST_RESERVE);
  return Math.max(limit - reserve, 1);
}

/** What the system allows this process to have open; null where there is no limit, or none that can be told. */
function descriptorLimit(): number | null {
  try {
    const limit = /^Max open files\s+([0-9]+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
