import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Where batches go: a player's socket, or a file. Writing never waits and never throws; `backlog` tells what is left. */
export interface Sink {
  write(bytes: Buffer): void;
  /** Several buffers at once, in one system call where the sink can. */
  writeAll(buffers: readonly Buffer[]): void;
  /** Bytes handed over that the other side's kernel has not taken yet. */
  readonly backlog: number;
  /** Bytes that have left this process, for telling a slow player from a dead one. */
  readonly sent: number;
  /** Ends it without waiting for the backlog: a player that does not read. */
  abort(reason: string): void;
}

/**
 * A sink on a socket (TCP, unix or TLS). Closing and errors are the business of the socket's owner, who may write to the
 * socket as well: bytes leave in the order of the calls.
 */
export class SocketSink implements Sink {
  readonly #socket: Socket;
  readonly #aborted: (reason: string) => void;
  /** Where nothing waits, a write may skip the socket's queue and go to the kernel at once; null: never. */
  readonly #direct: DirectWrite | null;
  /** Bytes of such a write that the kernel has not taken whole. */
  #underWay = 0;

  /** `aborted` is told why before the socket is reset. */
  constructor(socket: Socket, aborted: (reason: string) => void) {
    this.#socket = socket;
    this.#aborted = aborted;
    this.#direct = directWrite(socket);
  }

  write(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (this.#direct === null || this.#underWay > 0 || socket.writableLength > 0) {
      socket.write(bytes);
      return;
    }
    this.#underWay = bytes.length;
    this.#direct.call(socket, bytes, BYTES, this.#written);
  }

  readonly #written = (error?: Error | null): void => {
    this.#underWay = 0;
    if (error) this.#socket.destroy(error);
  };

  writeAll(buffers: readonly Buffer[]): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    for (const buffer of buffers) socket.write(buffer);
    socket.uncork();
  }

  get backlog(): number {
    return this.#underWay + this.#socket.writableLength;
  }

  get sent(): number {
    return sentBytes(this.#socket);
  }

  abort(reason: string): void {
    this.#aborted(reason);
    resetSocket(this.#socket);
  }
}

type DirectWrite = Socket['_write'];

/** How a socket's queue calls bytes that are no text. */
const BYTES = 'buffer' as BufferEncoding;

/**
 * What a socket's queue calls to write. Calling it without the queue saves the callback in a later turn that the queue
 * makes for every write. The kernel side keeps the order of all that is written. A TLS connection takes one write at a
 * time and relies on the queue.
 */
function directWrite(socket: Socket): DirectWrite | null {
  const plain = !(socket instanceof TLSSocket) && socket._write === Socket.prototype._write;
  return plain ? socket._write : null;
}

/** What Node's sockets have inside, where they have. */
interface WithHandle {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
}

/**
 * Bytes the kernel has taken. Only the handle tells how far a write of megabytes has come; without it a write counts
 * once it is complete.
 */
export function sentBytes(socket: Socket): number {
  const handle = (socket as WithHandle)._handle;
  const written = handle?.bytesWritten;
  const waiting = handle?.writeQueueSize;
  if (written === undefined || waiting === undefined) return socket.bytesWritten - socket.writableLength;
  return written - waiting;
}

/**
 * Drops a connection with its send queue at once: a plain destroy leaves megabytes in the kernel for a peer that
 * does not read. TLS and unix sockets have no reset; they are destroyed.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // While a shutdown is under way libuv refuses to reset, and Node then never closes the descriptor.
  if (socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished) {
    socket.destroy();
    return;
  }
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
