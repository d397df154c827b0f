import type { Socket } from 'node:net';
import { SocketSink } from '../../core/connections/sink.ts';
import type { AnswerHead, Reply } from '../requests/reply.ts';
import { type HeadLimits, type PlainHead, readPlainHead } from '../requests/request-head.ts';

/** What a direct connection tells. */
export interface DirectEvents {
  /** Answers a request; `over` of the reply has to be set at once. */
  request(head: PlainHead, reply: DirectReply): void;
  /** What comes from here on is for node:http to read, these bytes first. */
  handOver(bytes: Buffer): void;
}

/**
 * A connection that is read and answered past node:http, as long as its requests are plain ones: half of what a short
 * answer costs is the reader's and the writer's objects and events. One request at a time; what comes meanwhile waits.
 */
export class DirectConnection {
  readonly #socket: Socket;
  /** For answers that lie ready: most leave past the socket's queue. */
  readonly #sink: SocketSink;
  readonly #limits: HeadLimits;
  readonly #events: DirectEvents;
  #reply: DirectReply | null = null;
  /** Nothing has been asked yet. */
  fresh = true;
  /** What came before its turn. */
  #held: Buffer | null = null;
  /** What had left when it was silent last. */
  #sent = 0;

  /** `silence` is how long it may say nothing before its first request, ms; 0: for ever. */
  constructor(socket: Socket, limits: HeadLimits, silence: number, events: DirectEvents) {
    this.#socket = socket;
    this.#sink = new SocketSink(socket, () => undefined);
    this.#limits = limits;
    this.#events = events;
    socket.on('data', this.#read);
    socket.on('timeout', this.#silent);
    socket.once('close', this.#closed);
    socket.setTimeout(silence);
  }

  get idle(): boolean {
    return this.#reply === null;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #read = (bytes: Buffer): void => {
    if (this.#reply === null) {
      this.#take(bytes);
      return;
    }
    // A client may send ahead as much as one read brings; the rest waits in its kernel and ours.
    this.#held = this.#held === null ? bytes : Buffer.concat([this.#held, bytes]);
    this.#socket.pause();
  };

  readonly #silent = (): void => {
    const socket = this.#socket;
    const { backlog, sent } = this.#sink;
    // Whoever takes a long answer slowly is not silent; only the handle has seen it.
    if (backlog > 0 && sent !== this.#sent) {
      this.#sent = sent;
      socket.setTimeout(socket.timeout ?? 0);
    } else socket.destroy();
  };

  readonly #closed = (): void => {
    const reply = this.#reply;
    this.#reply = null;
    reply?.lost();
  };

  #take(bytes: Buffer): void {
    const text = bytes.toString('latin1');
    for (let at = 0; at < bytes.length; ) {
      const head = readPlainHead(text, at, this.#limits);
      if (head === null) {
        this.#handOver(at === 0 ? bytes : bytes.subarray(at));
        return;
      }
      at += head.length;
      this.fresh = false;
      const reply = new DirectReply(this.#socket, this.#sink, head.keepAlive, this.#answered);
      this.#reply = reply;
      this.#events.request(head, reply);
      if (this.#socket.destroyed) return;
      if (reply.sent && !reply.last) this.#reply = null;
      else {
        if (at < bytes.length) {
          this.#held = bytes.subarray(at);
          this.#socket.pause();
        }
        reply.waits();
        return;
      }
    }
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    socket.removeListener('data', this.#read);
    socket.removeListener('timeout', this.#silent);
    socket.removeListener('close', this.#closed);
    socket.setTimeout(0);
    this.#events.handOver(bytes);
  }

  /** An answer that took its time has left. */
  readonly #answered = (): void => {
    this.#reply = null;
    const held = this.#held;
    this.#held = null;
    if (held === null || this.#socket.destroyed) return;
    this.#take(held);
    if (this.#held === null) this.#socket.resume();
  };
}

/** An answer that is written to the connection as it is. */
export class DirectReply implements Reply {
  readonly keepAlive: boolean;
  over: () => void = () => undefined;
  sent = false;
  begun = false;
  last = false;
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #answered: () => void;
  #waited = false;
  #over = false;

  /** `answered` is told when it has left, unless that was in the turn of its request. */
  constructor(socket: Socket, sink: SocketSink, keepAlive: boolean, answered: () => void) {
    this.#socket = socket;
    this.#sink = sink;
    this.keepAlive = keepAlive;
    this.#answered = answered;
  }

  send(head: AnswerHead, body: Buffer | null, last: boolean): void {
    if (!this.#begin(last)) return;
    const sink = this.#sink;
    if (head.whole !== undefined) sink.write(head.whole);
    else if (body === null || body.length === 0) sink.send(head.text);
    else sink.writeAll([head.bytes ?? Buffer.from(head.text, 'latin1'), body]);
    this.end();
  }

  begin(head: AnswerHead, last: boolean): void {
    if (this.#begin(last)) this.#sink.send(head.text);
  }

  #begin(last: boolean): boolean {
    this.begun = true;
    this.last = last || !this.keepAlive;
    if (this.#socket.writable) return true;
    this.#socket.destroy();
    return false;
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  drained(work: () => void): void {
    this.#socket.once('drain', work);
  }

  end(): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    // Most often the kernel has taken all of it in this turn.
    if (this.#sink.backlog === 0) this.#left();
    else {
      socket.write('', (error) => {
        // What a destroyed socket drops is told without an error.
        if (!error && !socket.destroyed) this.#left();
      });
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** It is not over in the turn of its request. */
  waits(): void {
    this.#waited = true;
    // Whoever answers keeps the client waiting as long as he likes.
    if (!this.begun) this.#socket.setTimeout(0);
  }

  /** The connection has gone. */
  lost(): void {
    if (this.#over) return;
    this.#over = true;
    this.over();
  }

  #left(): void {
    if (this.#over || this.#socket.errored !== null) return;
    this.#over = true;
    this.sent = true;
    this.over();
    if (this.last) this.#socket.destroySoon();
    else if (this.#waited) this.#answered();
  }
}
