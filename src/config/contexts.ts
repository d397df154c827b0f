import type { Context, Scope } from './table.ts';

/** The contexts a row may stand in where it does not say so itself: its scope and the blocks around it. */
export const SCOPE_CONTEXTS: Readonly<Record<Scope, readonly Context[]>> = {
  main: ['main'],
  events: ['events'],
  rtmp: ['rtmp'],
  rtmp_server: ['rtmp', 'rtmp_server'],
  application: ['rtmp', 'rtmp_server', 'application'],
  recorder: ['rtmp', 'rtmp_server', 'application', 'recorder'],
  http: ['http'],
  server: ['http', 'server'],
  location: ['http', 'server', 'location'],
  upstream: ['upstream'],
};

/** The scopes whose settings a block of a context holds: its own and those inside it that inherit from it. */
export const INNER_SCOPES: Readonly<Partial<Record<Context, readonly Scope[]>>> = {
  main: ['main'],
  events: ['events'],
  rtmp: ['rtmp', 'rtmp_server', 'application', 'recorder'],
  rtmp_server: ['rtmp_server', 'application', 'recorder'],
  application: ['application', 'recorder'],
  recorder: ['recorder'],
  http: ['http', 'server', 'location'],
  server: ['server', 'location'],
  location: ['location'],
  server_if: ['location'],
  location_if: ['location'],
  limit_except: ['location'],
  upstream: ['upstream'],
};

/** How messages name a place: the blocks from the outermost inward. */
const PATHS: Readonly<Record<Context, string>> = {
  main: 'the main context',
  events: 'events',
  rtmp: 'rtmp',
  rtmp_server: 'rtmp/server',
  application: 'rtmp/server/application',
  recorder: 'rtmp/server/application/recorder',
  http: 'http',
  server: 'http/server',
  location: 'http/server/location',
  server_if: 'http/server/if',
  location_if: 'http/server/location/if',
  limit_except: 'http/server/location/limit_except',
  upstream: 'http/upstream',
  types: 'types',
  map: 'map',
  geo: 'geo',
  split_clients: 'split_clients',
  stream: 'stream',
  stream_server: 'stream/server',
  stream_upstream: 'stream/upstream',
  mail: 'mail',
  mail_server: 'mail/server',
};

export function contextPath(context: Context): string {
  return PATHS[context];
}

/** Some places in one phrase: `http/server or http/server/location`. */
export function contextPaths(contexts: readonly Context[]): string {
  const paths = contexts.map(contextPath);
  return paths.length < 2 ? paths.join('') : `${paths.slice(0, -1).join(', ')} or ${paths.at(-1)}`;
}
