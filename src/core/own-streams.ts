import type { Application } from './applications/application.ts';
import type { Hub } from './hub.ts';
import type { Stream } from './streams/stream.ts';

/** The streams of an application that this process has from a publisher, or had from one that may return. */
export function ownStreams(application: Application): readonly Stream[] {
  return [...application.streams.values()].filter(
    (stream) =>
      !application.isForeign(stream) && (stream.live || application.publicationOf(stream) !== undefined),
  );
}

/** Whether nothing is under way in a process: no stream of its own, no program, file or call that is of one that was. */
export function isIdle(hub: Hub): boolean {
  return (
    !hub.settling &&
    [...hub.applications()].every((application) => ownStreams(application).length === 0) &&
    hub.execs.list().every(({ state }) => state === 'ended') &&
    hub.callbacks.list().every(({ pending }) => pending === 0)
  );
}
