import type { Logger } from '../logs/log.ts';
import type { StreamListener } from '../streams/stream.ts';
import type { Application } from './application.ts';

/** Who asks: one connection of a client, of a relay, or of another worker. */
export interface Client {
  /** Counts up over the life of the process; the same number in logs, callbacks and statistics. */
  readonly id: number;
  readonly protocol: 'rtmp' | 'http-flv';
  /**
   * `relay`: the server's own, from elsewhere or to another application; `worker`: on the way to players of its own;
   * `unix`: of a unix socket that the configuration listens on.
   */
  readonly origin: 'client' | 'relay' | 'worker' | 'unix';
  /** IP address without port, or `unix:`. Of a pull the source's; of a stream from another application 127.0.0.1. */
  readonly address: string;
  /** Fields of the connect command; empty where the protocol has none. */
  readonly flashver: string;
  readonly tcurl: string;
  readonly swfurl: string;
  readonly pageurl: string;
  /** The query of the connect's application name. */
  readonly connectArgs: string;
  /** The streams this one was handed on from, as `route.ts` writes them: relays that go in circles are refused. */
  readonly via?: readonly string[];
  /** Wall clock, ms, of its coming, where that was before it published or played. */
  readonly since?: number;
  /** Bytes of its connection, where it has one of its own. */
  readonly traffic?: { readonly bytesIn: number; readonly bytesOut: number };
  readonly log: Logger;
}

/** A wish to publish a name. Gates may change `name`. */
export interface PublishRequest {
  readonly action: 'publish';
  readonly client: Client;
  readonly application: Application;
  name: string;
  /** The query after the name, without `?`. */
  readonly args: string;
  /** `live`, `record`, `append` or empty. */
  readonly type: string;
  /** Where to push the stream besides what the configuration says; URLs as in `push`, without variables. For gates. */
  targets?: readonly string[];
  /** Ends the publisher's session: the publication was taken away. */
  readonly dismiss: (reason: string) => void;
  /** Settled once what the publisher has sent by now is read, its leaving included; where that may be put off. */
  readonly hearOut?: () => Promise<void>;
  /** Has the client publish `NAME[?ARGS]` instead, as if it had asked for that; false where it cannot now. */
  readonly redirect?: (name: string) => boolean;
  /** Tells the publisher what becomes of its stream: a status of NetStream, where its protocol has those. */
  readonly tell?: (level: 'status' | 'error', code: string, description: string) => void;
}

/** A wish to play a name. Gates may change `name`. */
export interface PlayRequest {
  readonly action: 'play';
  readonly client: Client;
  readonly application: Application;
  name: string;
  readonly args: string;
  /** As in the play command, in ms or negative for live; 0, 0 and false where it has none; HTTP has -2, -1 and false. */
  readonly start: number;
  readonly duration: number;
  readonly reset: boolean;
  /** Where to pull the stream from if nobody publishes it here: a URL as in `pull`, without variables. For gates. */
  source?: string;
  /** Told what happens to the stream from the moment the player is let in. */
  readonly listener: StreamListener;
  readonly dismiss: (reason: string) => void;
  /** Has the client play `NAME[?ARGS]` instead, as if it had asked for that; false where it cannot now. */
  readonly redirect?: (name: string) => boolean;
}

export type Request = PublishRequest | PlayRequest;

/** Decides about a request; throws Refused to say no. Run in the order of the modules. */
export type Gate<R extends Request = Request> = (request: R) => void | Promise<void>;

/**
 * Whether nothing is told or done on account of a client: one of the server's own on the way to players, or, as nginx has
 * it, one of a unix socket, which is where servers hand streams on to each other.
 */
export function isSilent({ origin }: Client): boolean {
  return origin === 'worker' || origin === 'unix';
}
