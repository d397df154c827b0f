import { connect, type Socket } from 'node:net';
import type { Application } from '../core/applications/application.ts';
import type { Publication } from '../core/applications/publication.ts';
import { Refused } from '../core/applications/refused.ts';
import type { Client, PublishRequest } from '../core/applications/request.ts';
import type { StreamKey } from '../core/stream-key.ts';
import { DATA, type Kind } from '../media/packet.ts';
import { FlvReader } from '../wire/flv/reader.ts';
import { isMetadata } from '../wire/metadata.ts';
import { ProtocolError } from '../wire/protocol-error.ts';

/** How long a player waits for the stream of another worker at most, ms. */
const PLAYER_MS = 10_000;
/** How long a stream is fetched after its last player here has left, ms. */
const LINGER_MS = 2000;
/** What the workers of one server send each other has been checked already. */
const LIMITS = { maxTag: 0xffffff };

/** What a mirror works with. */
export interface MirrorGround {
  readonly application: Application;
  readonly key: StreamKey;
  /** Where the worker listens that has the stream. */
  path(owner: number): string;
  /** How soon a connection that was lost is made again, ms. */
  reconnect(): number;
  /** It has ended. */
  closed(): void;
}

/** A player that asked for the stream. */
interface Waiting {
  readonly done: () => void;
  readonly failed: (refused: Refused) => void;
  readonly timer: NodeJS.Timeout;
}

/** The stream of another worker, fetched once for all players here, as long as there are any. */
export class Mirror {
  readonly #ground: MirrorGround;
  readonly #client: Client;
  readonly #waiting = new Set<Waiting>();
  #owner: number;
  #socket: Socket | undefined;
  #publication: Publication | null = null;
  #retry: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #over = false;

  constructor(ground: MirrorGround, owner: number) {
    this.#ground = ground;
    this.#owner = owner;
    this.#client = clientOf(ground.application);
    this.#connect();
  }

  /** A player wants the stream. Resolves when it is here. Throws Refused. */
  ask(): Promise<void> {
    if (this.#publication !== null) return Promise.resolve();
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        failed(new Refused('not-found', 'the stream does not come'));
        this.release();
      }, PLAYER_MS);
      const waiting: Waiting = { done, failed, timer };
      this.#waiting.add(waiting);
    });
  }

  /** The stream is another worker's now; players go on. */
  move(owner: number): void {
    this.#owner = owner;
    this.#disconnect();
    this.#connect();
  }

  /** A player has left, or may have: without any the mirror ends shortly. */
  release(): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      const { application, key } = this.#ground;
      if (this.#waiting.size > 0 || isPlayed(application, key.name)) return;
      this.close('nobody plays the stream');
      application.forsake(key.name, false);
    }, LINGER_MS);
  }

  /** Ends it; what becomes of the stream is up to whoever ends it. */
  close(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#linger);
    this.#disconnect();
    this.#publication?.close();
    this.#publication = null;
    for (const { timer, failed } of this.#waiting) {
      clearTimeout(timer);
      failed(new Refused('not-found', reason));
    }
    this.#waiting.clear();
    this.#ground.closed();
  }

  #connect(): void {
    const { key, path } = this.#ground;
    const reader = new FlvReader(LIMITS);
    const socket = connect(path(this.#owner));
    this.#socket = socket;
    socket.write(`${JSON.stringify(key)}\n`);
    const sink = {
      header: () => this.#accepted(),
      tag: (kind: Kind, timestamp: number, body: Buffer) => this.#tag(kind, timestamp, body),
    };
    socket.on('data', (bytes) => {
      if (this.#socket !== socket) return;
      try {
        reader.push(bytes, sink);
        this.#publication?.endOfRead(performance.now());
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#ground.application.log.error({ err: error }, 'the stream of another worker cannot be read');
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#lost(socket));
  }

  #disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#retry);
    socket?.destroy();
  }

  /** The owner may only just have got the stream, or have a new socket since it was started again. */
  #lost(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#retry = setTimeout(() => this.#connect(), this.#ground.reconnect());
  }

  #accepted(): void {
    const { application, key } = this.#ground;
    this.#publication?.close();
    const request: PublishRequest = {
      action: 'publish',
      client: this.#client,
      application,
      name: key.name,
      args: '',
      type: 'live',
      dismiss: (reason) => this.close(reason),
    };
    this.#publication = application.mirror(request);
    if (this.#publication === null) {
      this.close('the stream is published here');
      return;
    }
    for (const { timer, done } of this.#waiting) {
      clearTimeout(timer);
      done();
    }
    this.#waiting.clear();
    this.release();
  }

  #tag(kind: Kind, timestamp: number, body: Buffer): void {
    const now = performance.now();
    if (kind === DATA && isMetadata(body)) this.#publication?.describe(body, now);
    else this.#publication?.push(kind, timestamp, body, now);
  }
}

/** Whether anybody plays a name here, or waits for it. */
export function isPlayed({ subscriptions }: Application, name: string): boolean {
  for (const { stream } of subscriptions) if (stream.name === name) return true;
  return false;
}

/** What stands for the other worker where a publisher has to have a client. */
function clientOf({ log }: Application): Client {
  return {
    id: 0,
    protocol: 'rtmp',
    origin: 'worker',
    address: 'unix:',
    flashver: '',
    tcurl: '',
    swfurl: '',
    pageurl: '',
    connectArgs: '',
    log,
  };
}
