import { unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import type { Position } from '../../config/errors.ts';
import type { Listen } from '../net/addresses.ts';
import { isIPv6 } from '../net/ip-family.ts';

/**
 * A turn of the event loop that is no longer is quiet, ms; on a busy machine it may be longer the longer one was waited
 * for, by this part of that. So long at most, ms.
 */
const QUIET_MS = 0.1;
const QUIET_SHARE = 1 / 200;
const QUIET_WAIT_MS = 1000;

/** An address that cannot be listened on. */
export class BindError extends Error {
  readonly address: string;
  readonly at: Position;
  readonly code: string;

  constructor(address: string, at: Position, cause: NodeJS.ErrnoException) {
    super(`bind() to ${address} failed (${errorText(cause)})`);
    this.name = 'BindError';
    this.address = address;
    this.at = at;
    this.code = cause.code ?? '';
  }
}

/** An operating system error as nginx prints it: `98: Address already in use`. */
export function errorText(error: NodeJS.ErrnoException): string {
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: '98: Address already in use',
    EACCES: '13: Permission denied',
    EADDRNOTAVAIL: '99: Cannot assign requested address',
    ENOENT: '2: No such file or directory',
    EMFILE: '24: Too many open files',
    EROFS: '30: Read-only file system',
    ENOTDIR: '20: Not a directory',
    EISDIR: '21: Is a directory',
    ENOSPC: '28: No space left on device',
    ESRCH: '3: No such process',
    EPERM: '1: Operation not permitted',
  };
  return known[error.code ?? ''] ?? error.message;
}

/**
 * Listens on an address. Of sockets of our own that are `inTheWay`, nothing is left listening, in the turn in which the
 * address is bound; of a unix socket what a killed process has left is removed. Rejects with the system's error.
 */
export async function bindTo(
  server: Server,
  listen: Listen,
  inTheWay: readonly Server[] = [],
): Promise<void> {
  try {
    await listenOn(server, listen);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (listen.path !== '') {
      if (!(await isStale(listen.path))) throw error;
      unlinkSync(listen.path);
    } else {
      if (inTheWay.length === 0) throw error;
      await quietTurn(inTheWay);
      for (const other of inTheWay) other.close();
    }
  }
  await listenOn(server, listen);
}

function listenOn(server: Server, listen: Listen): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const backlog = listen.backlog ?? 511;
    const options =
      listen.path !== ''
        ? { path: listen.path, backlog }
        : { host: listen.host, port: listen.port, backlog, ipv6Only: isIPv6(listen.host) && listen.ipv6only };
    server.listen(options, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/**
 * Resolves behind a short turn in which none of the servers took a connection: those that are complete but not taken end
 * with a socket that is closed, and just then there are hardly any.
 */
async function quietTurn(servers: readonly Server[]): Promise<void> {
  let taken = 0;
  const count = (): void => {
    taken += 1;
  };
  for (const server of servers) server.on('connection', count);
  const began = performance.now();
  for (let from = began; from - began < QUIET_WAIT_MS; from = performance.now()) {
    taken = 0;
    await new Promise((resolve) => setImmediate(resolve));
    if (taken === 0 && performance.now() - from < QUIET_MS + (from - began) * QUIET_SHARE) break;
  }
  for (const server of servers) server.removeListener('connection', count);
}

/** Whether nobody answers on a unix socket that is left in the file system. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
