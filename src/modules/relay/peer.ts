import type { Client } from '../../core/applications/request.ts';
import { maskedName } from '../../core/logs/log.ts';
import { splitOnce } from '../../core/net/addresses.ts';
import { type PeerAddress, readPeerUrl, showAddress } from '../../rtmp/peer.ts';
import type { RelayLine } from './line.ts';
import { fill, fromEnvironment, type Values } from './template.ts';

/** A line with all variables put in: one connection to be made. Equal data, equal connection. */
export interface RelayPeer {
  readonly address: PeerAddress;
  readonly app: string;
  /** The stream at the other side, with its query. */
  readonly name: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  readonly flashVer: string;
  readonly start: number;
  readonly duration: number;
  readonly verify: boolean | null;
  readonly bind: string;
}

const FLASH_VERSION = 'LNX.11,1,102,55';
/** As in the play command: live if it is, else a recording; and only live. */
const LIVE_OR_RECORDED = -2000;
const LIVE = -1000;
const TO_THE_END = -1000;

/** What variables stand for when a client publishes or plays. */
export function valuesOf(client: Client, app: string, name: string, args: string): Values {
  const { address: addr, flashver, swfurl, tcurl, pageurl } = client;
  return { name, args, app, addr, flashver, swfurl, tcurl, pageurl };
}

/** `local` is what a URL that leaves out app or stream means. Throws PeerUrlError. */
export function peerOf(
  line: RelayLine,
  local: { readonly app: string; readonly name: string },
  values: Values,
  environment: NodeJS.ProcessEnv = process.env,
): RelayPeer {
  const put = (text: string): string => fill(fromEnvironment(text, environment), values);
  const url = readPeerUrl(fromEnvironment(line.url, environment), (part) => fill(part, values));
  const app = put(line.app) || url.app || local.app;
  return {
    address: url.address,
    app,
    name: put(line.playPath) || url.name || local.name,
    tcUrl: put(line.tcUrl) || `${showAddress(url.address)}/${app}`,
    pageUrl: put(line.pageUrl),
    swfUrl: put(line.swfUrl),
    flashVer: put(line.flashVer) || FLASH_VERSION,
    start: line.live ? LIVE : (line.start ?? LIVE_OR_RECORDED),
    duration: line.live || line.stop === null ? TO_THE_END : line.stop - (line.start ?? 0),
    verify: line.verify,
    bind: line.bind,
  };
}

/** Adds arguments to a peer's stream name. */
export function withQuery(peer: RelayPeer, query: string): RelayPeer {
  if (query === '') return peer;
  return { ...peer, name: `${peer.name}${peer.name.includes('?') ? '&' : '?'}${query}` };
}

/** Of a name that is not that of the local stream, and so may be a key, this many characters are shown. */
const SHOWN = 4;

/** What a peer said, with the stream's name masked as in its URL: some repeat it. */
export function showReason(reason: string, peer: RelayPeer, localName: string): string {
  const [name] = splitOnce(peer.name, '?');
  return name === '' ? reason : reason.replaceAll(name, showName(name, localName));
}

/** The peer's URL as logs and statistics show it: no queries, and of a stream key only the beginning. */
export function showPeer(peer: RelayPeer, localName: string): string {
  const [name] = splitOnce(peer.name, '?');
  return `${showAddress(peer.address)}/${splitOnce(peer.app, '?')[0]}/${showName(name, localName)}`;
}

function showName(name: string, localName: string): string {
  if (name === localName) return maskedName(name);
  return name.length > SHOWN ? `${name.slice(0, SHOWN)}***` : name;
}
