import type { Logger as PinoLogger } from 'pino';

/** The log of a part of the server; children carry fields such as session, remote, app and stream. */
export type Logger = PinoLogger;
