import type { Publication } from '../../core/applications/publication.ts';
import type { Client, PublishRequest } from '../../core/applications/request.ts';
import { maskedName } from '../../core/logs/log.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { PeerUrlError } from '../../rtmp/peer.ts';
import type { RelayGround } from './ground.ts';
import { plainLine, type RelayLine } from './line.ts';
import { peerOf, type RelayPeer, valuesOf, withQuery } from './peer.ts';
import { Push } from './push.ts';

/** The pushes of one live stream by what they are: a connection goes on as long as its peer is wanted. */
export class StreamPushes {
  readonly name: string;
  readonly #ground: RelayGround;
  #stream: Stream;
  readonly #pushes = new Map<string, Push>();
  /** Of the publisher; that of the last one while the stream waits for its return. */
  #request: PublishRequest | undefined;

  constructor(ground: RelayGround, stream: Stream) {
    this.#ground = ground;
    this.#stream = stream;
    this.name = stream.name;
  }

  /** Its publisher, or the last one. */
  get client(): Client | undefined {
    return this.#request?.client;
  }

  /** Starts what is wanted now and was not, ends what no longer is, and leaves the rest alone. */
  reconcile(publication: Publication | undefined): void {
    if (publication !== undefined) this.#request = publication.request;
    const request = this.#request;
    if (request === undefined) return;
    const wanted = this.#peers(request);
    for (const [key, push] of this.#pushes) {
      if (wanted.has(key)) continue;
      this.#pushes.delete(key);
      push.close('the push is no longer wanted');
    }
    const route = (): readonly string[] => this.#request?.client.via ?? [];
    for (const [key, peer] of wanted) {
      if (!this.#pushes.has(key)) this.#pushes.set(key, new Push(this.#ground, this.#stream, peer, route));
    }
  }

  /** The same publisher has begun a stream of the same name. */
  attach(stream: Stream): void {
    this.#stream = stream;
    for (const push of this.#pushes.values()) push.attach(stream);
  }

  /** The publisher has closed its stream and may begin another. */
  detach(): void {
    for (const push of this.#pushes.values()) push.detach();
  }

  close(reason: string): void {
    for (const push of this.#pushes.values()) push.close(reason);
    this.#pushes.clear();
  }

  #peers(request: PublishRequest): Map<string, RelayPeer> {
    const { application, log } = this.#ground;
    const { name } = this;
    const values = valuesOf(request.client, application.name, name, request.args);
    const local = { app: application.name, name };
    const peers = new Map<string, RelayPeer>();
    const add = (line: RelayLine, value = '', query = ''): void => {
      if (line.name !== '' && line.name !== name) return;
      try {
        const peer = withQuery(peerOf(line, local, { ...values, value }), query);
        peers.set(JSON.stringify(peer), peer);
      } catch (error) {
        if (!(error instanceof PeerUrlError)) throw error;
        log.error({ stream: maskedName(name), reason: error.message }, 'push refused');
      }
    };
    const conf = this.#ground.conf();
    for (const line of conf.push) add(line);
    for (const { argument, line } of conf.push_arg) {
      for (const { value, query } of asked(argument, request.args)) add(line, value, query);
    }
    for (const url of request.targets ?? []) add(plainLine(url));
    for (const { direction, stream, url } of application.relays.wanted) {
      if (direction === 'push' && stream === name) add(plainLine(url));
    }
    return peers;
  }
}

/** How many pushes one publisher may ask for by one argument. */
const MOST = 8;

/** The values of an argument in a query, each with the arguments that are to be handed on with it. */
export function asked(
  argument: string,
  args: string,
): readonly { readonly value: string; readonly query: string }[] {
  const pairs = args.split('&').map((pair) => pair.split(/=(.*)/s) as [string, string?]);
  const query = pairs
    .filter(([key]) => key.startsWith(`${argument}_`))
    .map(([key, value]) => `${key.slice(argument.length + 1)}${value === undefined ? '' : `=${value}`}`)
    .filter((pair) => pair !== '' && !pair.startsWith('='))
    .join('&');
  return pairs
    .flatMap(([key, value]) => (key === argument && value !== undefined && value !== '' ? [value] : []))
    .slice(0, MOST)
    .map((value) => ({ value: decoded(value), query }));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
