import type { Logger as PinoLogger } from 'pino';

/** The log of a part of the server; children carry fields such as session, remote, app and stream. */
export type Logger = PinoLogger;

/** Characters of a name that a log line shows at most. */
const SHOWN = 4;
/** A name up to this long is too short for a secret and shown whole. */
const SHORT = 16;

/**
 * A stream name as a log line may show it: names are often stream keys, so of a long one with no separator only the
 * beginning is shown. Queries are never logged.
 */
export function maskedName(name: string): string {
  const parts = name.split('/');
  return parts.map((part) => (part.length > SHORT ? `${part.slice(0, SHOWN)}***` : part)).join('/');
}
