import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Application } from '../../core/applications/application.ts';
import type { Client } from '../../core/applications/request.ts';
import type { Hub } from '../../core/hub.ts';
import type { Logger } from '../../core/logs/log.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { ClientOptions, ClientPurpose } from '../../rtmp/client.ts';
import type { RelayPeer } from './peer.ts';
import type { RelaySettings } from './table.ts';

/** What every relay of an application works with. */
export interface RelayGround {
  readonly application: Application;
  readonly hub: Hub;
  readonly log: Logger;
  readonly prefix: string;
  /** As they are now. */
  conf(): RelaySettings;
}

/** The server of this process that a peer's address belongs to; undefined for another process. */
export function ownServer(hub: Hub, { address }: RelayPeer): RtmpServer | undefined {
  if (address.transport !== 'unix') return hub.chooseOwn(address.host, address.port);
  return hub.servers.find(({ spec }) => spec.listens.some(({ path }) => path === address.path));
}

/** Where relays between applications of this process come from. */
export const OWN_ADDRESS = '127.0.0.1';

/** A relay between applications of this process, as the application that it connects to sees it: a client like others. */
export function ownClient({ hub, log }: RelayGround, peer: RelayPeer, via: readonly string[]): Client {
  return {
    id: hub.nextClientId(),
    protocol: 'rtmp',
    origin: 'client',
    address: OWN_ADDRESS,
    flashver: peer.flashVer,
    tcurl: peer.tcUrl,
    swfurl: peer.swfUrl,
    pageurl: peer.pageUrl,
    connectArgs: splitOnce(peer.app, '?')[1] ?? '',
    via,
    log,
  };
}

/** Throws the system's error where the file of trusted certificates cannot be read. */
export function clientOptions(
  ground: RelayGround,
  peer: RelayPeer,
  purpose: ClientPurpose,
  via: readonly string[],
): ClientOptions {
  const { relay_ssl_verify: verify, relay_ssl_trusted_certificate: file } = ground.conf();
  const secure = peer.address.transport === 'tls';
  return {
    address: peer.address,
    bind: peer.bind,
    verify: peer.verify ?? verify,
    authorities: secure && file !== '' ? readFileSync(resolve(ground.prefix, file), 'utf8') : '',
    connect: {
      app: peer.app,
      tcUrl: peer.tcUrl,
      pageUrl: peer.pageUrl,
      swfUrl: peer.swfUrl,
      flashVer: peer.flashVer,
      via,
    },
    purpose,
  };
}

/** Whether a peer is the very stream of this application. */
export function isItself({ hub, application }: RelayGround, peer: RelayPeer, name: string): boolean {
  return ownServer(hub, peer)?.application(bare(peer.app)) === application && bare(peer.name) === name;
}

/** A name without its query. */
function bare(name: string): string {
  return name.split('?', 1)[0]!;
}
