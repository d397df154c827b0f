import { Refused } from '../../core/applications/refused.ts';
import type { Client } from '../../core/applications/request.ts';
import type { ServerContext, Service } from '../../core/module.ts';
import type { ConnectRequest } from '../../core/server.ts';
import { Calls } from './calls.ts';
import { connectMessage, disconnectMessage } from './fields.ts';
import { refusal } from './refusal.ts';
import type { ConnectionSettings } from './table.ts';

/** Asks about the connections to a server, and tells of their end. Relays of this process are no clients. */
export function startConnections(
  settings: ConnectionSettings,
  context: ServerContext,
): Service<ConnectionSettings> {
  let conf = settings;
  let closed = false;
  const { server, hub, log, prefix } = context;
  const calls = new Calls(conf, { server: server.label, application: '' }, { hub, log, prefix });
  /** The application that each client uses or was allowed to use. */
  const applications = new WeakMap<Client, string>();
  /** Allowed by an answer, and not yet let in. */
  const allowed = new WeakSet<Client>();
  for (const [client, { name }] of server.clients) applications.set(client, name);

  const gone = (client: Client): void => {
    if (conf.on_disconnect === null || client.origin === 'relay') return;
    const message = disconnectMessage(applications.get(client) ?? '', client);
    calls.tell('on_disconnect', conf.on_disconnect, message);
  };

  const ask = async (request: ConnectRequest, url: string): Promise<void> => {
    const { client } = request;
    const outcome = await calls.ask('on_connect', url, connectMessage(request.name, client));
    if (outcome.allow !== true) throw refusal(outcome, 'connect');
    const redirect = outcome.redirect ?? (conf.notify_send_redirect ? outcome.relay : undefined);
    if (redirect !== undefined) throw new Refused('denied', 'Connect here', redirect);
    if (outcome.relay !== undefined) {
      log.warn('on_connect is answered with rtmp://, which means something with notify_send_redirect only');
      throw new Refused('denied', 'connect is not allowed');
    }
    if (outcome.name !== undefined) request.name = outcome.name;
    applications.set(client, request.name);
    allowed.add(client);
    // Nobody is left to hear of it if it comes to nothing from here on.
    if (closed) gone(client);
  };

  context.gate((request) => {
    if (conf.on_connect !== null && request.client.origin !== 'relay') return ask(request, conf.on_connect);
  });
  context.observe({
    connected: (client) => {
      allowed.delete(client);
      const application = server.clients.get(client);
      if (application !== undefined) applications.set(client, application.name);
    },
    disconnected: gone,
    refused: (client) => {
      if (allowed.delete(client)) gone(client);
    },
  });
  for (const hook of ['on_connect', 'on_disconnect'] as const) {
    context.own(hub.callbacks.add(() => calls.status(hook, conf[hook])));
  }
  return {
    update(next) {
      conf = next;
      calls.update(next);
      return true;
    },
    close: () => {
      closed = true;
    },
  };
}
