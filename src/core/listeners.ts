import { unlinkSync } from 'node:fs';
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Position } from '../config/errors.ts';
import { type Listen, plainAddress } from './addresses.ts';
import type { Logger } from './log.ts';
import { isGone, type Peer, peerOf, takeProxyHeader } from './peer.ts';
import type { Report } from './report.ts';
import { resetSocket } from './sink.ts';

export type Protocol = 'rtmp' | 'http';

/** An address that the configuration wants to listen on. */
export interface Wanted {
  readonly listen: Listen;
  readonly protocol: Protocol;
  /** Where the directive stands, for errors. */
  readonly at: Position;
}

/**
 * Takes a connection; `listen` is the `listen` directive it came by. To be read at once: what a proxy's header was
 * followed by may be waiting in the socket.
 */
export type Accept = (socket: Socket, listen: Listen, peer: Peer) => void;

/** An address that cannot be listened on. */
export class BindError extends Error {
  readonly address: string;
  readonly at: Position;
  readonly code: string;

  constructor(wanted: Wanted, cause: NodeJS.ErrnoException) {
    super(`bind() to ${wanted.listen.key} failed (${errorText(cause)})`);
    this.name = 'BindError';
    this.address = wanted.listen.key;
    this.at = wanted.at;
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

/** One bound socket: that of its own address, or a wildcard's that serves specific addresses of its port as well. */
interface Bound {
  readonly key: string;
  readonly protocol: Protocol;
  readonly server: Server;
  /** The `listen` directives it serves, its own address first. */
  listens: readonly Listen[];
}

interface Plan {
  readonly key: string;
  readonly lead: Wanted;
  readonly listens: readonly Listen[];
}

/** What `prepare` made ready: one of the two is called, once. */
export interface PreparedListeners {
  commit(report: Report): void;
  undo(): Promise<void>;
}

/** The listening sockets of the process. Binding, which may fail, is apart from the commit, which cannot. */
export class Listeners {
  readonly #log: Logger;
  readonly #accept: Readonly<Record<Protocol, Accept>>;
  #bound = new Map<string, Bound>();
  #connections = 0;
  /** Those whose PROXY header has not come yet. */
  readonly #nameless = new Set<Socket>();

  constructor(accept: Readonly<Record<Protocol, Accept>>, log: Logger) {
    this.#accept = accept;
    this.#log = log;
  }

  get addresses(): readonly string[] {
    return [...this.#bound.keys()];
  }

  /** Connections taken that are still open, also those of addresses no longer listened on. */
  get connections(): number {
    return this.#connections;
  }

  /** Binds what is new. Throws BindError and leaves everything as it was when an address cannot be had. */
  async prepare(wanted: readonly Wanted[]): Promise<PreparedListeners> {
    const plans = plan(wanted);
    const fresh: Bound[] = [];
    const yielded: Bound[] = [];
    const undo = async (): Promise<void> => {
      await Promise.all(fresh.map((bound) => closeServer(bound.server)));
      for (const bound of yielded) await this.#rebind(bound);
    };
    try {
      for (const { lead, key, listens } of plans.values()) {
        const running = this.#bound.get(key);
        if (running?.protocol === lead.protocol && running.server.listening) continue;
        // An address we hold ourselves under another form (a wildcard, another protocol) must be let go first.
        for (const other of this.#bound.values()) {
          if (!samePort(other.listens[0]!, lead.listen) || !other.server.listening) continue;
          if (plans.get(other.key)?.lead.protocol === other.protocol) continue;
          await closeServer(other.server);
          yielded.push(other);
        }
        fresh.push(await this.#bind(lead, key, listens));
      }
    } catch (error) {
      await undo();
      throw error;
    }
    return { undo, commit: (report) => this.#commit(plans, fresh, report) };
  }

  #commit(plans: ReadonlyMap<string, Plan>, fresh: readonly Bound[], report: Report): void {
    const bound = new Map<string, Bound>();
    for (const one of fresh) {
      bound.set(one.key, one);
      report.add({ kind: 'listen', name: one.key, outcome: 'started' });
    }
    for (const [key, running] of this.#bound) {
      const next = plans.get(key);
      if (bound.has(key)) continue;
      if (next === undefined) {
        running.server.close();
        report.add({ kind: 'listen', name: key, outcome: 'closed' });
        continue;
      }
      if (running.listens[0]!.backlog !== next.listens[0]!.backlog) {
        report.restartNeeded.push(`backlog of listen ${key}`);
      }
      running.listens = next.listens;
      bound.set(key, running);
      report.add({ kind: 'listen', name: key, outcome: 'kept' });
    }
    this.#bound = bound;
  }

  /** Stops accepting everywhere; connections live on. */
  close(): void {
    for (const { server } of this.#bound.values()) server.close();
    for (const socket of this.#nameless) socket.destroy();
    this.#bound.clear();
  }

  async #bind(wanted: Wanted, key: string, listens: readonly Listen[]): Promise<Bound> {
    const { listen, protocol } = wanted;
    const server = createServer({ noDelay: true });
    const bound: Bound = { key, protocol, server, listens };
    server.on('connection', (socket) => this.#connected(bound, socket));
    try {
      await listenOn(server, listen);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EADDRINUSE' || listen.path === '' || !(await isStale(listen.path))) {
        throw new BindError(wanted, error as NodeJS.ErrnoException);
      }
      unlinkSync(listen.path);
      await listenOn(server, listen).catch((again: NodeJS.ErrnoException) => {
        throw new BindError(wanted, again);
      });
    }
    server.on('error', (error) => this.#log.error({ listen: key, err: error }, 'a listener failed'));
    return bound;
  }

  async #rebind(bound: Bound): Promise<void> {
    try {
      await listenOn(bound.server, bound.listens[0]!);
    } catch (error) {
      this.#log.error({ listen: bound.key, err: error }, 'an address could not be taken back');
    }
  }

  #connected(bound: Bound, socket: Socket): void {
    // An error between here and the protocol's own handlers must not bring the process down.
    socket.on('error', () => undefined);
    this.#connections += 1;
    socket.once('close', () => {
      this.#connections -= 1;
    });
    const listen = bound.listens.length === 1 ? bound.listens[0]! : byLocalAddress(bound.listens, socket);
    if (isGone(socket, listen)) {
      socket.destroy();
      return;
    }
    if (listen.keepalive !== null) {
      socket.setKeepAlive(true, listen.keepalive.idle === null ? undefined : listen.keepalive.idle * 1000);
    }
    if (!listen.proxyProtocol) {
      this.#hand(bound, socket, listen, peerOf(socket));
      return;
    }
    this.#nameless.add(socket);
    takeProxyHeader(
      socket,
      (peer) => {
        this.#nameless.delete(socket);
        this.#hand(bound, socket, listen, peer);
      },
      (reason) => {
        this.#nameless.delete(socket);
        this.#log.info({ listen: listen.key, remote: peerOf(socket).address, reason }, 'connection refused');
        resetSocket(socket);
      },
    );
  }

  #hand(bound: Bound, socket: Socket, listen: Listen, peer: Peer): void {
    try {
      this.#accept[bound.protocol](socket, listen, peer);
    } catch (error) {
      this.#log.error({ listen: bound.key, err: error }, 'a connection could not be taken');
      socket.destroy();
    }
  }
}

/** Groups listens into sockets: with a wildcard on a port, specific addresses of the same family share its socket. */
function plan(asked: readonly Wanted[]): Map<string, Plan> {
  const wanted = withHeaders(asked);
  const wildcards = new Map<string, Wanted>();
  for (const one of wanted) {
    if (isWildcard(one.listen)) wildcards.set(`${isIPv6(one.listen.host)}/${one.listen.port}`, one);
  }
  const plans = new Map<string, Plan>();
  const add = (lead: Wanted, listen: Listen): void => {
    const { key } = lead.listen;
    const known = plans.get(key);
    if (known === undefined)
      plans.set(key, { key, lead, listens: lead.listen === listen ? [listen] : [lead.listen, listen] });
    else if (!known.listens.some((other) => other.key === listen.key)) {
      plans.set(key, { ...known, listens: [...known.listens, listen] });
    }
  };
  for (const one of wanted) {
    const wildcard =
      one.listen.path === '' ? wildcards.get(`${isIPv6(one.listen.host)}/${one.listen.port}`) : undefined;
    add(wildcard ?? one, wildcard?.listen.key === one.listen.key ? wildcard.listen : one.listen);
  }
  return plans;
}

/** Who connects to an address cannot know which of its `listen` directives asks for a PROXY header: any of them does for all. */
function withHeaders(wanted: readonly Wanted[]): readonly Wanted[] {
  const keys = new Set(wanted.filter(({ listen }) => listen.proxyProtocol).map(({ listen }) => listen.key));
  return wanted.map((one) =>
    one.listen.proxyProtocol || !keys.has(one.listen.key)
      ? one
      : { ...one, listen: { ...one.listen, proxyProtocol: true } },
  );
}

function isWildcard(listen: Listen): boolean {
  return listen.host === '0.0.0.0' || listen.host === '::';
}

function samePort(a: Listen, b: Listen): boolean {
  return a.path === b.path && a.port === b.port;
}

function byLocalAddress(listens: readonly Listen[], socket: Socket): Listen {
  const local = plainAddress(socket.localAddress);
  return listens.find((listen) => listen.host === local) ?? listens[0]!;
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

/** Stops listening; resolves at once, since connections that go on would hold the close back. */
function closeServer(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
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
