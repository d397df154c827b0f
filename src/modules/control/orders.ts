import type { Runtime } from '../../core/runtime.ts';
import { findSessions, type SessionQuery } from '../../core/sessions.ts';

/** The topic on which workers are asked to carry out an order. */
export const CONTROL = 'control';

/** What is to be done to the sessions that a query means. */
export interface Order {
  readonly action: 'start' | 'stop' | 'drop' | 'redirect';
  /** The number of the server block. */
  readonly srv: number;
  readonly query: SessionQuery;
  /** The recorder to start or stop, or the name to redirect to. */
  readonly name: string;
}

/** What came of an order. */
export interface Done {
  readonly sessions: number;
  /** Of the last file; null where no recorder changed its state. */
  readonly path: string | null;
  /** There is no recorder of this name. */
  readonly unknown: boolean;
}

/** Carries an order out in every worker. */
export async function everywhere(runtime: Runtime, order: Order): Promise<Done> {
  const own = carryOut(runtime, order);
  const others = await runtime.workers.ask<Done>(CONTROL, order);
  const all = [own, ...others.map(({ answer }) => answer)];
  return {
    sessions: all.reduce((sum, { sessions }) => sum + sessions, 0),
    path: all.find(({ path }) => path !== null)?.path ?? null,
    unknown: all.some(({ unknown }) => unknown),
  };
}

/** Carries an order out in this process. */
export function carryOut({ hub }: Runtime, { action, srv, query, name }: Order): Done {
  const server = hub.servers[srv];
  const sessions = server === undefined ? [] : findSessions(server, query);
  if (action === 'drop') {
    for (const { request } of sessions) request.dismiss('dropped by control');
    return { sessions: sessions.length, path: null, unknown: false };
  }
  if (action === 'redirect') {
    const moved = sessions.filter(({ request }) => request.redirect?.(name) === true);
    return { sessions: moved.length, path: null, unknown: false };
  }
  let path: string | null = null;
  for (const { request, stream } of sessions) {
    const recorder = request.application.recorders.get(name);
    if (recorder === undefined) return { sessions: 0, path: null, unknown: true };
    path = recorder[action](stream.name) ?? path;
  }
  return { sessions: sessions.length, path, unknown: false };
}
