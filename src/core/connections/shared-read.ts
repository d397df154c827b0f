import { Socket } from 'node:net';

/** What all sockets read into; nothing in it outlives the turn. */
const BYTES = 256 * 1024;
let shared: Buffer | undefined;

/** Where the bytes of a socket go. */
interface Reading {
  take(bytes: Buffer): void;
}

const readings = new WeakMap<Socket, Reading>();

/** What an accepted socket has inside. */
interface WithHandle {
  _handle?: { readonly useUserBuffer?: unknown } | null;
}

/**
 * The same connection as a socket that reads into one buffer for all, in larger pieces, and past the stream's queue: else
 * each read takes 64 KB of its own, and what is short-lived here is most of the work of garbage collection. Node offers
 * that (`onread`) for sockets that connect and not for those that are accepted, so the handle changes hands; where it
 * is not like that, the socket stays as it is. To be called before anything else is done with the socket.
 */
export function withSharedRead(accepted: Socket): Socket {
  const from = accepted as Socket & WithHandle;
  const handle = from._handle;
  if (typeof handle?.useUserBuffer !== 'function') return accepted;
  const reading: Reading = { take: () => undefined };
  shared ??= Buffer.allocUnsafeSlow(BYTES);
  const options = {
    handle,
    onread: {
      buffer: shared,
      callback: (length: number, buffer: Buffer) => {
        reading.take(buffer.subarray(0, length));
        return true;
      },
    },
  };
  from._handle = null;
  // What is left of it counts down its server's connections.
  from.destroy();
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  readings.set(socket, reading);
  return socket;
}

/**
 * Has `take` called with all that comes, in the turn in which the connection was accepted. The bytes are only on loan: they
 * change after `take` has returned.
 */
export function readFrom(socket: Socket, take: (bytes: Buffer) => void): void {
  const reading = readings.get(socket);
  if (reading === undefined) socket.on('data', take);
  else reading.take = take;
}
