import type { Socket } from 'node:net';

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

/** A sink on a socket (TCP, unix or TLS). Closing and errors are the business of the socket's owner. */
export class SocketSink implements Sink {
  readonly #socket: Socket;
  readonly #aborted: (reason: string) => void;

  /** `aborted` is told why before the socket is reset. */
  constructor(socket: Socket, aborted: (reason: string) => void) {
    this.#socket = socket;
    this.#aborted = aborted;
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  writeAll(buffers: readonly Buffer[]): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    for (const buffer of buffers) socket.write(buffer);
    socket.uncork();
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  get sent(): number {
    return sentBytes(this.#socket);
  }

  abort(reason: string): void {
    this.#aborted(reason);
    resetSocket(this.#socket);
  }
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
