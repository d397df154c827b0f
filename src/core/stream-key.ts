import type { Application } from './applications/application.ts';
import type { Hub } from './hub.ts';
import type { ServerSpec } from './server.ts';

/** A stream, named alike in all workers that have the same configuration. */
export interface StreamKey {
  /** Its server block: what that listens on, and its names. */
  readonly place: string;
  readonly app: string;
  readonly name: string;
}

/** The key as one text. */
export function keyText({ place, app, name }: StreamKey): string {
  return JSON.stringify([place, app, name]);
}

/** The key of a stream of an application; undefined where the application is no longer there. */
export function keyOf(hub: Hub, application: Application, name: string): StreamKey | undefined {
  const server = hub.servers.find((one) => one.application(application.name) === application);
  return server === undefined ? undefined : { place: placeOf(server.spec), app: application.name, name };
}

/** The application that a key is of. */
export function applicationOf(hub: Hub, { place, app }: StreamKey): Application | undefined {
  return hub.servers.find(({ spec }) => placeOf(spec) === place)?.application(app);
}

function placeOf({ listens, names }: ServerSpec): string {
  return JSON.stringify([listens.map(({ key }) => key).sort(), [...names].sort()]);
}
