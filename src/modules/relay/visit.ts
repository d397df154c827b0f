import type { Application } from '../../core/applications/application.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Client } from '../../core/applications/request.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import type { RtmpServer } from '../../core/server.ts';
import { ownClient, type RelayGround } from './ground.ts';
import type { RelayPeer } from './peer.ts';

/** What a relay asks of the application that it has connected to. */
export interface Asked {
  readonly client: Client;
  readonly application: Application;
  readonly name: string;
  readonly args: string;
  readonly dismiss: (reason: string) => void;
}

/** A relay as a client of an application of this process. */
export interface Visit {
  readonly over: boolean;
  /** Leaves; nothing more is told. */
  close(): void;
}

/** How a visit goes; `T` is the place that it gets. */
export interface VisitSteps<T> {
  /** Throws Refused where there is no place for it. */
  ask(asked: Asked): Promise<T>;
  admitted(place: T): void;
  /** It is over, for whatever reason; the place is given up next. */
  left(): void;
  /** Once, unless it was closed by its owner. */
  failed(reason: string): void;
}

/** Comes to an application of this process: the same admission as over the network, and no socket. */
export function visit<T extends { close(): void }>(
  ground: RelayGround,
  peer: RelayPeer,
  server: RtmpServer,
  via: readonly string[],
  steps: VisitSteps<T>,
): Visit {
  const [app] = splitOnce(peer.app, '?');
  const [name, args = ''] = splitOnce(peer.name, '?');
  const client = ownClient(ground, peer, via);
  let over = false;
  let place: T | undefined;
  const close = (): void => {
    if (over) return;
    over = true;
    steps.left();
    place?.close();
    server.disconnect(client);
  };
  const dismiss = (reason: string): void => {
    if (over) return;
    close();
    steps.failed(reason);
  };
  const come = async (): Promise<void> => {
    const application = await server.connect(client, app);
    if (over) return server.disconnect(client);
    const got = await steps.ask({ client, application, name, args, dismiss });
    if (over) return got.close();
    place = got;
    steps.admitted(got);
  };
  void come().catch((error: unknown) => {
    if (!(error instanceof Refused)) ground.log.error({ err: error }, 'a relay failed unexpectedly');
    dismiss(error instanceof Error ? error.message : String(error));
  });
  return {
    get over() {
      return over;
    },
    close,
  };
}
