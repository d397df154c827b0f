import type { Socket } from 'node:net';
import { handleOf, notTaken, type SocketHandle, writeAllDirect, writeDirect } from './direct-write.ts';

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
  /** What batches may be handed to past the sink until the borrower is told; null: the sink has to see them. */
  lend(borrower: Borrower): SocketHandle | null;
  /** After a batch handed over past it was not taken whole: it is lent no longer. */
  unfinished(bytes: Buffer): void;
}

/** Who has been lent what is below a sink. */
export interface Borrower {
  /** It is no longer lent. */
  returned(): void;
}

/**
 * A sink on a socket (TCP, unix or TLS). Closing and errors are the business of the socket's owner. What the owner itself
 * has to say goes through the sink as well, from the first batch on: bytes leave in the order of the calls.
 */
export class SocketSink implements Sink {
  readonly #socket: Socket;
  readonly #aborted: (reason: string) => void;
  /**
   * Set while nothing is in the socket's queue or gathered, and nothing of the last write is left: batches go past the queue, and
   * nothing but the handle is looked at. With a thousand players each object more is one that no cache holds.
   */
  #clear: SocketHandle | null = null;
  #borrower: Borrower | null = null;
  /** Bytes of a write past the queue that the kernel has not taken whole. */
  #underWay = 0;
  /** What is to leave in one piece, while that is being put together. */
  #gathered: Buffer[] | null = null;
  #gatheredBytes = 0;

  /** `aborted` is told why before the socket is reset. */
  constructor(socket: Socket, aborted: (reason: string) => void) {
    this.#socket = socket;
    this.#aborted = aborted;
  }

  write(bytes: Buffer): void {
    this.#reclaim();
    const handle = this.#clear ?? this.#look();
    if (handle === null) {
      if (this.#gathered !== null) this.#gather(bytes);
      else if (this.#socket.writable) this.#socket.write(bytes);
      return;
    }
    this.#underWay = bytes.length;
    if (writeDirect(this.#socket, handle, bytes, this.#written)) this.#underWay = 0;
    else this.#clear = null;
  }

  /** The handle, if nothing waits and writes may go past the queue. */
  #look(): SocketHandle | null {
    const socket = this.#socket;
    if (this.#gathered !== null) return null;
    if (this.#underWay > 0 || socket.writableLength > 0 || socket.writableCorked > 0) return null;
    if (!socket.writable || socket.connecting) return null;
    this.#clear = handleOf(socket);
    return this.#clear;
  }

  lend(borrower: Borrower): SocketHandle | null {
    this.#reclaim();
    if (this.#clear !== null) this.#borrower = borrower;
    return this.#clear;
  }

  unfinished(bytes: Buffer): void {
    const handle = this.#clear!;
    this.#borrower = null;
    this.#clear = null;
    this.#underWay = bytes.length;
    notTaken(handle, bytes, bytes.length, this.#written);
  }

  #reclaim(): void {
    const borrower = this.#borrower;
    this.#borrower = null;
    borrower?.returned();
  }

  /** The socket's queue is needed. */
  #queue(): void {
    this.#reclaim();
    this.#clear = null;
  }

  readonly #written = (error?: Error | null): void => {
    this.#underWay = 0;
    if (error) this.#socket.destroy(error);
  };

  writeAll(buffers: readonly Buffer[]): void {
    let bytes = 0;
    for (let i = 0; i < buffers.length; i++) bytes += buffers[i]!.length;
    if (this.#gathered === null) this.#writePiece(buffers, bytes);
    else for (let i = 0; i < buffers.length; i++) this.#gather(buffers[i]!);
  }

  /** Several buffers of so many bytes in one system call, as far as the kernel takes them. */
  #writePiece(buffers: readonly Buffer[], bytes: number): void {
    this.#reclaim();
    const handle = this.#clear ?? this.#look();
    if (handle !== null) {
      this.#underWay = bytes;
      if (writeAllDirect(this.#socket, handle, buffers, bytes, this.#written)) this.#underWay = 0;
      else this.#clear = null;
      return;
    }
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    for (let i = 0; i < buffers.length; i++) socket.write(buffers[i]!);
    socket.uncork();
  }

  #gather(bytes: Buffer): void {
    this.#gathered!.push(bytes);
    this.#gatheredBytes += bytes.length;
  }

  /** Bytes of the owner, or a text of single-byte characters; nothing after the end. */
  send(bytes: Buffer | string): void {
    if (this.#gathered !== null) {
      this.#gather(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      return;
    }
    this.#queue();
    if (this.#socket.writable) this.#socket.write(bytes, 'latin1');
  }

  /** Has all that is written meanwhile leave in one piece. */
  together(write: () => void): void {
    if (this.#gathered !== null) {
      write();
      return;
    }
    this.#queue();
    this.#gathered = [];
    try {
      write();
    } finally {
      this.#release();
    }
  }

  #release(): void {
    const buffers = this.#gathered;
    const bytes = this.#gatheredBytes;
    this.#gathered = null;
    this.#gatheredBytes = 0;
    if (buffers !== null && bytes > 0) this.#writePiece(buffers, bytes);
  }

  /** Ends the connection after what waits. */
  end(): void {
    this.#release();
    this.#queue();
    this.#socket.end();
  }

  get backlog(): number {
    if (this.#clear !== null) return 0;
    return this.#underWay + this.#socket.writableLength + this.#gatheredBytes;
  }

  get sent(): number {
    return sentBytes(this.#socket);
  }

  abort(reason: string): void {
    this.#gathered = null;
    this.#gatheredBytes = 0;
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
 * Bytes that have been handed to a socket, as its `bytesWritten` has them, which goes through the queue whether there is
 * anything in it or not.
 */
export function handedBytes(socket: Socket): number {
  const handed = socket.writableLength === 0 ? (socket as WithHandle)._handle?.bytesWritten : undefined;
  return handed ?? socket.bytesWritten;
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
