import { type ApplicationContext, applicationService, type Module, type Service } from '../../core/module.ts';
import type { Stream } from '../../core/stream.ts';
import type { RelayGround } from './ground.ts';
import { StreamPushes } from './pushes.ts';
import { type RelaySettings, relayTable } from './table.ts';

/** Relays the streams of an application. It runs for each one: gates and other modules may ask for relays too. */
export function startRelay(conf: RelaySettings, context: ApplicationContext): Service<RelaySettings> {
  let current = conf;
  const { application, hub, log, prefix } = context;
  const ground: RelayGround = { application, hub, log, prefix, conf: () => current };
  const pushes = new Map<Stream, StreamPushes>();
  const reconcile = (): void => {
    for (const [stream, group] of pushes) group.reconcile(application.publicationOf(stream));
  };
  context.own(application.relays.watch(reconcile));
  context.observe({
    published: (publication) => pushes.get(publication.stream)?.reconcile(publication),
  });
  context.forEachStream((stream) => {
    const group = new StreamPushes(ground, stream);
    pushes.set(stream, group);
    group.reconcile(application.publicationOf(stream));
    return () => {
      pushes.delete(stream);
      group.close('the stream has ended');
    };
  });
  return {
    update(next) {
      current = next;
      reconcile();
      return true;
    },
  };
}

/** Relays: streams pushed to other servers and pulled from them. */
export const relayModule: Module = {
  name: 'relay',
  tables: { application: relayTable },
  application: applicationService(relayTable, {
    enabled: () => true,
    start: startRelay,
  }),
};
