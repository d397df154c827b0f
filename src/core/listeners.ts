import { unlinkSync } from 'node:fs';
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Position } from '../config/errors.ts';
import type { Listen } from './addresses.ts';
import { mostConnections } from './descriptors.ts';
import { byLocalAddress, type Plan, planSockets, samePort } from './listen-plan.ts';
import type { Logger } from './log.ts';
import { isGone, type Peer, peerOf, takeProxyHeader } from './peer.ts';
import { carryOut, type Step } from './plan.ts';
import type { Report } from './report.ts';
import { withSharedRead } from './shared-read.ts';
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

/** How often it is told that connections are turned away, ms. */
const TURNED_AWAY_MS = 10_000;

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

/** What `prepare` made ready: `commit` or `undo` is called, once. */
export interface PreparedListeners {
  plan(): readonly Step[];
  commit(report: Report): void;
  undo(): Promise<void>;
}

/** The listening sockets of the process. Binding, which may fail, is apart from the commit, which cannot. */
export class Listeners {
  readonly #log: Logger;
  readonly #accept: Readonly<Record<Protocol, Accept>>;
  #bound = new Map<string, Bound>();
  #connections = 0;
  readonly #most: number;
  #turnedAway = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Those whose PROXY header has not come yet. */
  readonly #nameless = new Set<Socket>();

  /** More than `most` connections are not taken. */
  constructor(accept: Readonly<Record<Protocol, Accept>>, log: Logger, most = mostConnections()) {
    this.#accept = accept;
    this.#log = log;
    this.#most = most;
  }

  get addresses(): readonly string[] {
    return [...this.#bound.keys()];
  }

  /** Connections taken that are still open, also those of addresses no longer listened on. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Binds what is new. Throws BindError and leaves everything as it was when an address cannot be had. On trial, to be
   * undone in any case, nobody is taken at the new addresses, and those that would first have to be let go are not tried.
   */
  async prepare(wanted: readonly Wanted[], trial = false): Promise<PreparedListeners> {
    const plans = planSockets(wanted);
    const fresh: Bound[] = [];
    const yielded: Bound[] = [];
    const undo = async (): Promise<void> => {
      await Promise.all(fresh.map((bound) => closeServer(bound.server)));
      for (const bound of yielded) await this.#rebind(bound);
    };
    try {
      for (const one of plans.values()) {
        if (this.#serves(one)) continue;
        const { lead, key, listens } = one;
        if (trial && this.#mayNotTry(lead.listen)) continue;
        // An address we hold ourselves under another form (a wildcard, another protocol) must be let go first.
        for (const other of this.#bound.values()) {
          if (!samePort(other.listens[0]!, lead.listen) || !other.server.listening) continue;
          if (plans.get(other.key)?.lead.protocol === other.protocol) continue;
          await closeServer(other.server);
          yielded.push(other);
        }
        fresh.push(await this.#bind(lead, key, listens, trial));
      }
    } catch (error) {
      await undo();
      throw error;
    }
    const steps = (): readonly Step[] => this.#steps(plans, fresh);
    return { plan: steps, undo, commit: (report) => carryOut(steps(), report) };
  }

  #steps(plans: ReadonlyMap<string, Plan>, fresh: readonly Bound[]): readonly Step[] {
    const bound = new Map<string, Bound>();
    const started: Step[] = [];
    const others: Step[] = [];
    for (const key of plans.keys()) {
      if (this.#serves(plans.get(key)!)) continue;
      const one = fresh.find((candidate) => candidate.key === key);
      if (one !== undefined) bound.set(key, one);
      started.push({ entry: { kind: 'listen', name: key, outcome: 'started' } });
    }
    for (const [key, running] of this.#bound) {
      const next = plans.get(key);
      if (next === undefined) {
        const take = (): undefined => void running.server.close();
        others.push({ entry: { kind: 'listen', name: key, outcome: 'closed' }, take });
      } else if (this.#serves(next)) {
        bound.set(key, running);
        others.push(keptStep(running, next));
      }
    }
    const [first, ...rest] = [...started, ...others];
    if (first === undefined) return [];
    const take = (): undefined => {
      this.#bound = bound;
      first.take?.();
    };
    return [{ ...first, take }, ...rest];
  }

  /** Whether a socket that is wanted is there already. */
  #serves({ key, lead }: Plan): boolean {
    const running = this.#bound.get(key);
    return running?.protocol === lead.protocol && running.server.listening;
  }

  /** Stops accepting everywhere; connections live on. */
  close(): void {
    for (const { server } of this.#bound.values()) server.close();
    for (const socket of this.#nameless) socket.destroy();
    this.#bound.clear();
  }

  /** Trying an address of our own would refuse its clients, and a unix socket would stand where another may be. */
  #mayNotTry(listen: Listen): boolean {
    return (
      listen.path !== '' || [...this.#bound.values()].some((other) => samePort(other.listens[0]!, listen))
    );
  }

  async #bind(wanted: Wanted, key: string, listens: readonly Listen[], trial: boolean): Promise<Bound> {
    const { listen, protocol } = wanted;
    const server = createServer({ noDelay: true });
    const bound: Bound = { key, protocol, server, listens };
    server.on('connection', (socket) => (trial ? resetSocket(socket) : this.#connected(bound, socket)));
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

  #connected(bound: Bound, accepted: Socket): void {
    // HTTP is read by Node itself, and a proxy's header is taken off the stream's queue.
    const loaned = bound.protocol === 'rtmp' && !bound.listens.some((listen) => listen.proxyProtocol);
    const socket = loaned ? withSharedRead(accepted) : accepted;
    // An error between here and the protocol's own handlers must not bring the process down.
    socket.on('error', () => undefined);
    if (this.#connections >= this.#most) {
      this.#turnAway(socket);
      return;
    }
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

  /** Lets a connection go for which there is no room, and tells of all such ones now and then. */
  #turnAway(socket: Socket): void {
    resetSocket(socket);
    this.#turnedAway += 1;
    const now = performance.now();
    if (now - this.#toldAt < TURNED_AWAY_MS) return;
    this.#log.error(
      { connections: this.#connections, turnedAway: this.#turnedAway },
      'no room for more connections: raise LimitNOFILE= of systemd or ulimit -n',
    );
    this.#toldAt = now;
    this.#turnedAway = 0;
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

function keptStep(running: Bound, next: Plan): Step {
  const { key, listens } = next;
  const backlog = running.listens[0]!.backlog !== listens[0]!.backlog;
  return {
    entry: { kind: 'listen', name: key, outcome: 'kept' },
    ...(backlog ? { restartNeeded: [`backlog of listen ${key}`] } : {}),
    take: () => {
      running.listens = listens;
      return undefined;
    },
  };
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
