import type { Client } from '../../core/applications/request.ts';
import { type ApplicationContext, applicationService, type Module, type Service } from '../../core/module.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { RelayGround } from './ground.ts';
import { Pulls } from './pulls.ts';
import { StreamPushes } from './pushes.ts';
import { type RelaySettings, relayTable } from './table.ts';

/** Relays the streams of an application. It runs for each one: gates and other modules may ask for relays too. */
function startRelay(conf: RelaySettings, context: ApplicationContext): Service<RelaySettings> {
  let current = conf;
  const { application, hub, log, prefix } = context;
  const ground: RelayGround = { application, hub, log, prefix, conf: () => current };
  const pushes = new Map<Stream, StreamPushes>();
  /** Those of publishers that have closed their streams and not left. */
  const parked = new Set<StreamPushes>();
  const pulls = new Pulls(ground);
  const reconcile = (): void => {
    for (const [stream, group] of pushes) group.reconcile(application.publicationOf(stream));
    pulls.reconcile();
  };
  let watching = false;
  /** Keeps the pushes of a publisher that may begin another stream; false where it has left. */
  const park = (group: StreamPushes): boolean => {
    const server = hub.servers.find((one) => one.application(application.name) === application);
    if (server === undefined || group.client === undefined || !server.clients.has(group.client)) return false;
    if (!watching) context.own(server.observe({ disconnected: leave }));
    watching = true;
    group.detach();
    parked.add(group);
    return true;
  };
  const leave = (client: Client): void => {
    for (const group of parked) {
      if (group.client !== client) continue;
      parked.delete(group);
      group.close('the publisher has left');
    }
  };
  const unpark = (client: Client | undefined, name: string): StreamPushes | undefined => {
    for (const group of parked) {
      if (group.client !== client || group.name !== name) continue;
      parked.delete(group);
      return group;
    }
    return undefined;
  };
  context.own(application.relays.watch(reconcile));
  context.own(application.loans.observe({ lent: () => undefined, returned: (name) => pulls.unplayed(name) }));
  context.origin((request, mayWait) => pulls.fetch(request, mayWait));
  context.observe({
    published: (publication) => pushes.get(publication.stream)?.reconcile(publication),
    unplayed: (subscription) => pulls.unplayed(subscription.stream.name),
  });
  context.forEachStream((stream) => {
    const publication = application.publicationOf(stream);
    const group = unpark(publication?.request.client, stream.name) ?? new StreamPushes(ground, stream);
    pushes.set(stream, group);
    group.attach(stream);
    group.reconcile(publication);
    return () => {
      pushes.delete(stream);
      if (!current.session_relay || !park(group)) group.close('the stream has ended');
    };
  });
  pulls.reconcile();
  return {
    update(next) {
      current = next;
      reconcile();
      return true;
    },
    close() {
      for (const group of parked) group.close('the server closes the relay');
      pulls.close('the server closes the relay');
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
