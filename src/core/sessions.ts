import type { Publication } from './applications/publication.ts';
import type { Subscription } from './applications/subscription.ts';
import type { RtmpServer } from './server.ts';

/** Somebody who publishes or plays a stream; one client may do both, and more than once. */
export type MediaSession = Publication | Subscription;

/** Which sessions are meant: those for which all of this holds. What is left out holds for every session. */
export interface SessionQuery {
  readonly role?: 'publisher' | 'subscriber';
  /** The application's name. */
  readonly application?: string;
  /** The stream's name. */
  readonly name?: string;
  /** The client's address. */
  readonly address?: string;
  /** The client's number. */
  readonly id?: number;
}

/** The sessions of a server that are meant, as they are now in this process; never the server's own players. */
export function findSessions(server: RtmpServer, query: SessionQuery): readonly MediaSession[] {
  const found: MediaSession[] = [];
  for (const { application } of server.members.values()) {
    if (query.application !== undefined && application.name !== query.application) continue;
    if (query.role !== 'subscriber') found.push(...application.publications);
    if (query.role !== 'publisher') found.push(...application.subscriptions);
  }
  return found.filter(
    ({ request: { client }, stream }) =>
      client.origin !== 'worker' &&
      (query.name === undefined || stream.name === query.name) &&
      (query.address === undefined || client.address === query.address) &&
      (query.id === undefined || client.id === query.id),
  );
}
