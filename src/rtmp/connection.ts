import type { Socket } from 'node:net';
import { settingsOf } from '../config/block.ts';
import { type ConnectionError, countConnectionError } from '../core/connections/connection-errors.ts';
import { believed, type Peer } from '../core/connections/peer.ts';
import { readFrom } from '../core/connections/shared-read.ts';
import { resetSocket, SocketSink, sentBytes } from '../core/connections/sink.ts';
import type { Logger } from '../core/logs/log.ts';
import type { Listen } from '../core/net/addresses.ts';
import { networksTest } from '../core/net/networks.ts';
import type { Runtime } from '../core/runtime.ts';
import { rest } from '../core/streams/rest.ts';
import type { AmfLimits } from '../wire/amf.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { ChunkReader } from '../wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../wire/rtmp/chunk-writer.ts';
import { type Handshake, serverHandshake } from '../wire/rtmp/handshake.ts';
import { acknowledgement, type OutMessage, pingRequest, type RtmpMessage } from '../wire/rtmp/messages.ts';
import { type RtmpServerSettings, rtmpServerTable } from './directives.ts';
import { Session } from './session.ts';

/** Time to send what is left before a connection that ends is cut off, ms. */
const LINGER_MS = 2000;
/** The window of a client that names none. Some wait for an acknowledgement, so it comes at half the window. */
const DEFAULT_ACK_WINDOW = 5_000_000;
/** A publisher that sends without end is heard out no further than this, so that the next does not wait for it. */
const MOST_READS = 8;
/** A read of fewer bytes has brought all there was. */
const FEW_BYTES = 32_768;
/** Bytes of answers, media apart, that may wait for a client that does not read them. */
const MAX_ANSWERS = 1024 * 1024;

/**
 * One RTMP connection: handshake, chunk layer, pings, acknowledgements and deadlines. What the messages mean is the
 * session's business. Reading is synchronous; while the session waits for an admission the socket is paused.
 */
export class Connection {
  readonly id: number;
  readonly address: string;
  readonly listen: Listen;
  readonly runtime: Runtime;
  readonly since = Date.now();
  readonly protocol = 'rtmp';
  readonly socket: Socket;
  readonly writer = new ChunkWriter();
  readonly sink: SocketSink;
  log: Logger;
  settings: RtmpServerSettings;
  /** What one message of the client may hold: of the server it has come to, from its connect command on. */
  amf: AmfLimits;
  readonly #session: Session;
  readonly #closed: () => void;
  #handshake: Handshake | null = serverHandshake();
  readonly #reader: ChunkReader;
  /** Of the same server. */
  readonly #limits: { maxMessage: number; maxStreams: number };
  #waiting = false;
  #held: Buffer | null = null;
  #ending = false;
  #reason = '';
  #stage: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #movedAtWatch = 0;
  #quiet: NodeJS.Timeout | undefined;
  #answers = 0;
  /** What comes is left in the kernel for now. */
  #resting = false;
  /** A rest is over, and nothing has been read since. */
  #unheard = false;
  /** How many wait until what has come is read. */
  #hearers = 0;
  #pinged = false;
  #ackWindow = DEFAULT_ACK_WINDOW;
  #acknowledged = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, listen: Listen, peer: Peer, runtime: Runtime, closed: () => void) {
    this.id = runtime.nextClientId();
    this.socket = socket;
    this.listen = listen;
    this.runtime = runtime;
    this.#closed = closed;
    const server = runtime.hub.choose(listen, socket.localAddress, null);
    if (server === undefined) throw new Error(`no server listens on ${listen.key}`);
    this.settings = settingsOf(server.spec.block, rtmpServerTable);
    this.address = believed(peer, proxiesTest(this.settings.set_real_ip_from)).address;
    this.log = runtime.log.child({ session: this.id, remote: this.address });
    const { max_message: maxMessage, max_streams: maxStreams } = this.settings;
    this.#limits = { maxMessage, maxStreams };
    this.amf = amfLimits(this.settings);
    this.#reader = new ChunkReader(this.#limits);
    this.sink = new SocketSink(socket, (reason) => this.#ended(reason, 'slow'));
    this.#session = new Session(this);
    const { so_keepalive: keepalive, timeout, handshake_timeout: patience } = this.settings;
    if (keepalive !== null) {
      socket.setKeepAlive(true, keepalive.idle === null ? undefined : keepalive.idle * 1000);
    }
    this.#stage = setTimeout(
      () => this.close('the handshake took too long', 'timeout'),
      Math.min(timeout, patience),
    );
    readFrom(socket, (bytes) => this.#received(bytes));
    socket.on('end', () => this.close('the client closed the connection'));
    socket.on('error', (error) => this.#ended(...lostReason(error)));
    socket.on('close', () => this.#gone());
  }

  get bytesIn(): number {
    return this.socket.bytesRead;
  }

  get bytesOut(): number {
    return this.socket.bytesWritten;
  }

  send(...messages: readonly OutMessage[]): void {
    const { socket } = this;
    if (!socket.writable || messages.length === 0) return;
    const bytes = this.writer.encode(...messages);
    this.#answers = socket.writableLength === 0 ? bytes.length : this.#answers + bytes.length;
    this.sink.send(bytes);
    if (this.#answers <= MAX_ANSWERS) return;
    this.#ended('the client does not read its answers', 'slow');
    resetSocket(socket);
  }

  /** Sets the chunk size of what is sent from now on. */
  setChunkSize(size: number): void {
    this.sink.send(this.writer.setChunkSize(size));
  }

  /** The client has told after how many bytes it wants to be acknowledged. */
  setAckWindow(bytes: number): void {
    if (bytes > 0) this.#ackWindow = bytes;
  }

  /** Its connect command has not come yet. */
  get early(): boolean {
    return this.#stage !== undefined && !this.#ending;
  }

  /** The connect command has come. */
  connecting(): void {
    clearTimeout(this.#stage);
    this.#stage = undefined;
  }

  /** It was accepted: from now on pings watch over the connection. */
  established(settings: RtmpServerSettings): void {
    this.settings = settings;
    this.#limits.maxMessage = settings.max_message;
    this.#limits.maxStreams = settings.max_streams;
    this.amf = amfLimits(settings);
    this.#watchSilence();
    this.#watchQuiet();
  }

  /** An admission is being waited for. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Takes no more messages before the promise is settled, and then goes on where it was. */
  wait(admission: Promise<void>): void {
    this.#waiting = true;
    this.#reader.pause();
    this.socket.pause();
    void admission.then(
      () => this.#resume(),
      (error: unknown) => this.#failed(error),
    );
  }

  /** Sends what is queued and ends the connection; `error` is what it counts as where it should not have to end. */
  close(reason: string, error: ConnectionError | null = null): void {
    if (this.#ending) return;
    this.#ended(reason, error);
    this.#session.close(reason);
    this.#finish();
  }

  /** Sends what is queued and ends the connection, at the latest after LINGER_MS. */
  #finish(): void {
    this.sink.end();
    // What still comes is thrown away: unread, it would turn the end into a reset that may overtake the last status.
    this.socket.resume();
    this.#linger = setTimeout(() => resetSocket(this.socket), LINGER_MS);
  }

  /** Ends the connection unless it publishes or plays. */
  drain(): void {
    if (this.#session.idle) this.close('the server stops');
  }

  /** After a reload: its application may be gone. */
  reconsider(): void {
    if (this.#session.orphan) this.close('the application was removed');
  }

  #ended(reason: string, error: ConnectionError | null = null): void {
    if (this.#reason === '') {
      this.#reason = reason;
      if (error !== null) countConnectionError(this.runtime.measures, 'rtmp', error);
    }
    this.#ending = true;
  }

  #gone(): void {
    this.#ended('the connection was lost');
    clearTimeout(this.#stage);
    clearTimeout(this.#watch);
    clearTimeout(this.#quiet);
    clearTimeout(this.#linger);
    this.#session.close(this.#reason);
    this.#closed();
    const level = this.#session.connected ? 'info' : 'debug';
    this.log[level](
      {
        reason: this.#reason,
        seconds: Math.round((Date.now() - this.since) / 1000),
        bytesIn: this.bytesIn,
        bytesOut: this.bytesOut,
      },
      'session ended',
    );
  }

  #received(bytes: Buffer): void {
    if (this.#ending) return;
    if (this.#waiting) {
      this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
      return;
    }
    try {
      this.#read(bytes);
    } catch (error) {
      this.#failed(error);
    }
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    if (this.#handshake !== null) {
      const step = this.#handshake.push(bytes);
      if (step.output !== null) this.sink.send(step.output);
      if (!step.done) return;
      this.#handshake = null;
      clearTimeout(this.#stage);
      const deadline = Math.min(this.settings.timeout, this.settings.handshake_timeout);
      this.#stage = setTimeout(() => this.close('no connect command came', 'timeout'), deadline);
      rest = step.rest;
    }
    const taken = this.#reader.push(rest, this.#message);
    if (taken < rest.length) this.#held = Buffer.from(rest.subarray(taken));
    this.#endOfRead(bytes.length < FEW_BYTES);
    this.#acknowledge();
  }

  /** Leaves what comes in the kernel for as long as it would only wait here: reading it at once is most of its cost. */
  #endOfRead(few: boolean): void {
    const now = performance.now();
    const mayRest = few && !this.#resting && this.#hearers === 0 && !this.#waiting && !this.#ending;
    this.#unheard = false;
    const patience = this.#session.endOfRead(now, mayRest);
    if (patience === 0) return;
    this.#resting = true;
    this.socket.pause();
    // To write to many players takes part of the time.
    rest(this, now, Math.max(patience - (performance.now() - now), 1));
  }

  /** The rest is over. */
  readOn(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#unheard = true;
    if (!this.#waiting) this.socket.resume();
  }

  heard(): void {
    if (this.#unheard && !this.#ending) this.#endOfRead(false);
  }

  /** Reads what has come by now, the end of the connection included. */
  async hearOut(): Promise<void> {
    this.#hearers += 1;
    this.readOn();
    setImmediate(() => this.heard());
    let before = -1;
    for (let read = 0; read < MOST_READS && before !== this.bytesIn && !this.#ending; read++) {
      before = this.bytesIn;
      // A socket is looked at in the turn after the one in which it is resumed.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#hearers -= 1;
  }

  readonly #message = (message: RtmpMessage): void => {
    if (this.#ending) {
      this.#reader.pause();
      return;
    }
    this.#session.message(message);
  };

  #resume(): void {
    this.#waiting = false;
    if (this.#ending) return;
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#received(held);
    if (!this.#waiting) this.socket.resume();
  }

  #failed(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.log.warn({ reason: error.message }, 'the client broke the protocol; its connection is closed');
      this.#ended(error.message, 'protocol');
    } else {
      this.log.error({ err: error }, 'an unexpected error ended the session; please report it');
      this.#ended('internal error', 'fault');
    }
    this.#session.close(this.#reason);
    this.#finish();
  }

  #acknowledge(): void {
    const { bytesRead } = this.#reader;
    if (bytesRead - this.#acknowledged < this.#ackWindow / 2) return;
    this.#acknowledged = bytesRead;
    this.send(acknowledgement(bytesRead));
  }

  /** Asks a client between whom and us no byte moves for a sign of life, and ends one that gives none. */
  #watchSilence(): void {
    const { ping, ping_timeout: answer, busy } = this.settings;
    if (ping === 0) return;
    this.#movedAtWatch = this.#moved;
    this.#watch = setTimeout(
      () => {
        if (this.#moved !== this.#movedAtWatch) this.#pinged = false;
        else if (this.#pinged || busy) {
          this.close('the client no longer answers', 'timeout');
          return;
        } else {
          this.#pinged = true;
          this.send(pingRequest((Date.now() - this.since) >>> 0));
        }
        this.#watchSilence();
      },
      this.#pinged ? answer : ping,
    );
  }

  /** Bytes taken from the client, and of media by it: a ping in a kernel's buffer is no sign of life. */
  get #moved(): number {
    return this.bytesIn + (this.#session.plays && !this.#pinged ? sentBytes(this.socket) : 0);
  }

  /** Ends a client that neither publishes nor plays, nor asks for anything. */
  #watchQuiet(): void {
    let commands = this.#session.commands;
    this.#quiet = setInterval(() => {
      const quiet = this.#session.idle && !this.#waiting && this.#session.commands === commands;
      commands = this.#session.commands;
      if (quiet) this.close('the client does nothing');
    }, this.settings.timeout);
  }
}

/** Whether a proxy is believed: where none is named, everybody who can reach the address is one. */
function proxiesTest(networks: readonly string[]): (address: string) => boolean {
  return networks.length === 0 ? () => true : networksTest(networks);
}

function amfLimits({ max_amf_depth: depth, max_amf_values: values }: RtmpServerSettings): AmfLimits {
  return { depth, values };
}

/** Why a connection was lost, in words. */
function lostReason({ code, message }: NodeJS.ErrnoException): [reason: string, error: ConnectionError] {
  if (code === 'ECONNRESET' || code === 'EPIPE') return ['the client dropped the connection', 'reset'];
  if (code === 'ETIMEDOUT') return ['the client vanished', 'timeout'];
  return [message, 'reset'];
}
