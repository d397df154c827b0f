import type { Socket } from 'node:net';
import { writeRoute } from '../core/applications/route.ts';
import { resetSocket, SocketSink } from '../core/connections/sink.ts';
import { plainAddress } from '../core/net/addresses.ts';
import { AUDIO, DATA, VIDEO } from '../media/packet.ts';
import type { AmfWritableObject } from '../wire/amf0.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { ChunkReader } from '../wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../wire/rtmp/chunk-writer.ts';
import { readCommand, writeCommand } from '../wire/rtmp/commands.ts';
import { clientHandshake } from '../wire/rtmp/handshake.ts';
import {
  ABORT,
  AGGREGATE,
  acknowledgement,
  COMMAND_AMF0,
  COMMAND_AMF3,
  DATA_AMF3,
  type OutMessage,
  pingRequest,
  pingResponse,
  type RtmpMessage,
  readControl,
  setBufferLength,
  windowAckSize,
} from '../wire/rtmp/messages.ts';
import { Conversation } from './conversation.ts';
import { type DialOptions, dial, dialFailure } from './dial.ts';
import type { PeerAddress } from './peer.ts';

/** What the connect command says. */
export interface ClientConnect {
  readonly app: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  readonly flashVer: string;
  /** The streams this one was handed on from; see `core/applications/route.ts`. */
  readonly via: readonly string[];
}

/** What the connection is for; `name` with its query, times in ms or negative as in the play command. */
export type ClientPurpose =
  | { readonly kind: 'publish'; readonly name: string }
  | {
      readonly kind: 'play';
      readonly name: string;
      readonly start: number;
      readonly duration: number;
      /** Announced to the peer, ms. */
      readonly buffer: number;
    };

export interface ClientOptions extends DialOptions {
  readonly address: PeerAddress;
  readonly connect: ClientConnect;
  readonly purpose: ClientPurpose;
  /** Each of connecting, shaking hands, and being accepted may take this long, ms; 10 s without it. */
  readonly deadline?: number;
}

/** Told what happens on an outgoing connection. */
export interface ClientEvents {
  /** The peer takes media now, or is going to send them. */
  accepted(): void;
  /** A media or data message of the peer; it and its body are on loan: both are used again afterwards. */
  media?(message: RtmpMessage): void;
  /** The messages of one read have been handed over. */
  endOfRead?(): void;
  /** The peer says that its stream has ended for now; the connection stays. */
  ended?(): void;
  /** The connection is over. Comes exactly once. */
  closed(reason: string): void;
}

/** The chunk size of what is sent. */
export const CLIENT_CHUNK_SIZE = 4096;

const STAGE_MS = 10_000;
const LINGER_MS = 2000;
const ACK_WINDOW = 2_500_000;
/** A source from which no byte came for this long is asked whether it is there, and given up after as long again, ms. */
const SILENCE_MS = 30_000;
const KEEPALIVE_MS = 30_000;
const LIMITS = { maxMessage: 16 * 1024 * 1024, maxStreams: 65_600 };

/**
 * One outgoing RTMP connection, which publishes or plays one stream. Every stage has a deadline; when it ends, for
 * whatever reason, `closed` says why, once.
 */
export class RtmpClient {
  readonly sink: SocketSink;
  readonly #options: ClientOptions;
  readonly #events: ClientEvents;
  readonly #socket: Socket;
  readonly #writer = new ChunkWriter();
  readonly #reader = new ChunkReader(LIMITS);
  readonly #conversation: Conversation;
  #handshake: ReturnType<typeof clientHandshake> | null = clientHandshake();
  #deadline: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #heardAt = 0;
  #waiting = false;
  #held: Buffer | null = null;
  #ackWindow = ACK_WINDOW;
  #acknowledged = 0;
  #over = false;

  /** Throws where not even a socket can be had, as with certificates that cannot be read; then nothing is told. */
  constructor(options: ClientOptions, events: ClientEvents) {
    this.#options = options;
    this.#events = events;
    this.#conversation = new Conversation(options.purpose, {
      send: (...messages) => this.#send(...messages),
      accepted: () => this.#accepted(),
      ended: () => events.ended?.(),
      failed: (reason) => this.#finish(reason, true),
    });
    const socket = dial(options.address, options, () => this.#connected());
    this.#socket = socket;
    this.#stage('connecting took too long');
    this.sink = new SocketSink(socket, (reason) => this.#finish(reason, false));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('end', () => this.#finish('the peer closed the connection', true));
    socket.on('error', (error) => this.#finish(dialFailure(error), false));
    socket.on('close', () => {
      clearTimeout(this.#linger);
      this.#finish('the connection was lost', false);
    });
  }

  /** The peer's message stream; 0 before it is known. */
  get streamId(): number {
    return this.#conversation.streamId;
  }

  get bytesIn(): number {
    return this.#socket.bytesRead;
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten;
  }

  /** The peer's IP address, or `unix:`. */
  get peer(): string {
    return plainAddress(this.#socket.remoteAddress);
  }

  /** Reads no further before the promise is settled; it must not reject. */
  wait(promise: Promise<void>): void {
    this.#waiting = true;
    this.#reader.pause();
    this.#socket.pause();
    void promise.then(() => this.#resume());
  }

  /** Takes leave of the peer and ends the connection. */
  close(reason: string): void {
    if (this.#over) return;
    this.#send(...this.#conversation.farewell());
    this.#finish(reason, true);
  }

  #stage(late: string): void {
    clearTimeout(this.#deadline);
    const { deadline = STAGE_MS } = this.#options;
    this.#deadline = setTimeout(() => this.#finish(late, false), deadline);
  }

  #connected(): void {
    if (this.#over) return;
    this.#stage('the handshake took too long');
    this.sink.send(this.#handshake!.hello);
  }

  #accepted(): void {
    clearTimeout(this.#deadline);
    if (this.#options.purpose.kind === 'play') {
      const { buffer } = this.#options.purpose;
      this.#send(setBufferLength(this.streamId, buffer));
      this.#listen();
    }
    this.#events.accepted();
  }

  /** A source that vanished without a word is noticed by its silence. */
  #listen(): void {
    this.#heardAt = this.bytesIn;
    let asked = false;
    this.#silence = setInterval(() => {
      if (this.bytesIn !== this.#heardAt || this.#waiting) {
        this.#heardAt = this.bytesIn;
        asked = false;
      } else if (asked) this.#finish('the peer no longer answers', false);
      else {
        asked = true;
        this.#send(pingRequest(Math.trunc(performance.now())));
      }
    }, SILENCE_MS);
  }

  #send(...messages: readonly OutMessage[]): void {
    if (messages.length > 0 && this.#handshake === null) {
      this.sink.send(this.#writer.encode(...messages));
    }
  }

  #received(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#waiting) {
      this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
      return;
    }
    try {
      this.#read(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#finish(`the peer broke the protocol: ${error.message}`, false);
    }
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    if (this.#handshake !== null) {
      const step = this.#handshake.push(bytes);
      if (step.output !== null) this.sink.send(step.output);
      if (!step.done) return;
      this.#handshake = null;
      this.#stage('the peer took too long to answer');
      this.sink.send(this.#writer.setChunkSize(CLIENT_CHUNK_SIZE));
      this.#send(windowAckSize(ACK_WINDOW), writeCommand('connect', 1, [connectObject(this.#options)]));
      rest = step.rest;
    }
    const taken = this.#reader.push(rest, this.#message);
    if (taken < rest.length) this.#held = Buffer.from(rest.subarray(taken));
    if (!this.#over) this.#events.endOfRead?.();
    this.#acknowledge();
  }

  readonly #message = (message: RtmpMessage): void => {
    if (this.#over) {
      this.#reader.pause();
      return;
    }
    switch (message.type) {
      case AUDIO:
      case VIDEO:
      case DATA:
      case DATA_AMF3:
      case AGGREGATE:
        this.#conversation.media();
        if (!this.#over) this.#events.media?.(message);
        return;
      case COMMAND_AMF0:
      case COMMAND_AMF3:
        this.#conversation.command(readCommand(message.type, message.body));
        return;
      case ABORT:
        return;
      default:
        this.#control(message);
    }
  };

  #control({ type, body }: RtmpMessage): void {
    const control = readControl(type, body);
    if (control?.kind === 'windowAckSize' && control.size > 0) this.#ackWindow = control.size;
    else if (control?.kind === 'peerBandwidth') this.#send(windowAckSize(control.size));
    else if (control?.kind === 'pingRequest') this.#send(pingResponse(control.timestamp));
    else if (control?.kind === 'streamEof') this.#conversation.endOfStream();
  }

  #acknowledge(): void {
    const { bytesRead } = this.#reader;
    // Some peers stop sending when they are not acknowledged before their window is full.
    if (bytesRead - this.#acknowledged < this.#ackWindow / 2) return;
    this.#acknowledged = bytesRead;
    this.#send(acknowledgement(bytesRead));
  }

  #resume(): void {
    this.#waiting = false;
    if (this.#over) return;
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#received(held);
    if (!this.#waiting) this.#socket.resume();
  }

  #finish(reason: string, politely: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    clearInterval(this.#silence);
    if (politely && this.#socket.writable) {
      this.#socket.resume();
      this.sink.end();
      this.#linger = setTimeout(() => resetSocket(this.#socket), LINGER_MS);
    } else this.#socket.destroy();
    this.#events.closed(reason);
  }
}

/** The object of the connect command (RTMP 1.0, 7.2.1.1), with what enhanced RTMP v2 adds. */
function connectObject({ connect, purpose }: ClientOptions): AmfWritableObject {
  const { app, tcUrl, pageUrl, swfUrl, flashVer, via } = connect;
  return {
    app,
    ...(purpose.kind === 'publish' ? { type: 'nonprivate' } : {}),
    flashVer,
    ...(swfUrl === '' ? {} : { swfUrl }),
    tcUrl,
    ...(pageUrl === '' ? {} : { pageUrl }),
    fpad: false,
    capabilities: 15,
    audioCodecs: 3575,
    videoCodecs: 252,
    videoFunction: 1,
    objectEncoding: 0,
    // 4 is "can forward": every codec passes through untouched. capsEx: multitrack, ModEx, nanosecond offsets.
    fourCcList: ['*'],
    videoFourCcInfoMap: { '*': 4 },
    audioFourCcInfoMap: { '*': 4 },
    capsEx: 14,
    ...(via.length === 0 ? {} : { via: writeRoute(via) }),
  };
}
