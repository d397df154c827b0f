import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { getSystemErrorName } from 'node:util';

/** What a socket's handle is given with each write: it is the handle's until the kernel has taken all of the bytes. */
interface WriteRequest {
  handle: unknown;
  oncomplete: unknown;
  async: boolean;
  bytes: number;
  buffer: unknown;
  callback: unknown;
  /** Negative while no handle has it. */
  getAsyncId(): number;
}

/** What Node's sockets have inside, where they have. */
export interface SocketHandle {
  /** 0, or the number of an error; undefined from a handle that is closed. */
  writeBuffer: (request: WriteRequest, bytes: Buffer) => number | undefined;
  /** The same for several buffers, in one system call; `whole`: they are nothing but buffers. */
  writev: (request: WriteRequest, buffers: readonly Buffer[], whole: true) => number | undefined;
}

interface WithHandle {
  readonly _handle?: Partial<SocketHandle> | null;
}

/** libuv's UV_EBADF. */
const CLOSED = -9;

/** Makes requests as Node does for its own writes. */
type NewRequest = () => WriteRequest;

/** Undefined: nobody has written yet; null: Node's insides are not as they are thought to be. */
let newRequest: NewRequest | null | undefined;
/** The next request. Most writes are taken by the kernel at once and never bind it, so that all sockets share it. */
let spare: WriteRequest | undefined;

/**
 * A socket's handle, where bytes may be handed to it past the socket's queue: not of TLS, which takes one write at a
 * time and relies on the queue, nor where somebody has put another `_write` in place.
 */
export function handleOf(socket: Socket): SocketHandle | null {
  if (socket instanceof TLSSocket || socket._write !== Socket.prototype._write) return null;
  const handle = (socket as WithHandle)._handle;
  const known = typeof handle?.writeBuffer === 'function' && typeof handle.writev === 'function';
  return known ? (handle as SocketHandle) : null;
}

/** How a socket's queue calls bytes that are no text. */
const BYTES = 'buffer' as BufferEncoding;

/**
 * Writes to a socket whose queue is empty, past the queue, which would make a request, a callback and a turn of its own
 * of each write. True: the kernel has taken all of the bytes. Otherwise `written` is called, now or later, when they are
 * gone or with an error. libuv keeps the order of these writes and the queue's.
 */
export function writeDirect(
  socket: Socket,
  handle: SocketHandle,
  bytes: Buffer,
  written: (error?: Error | null) => void,
): boolean {
  if (spare === undefined) {
    if (newRequest === undefined) {
      newRequest = learn(socket, handle, bytes, written);
      spare = newRequest?.();
    } else socket._write(bytes, BYTES, written);
    return false;
  }
  if (takesAll(handle, bytes)) return true;
  notTaken(handle, bytes, bytes.length, written);
  return false;
}

/** The same for several buffers of so many `bytes` together, in one system call. */
export function writeAllDirect(
  socket: Socket,
  handle: SocketHandle,
  buffers: readonly Buffer[],
  bytes: number,
  written: (error?: Error | null) => void,
): boolean {
  const request = spare;
  if (request === undefined) {
    // To learn of requests costs a copy, once.
    if (newRequest === undefined) return writeDirect(socket, handle, Buffer.concat(buffers, bytes), written);
    socket._writev!(
      buffers.map((chunk) => ({ chunk, encoding: BYTES })),
      written,
    );
    return false;
  }
  failure = handle.writev(request, buffers, true);
  if (failure === 0 && request.getAsyncId() < 0) return true;
  notTaken(handle, buffers, bytes, written);
  return false;
}

/** What the last write came to: 0, or the number of an error. */
let failure: number | undefined = 0;

/**
 * Writes to a handle that `writeDirect` has been true for: whether the kernel has taken all. If not, `notTaken` has to be
 * called at once.
 */
export function takesAll(handle: SocketHandle, bytes: Buffer): boolean {
  const request = spare!;
  failure = handle.writeBuffer(request, bytes);
  return failure === 0 && request.getAsyncId() < 0;
}

/** After `takesAll` was false: `written` is called, now or later, when the `bytes` of `buffer` are gone or with an error. */
export function notTaken(
  handle: SocketHandle,
  buffer: unknown,
  bytes: number,
  written: (error?: Error | null) => void,
): void {
  if (failure !== 0) {
    written(systemError(failure ?? CLOSED));
    return;
  }
  // The request is the handle's now.
  const request = spare!;
  request.handle = handle;
  request.callback = written;
  request.async = true;
  request.bytes = bytes;
  request.buffer = buffer;
  spare = newRequest!();
}

/** Writes as the queue does, and looks at what Node gives the handle with it. */
function learn(
  socket: Socket,
  handle: SocketHandle,
  bytes: Buffer,
  written: (error?: Error | null) => void,
): NewRequest | null {
  const samples: WriteRequest[] = [];
  const { writeBuffer } = handle;
  handle.writeBuffer = (request, buffer) => {
    samples.push(request);
    return writeBuffer.call(handle, request, buffer);
  };
  try {
    socket._write(bytes, BYTES, written);
  } finally {
    // Back to what its prototype has.
    delete (handle as Partial<SocketHandle>).writeBuffer;
  }
  return samples[0] === undefined ? null : makerOf(samples[0]);
}

/** How to make more requests like this one; null if it is not what it is thought to be. */
function makerOf(sample: Partial<WriteRequest>): NewRequest | null {
  const { oncomplete } = sample;
  const Request = sample.constructor as new () => WriteRequest;
  if (typeof oncomplete !== 'function') return null;
  const make = (): WriteRequest =>
    Object.assign(new Request(), {
      handle: null,
      oncomplete,
      async: false,
      bytes: 0,
      buffer: null,
      callback: null,
    });
  const idle = make();
  return typeof idle.getAsyncId === 'function' && idle.getAsyncId() < 0 ? make : null;
}

function systemError(failure: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(failure);
  return Object.assign(new Error(`write ${code}`), { code, errno: failure, syscall: 'write' });
}
