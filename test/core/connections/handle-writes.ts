import type { Socket } from 'node:net';

type Method = (request: object, data: Buffer | readonly (Buffer | string)[], whole?: boolean) => unknown;
type Handle = Record<string, Method>;

/** What has been handed to the kernel while it was watched: the bytes of each call, in order. */
export interface HandleWrites {
  readonly calls: readonly Buffer[];
  stop(): void;
}

/** Watches what all sockets of the kind of this one hand to the kernel, but for texts, which tests send. */
export function watchWrites(socket: Socket): HandleWrites {
  const calls: Buffer[] = [];
  const undo: (() => void)[] = [];
  for (const name of ['writeBuffer', 'writev']) {
    const owner = ownerOf((socket as unknown as { _handle: object })._handle, name);
    const method = owner[name]!;
    owner[name] = function (this: Handle, request, data, whole) {
      calls.push(bytesOf(data, whole === true));
      return method.call(this, request, data, whole);
    };
    undo.push(() => {
      owner[name] = method;
    });
  }
  return { calls, stop: () => undo.forEach((one) => void one()) };
}

/** The prototype that has the method. */
function ownerOf(handle: object, name: string): Handle {
  for (let at: object | null = handle; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, name)) return at as Handle;
  }
  throw new Error(`sockets have no ${name}`);
}

/** Of several chunks, each text has its encoding behind it, unless all are buffers. */
function bytesOf(data: Buffer | readonly (Buffer | string)[], whole: boolean): Buffer {
  if (Buffer.isBuffer(data)) return Buffer.from(data);
  const chunks = whole ? data : data.filter((_, index) => index % 2 === 0);
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string, 'latin1')));
}
