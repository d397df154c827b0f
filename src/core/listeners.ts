import { createServer, type Server, type Socket } from 'node:net';
import type { Position } from '../config/errors.ts';
import { type Listen, plainAddress } from './addresses.ts';
import { BindError, bindTo } from './bind.ts';
import { mostConnections } from './descriptors.ts';
import { covers, type Plan, planSockets, samePort } from './listen-plan.ts';
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

/** What connections to an address are for. */
interface Service {
  readonly listen: Listen;
  readonly protocol: Protocol;
}

/** One bound socket. What it serves changes with reloads: it is let go only where no address wanted can be had by it. */
interface Bound {
  /** Where it is bound, whatever it serves by now. */
  readonly listen: Listen;
  readonly server: Server;
  services: readonly Service[];
  /** Connections taken before the configuration that they are for is in force; null once it is. */
  held: Socket[] | null;
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
    const next = new Map<string, Bound>();
    const fresh = new Set<Bound>();
    const yielded: Bound[] = [];
    const undo = async (): Promise<void> => {
      for (const bound of fresh) closeServer(bound);
      for (const bound of yielded) await this.#rebind(bound);
    };
    try {
      for (const [key, { lead }] of plans) {
        const running = this.#holds(key, lead.listen);
        if (running !== undefined) next.set(key, running);
      }
      for (const [key, { lead }] of plans) {
        if (next.has(key) || (trial && this.#mayNotTry(lead.listen))) continue;
        const unused = [...this.#bound.values()].filter(
          (other) => samePort(other.listen, lead.listen) && ![...next.values()].includes(other),
        );
        const bound = await this.#bind(lead, trial, unused, yielded);
        next.set(key, bound);
        fresh.add(bound);
      }
    } catch (error) {
      await undo();
      throw error;
    }
    const steps = (): readonly Step[] => this.#steps(plans, next);
    return { plan: steps, undo, commit: (report) => carryOut(steps(), report) };
  }

  /** The socket that is there already for an address: its own, or one of all addresses, which goes on with fewer. */
  #holds(key: string, listen: Listen): Bound | undefined {
    return [this.#bound.get(key), ...this.#bound.values()].find(
      (bound) => bound?.server.listening === true && covers(bound.listen, listen),
    );
  }

  #steps(plans: ReadonlyMap<string, Plan>, next: ReadonlyMap<string, Bound>): readonly Step[] {
    const before = this.#bound;
    const started: Step[] = [];
    const others: Step[] = [];
    for (const [key, plan] of plans) {
      const running = before.get(key)?.services.find(({ listen }) => listen.key === key);
      const kept = before.get(key) === next.get(key) && running?.protocol === plan.lead.protocol;
      if (kept) others.push(keptStep(running, plan));
      else started.push({ entry: { kind: 'listen', name: key, outcome: 'started' } });
    }
    for (const key of before.keys()) {
      if (!plans.has(key)) others.push({ entry: { kind: 'listen', name: key, outcome: 'closed' } });
    }
    const [first, ...rest] = [...started, ...others];
    return first === undefined ? [] : [{ ...first, take: () => this.#take(plans, next) }, ...rest];
  }

  #take(plans: ReadonlyMap<string, Plan>, next: ReadonlyMap<string, Bound>): undefined {
    const used = new Set(next.values());
    for (const bound of this.#bound.values()) if (!used.has(bound)) closeServer(bound);
    for (const bound of used) bound.services = [];
    for (const [key, bound] of next) {
      const { lead, listens } = plans.get(key)!;
      const services = listens.map((listen) => ({ listen, protocol: lead.protocol }));
      bound.services = [...bound.services, ...services];
    }
    this.#bound = new Map(next);
    // Behind the rest of this turn, in which the protocols take up the configuration.
    queueMicrotask(() => {
      for (const bound of used) this.#release(bound);
    });
  }

  /** Stops accepting everywhere; connections live on. */
  close(): void {
    for (const bound of this.#bound.values()) closeServer(bound);
    for (const socket of this.#nameless) socket.destroy();
    this.#bound.clear();
  }

  /** Trying an address of our own would refuse its clients, and a unix socket would stand where another may be. */
  #mayNotTry(listen: Listen): boolean {
    return listen.path !== '' || [...this.#bound.values()].some((other) => samePort(other.listen, listen));
  }

  /** Lets go of those of our own sockets that stand in the way, which `yielded` then holds; nothing can be had beside them. */
  async #bind(
    { listen, at }: Wanted,
    trial: boolean,
    unused: readonly Bound[],
    yielded: Bound[],
  ): Promise<Bound> {
    const server = createServer({ noDelay: true });
    const bound: Bound = { listen, server, services: [], held: [] };
    server.on('connection', (socket) => (trial ? resetSocket(socket) : this.#connected(bound, socket)));
    try {
      await bindTo(
        server,
        listen,
        unused.length === 0
          ? undefined
          : () => {
              for (const other of unused) other.server.close();
              yielded.push(...unused);
            },
      );
    } catch (error) {
      throw new BindError(listen.key, at, error as NodeJS.ErrnoException);
    }
    server.on('error', (error) => this.#log.error({ listen: listen.key, err: error }, 'a listener failed'));
    return bound;
  }

  async #rebind(bound: Bound): Promise<void> {
    try {
      await bindTo(bound.server, bound.listen);
    } catch (error) {
      this.#log.error({ listen: bound.listen.key, err: error }, 'an address could not be taken back');
    }
  }

  #connected(bound: Bound, accepted: Socket): void {
    const service = bound.held === null ? serviceOf(bound, accepted) : undefined;
    // HTTP is read by Node itself, and a proxy's header is taken off the stream's queue.
    const loaned = service?.protocol === 'rtmp' && !service.listen.proxyProtocol;
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
    if (bound.held === null) this.#greet(bound, socket, service);
    else bound.held.push(socket);
  }

  /** Those that came for a configuration that is now in force. */
  #release(bound: Bound): void {
    const { held } = bound;
    bound.held = null;
    for (const socket of held ?? []) this.#greet(bound, socket, serviceOf(bound, socket));
  }

  #greet(bound: Bound, socket: Socket, service: Service | undefined): void {
    if (service === undefined) {
      resetSocket(socket);
      return;
    }
    const { listen, protocol } = service;
    if (socket.destroyed || isGone(socket, bound.listen)) {
      socket.destroy();
      return;
    }
    if (listen.keepalive !== null) {
      socket.setKeepAlive(true, listen.keepalive.idle === null ? undefined : listen.keepalive.idle * 1000);
    }
    if (!listen.proxyProtocol) {
      this.#hand(protocol, socket, listen, peerOf(socket));
      return;
    }
    this.#nameless.add(socket);
    takeProxyHeader(
      socket,
      (peer) => {
        this.#nameless.delete(socket);
        this.#hand(protocol, socket, listen, peer);
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

  #hand(protocol: Protocol, socket: Socket, listen: Listen, peer: Peer): void {
    try {
      this.#accept[protocol](socket, listen, peer);
    } catch (error) {
      this.#log.error({ listen: listen.key, err: error }, 'a connection could not be taken');
      socket.destroy();
    }
  }
}

/** What a connection to a socket came for; undefined where a reload has left the socket with other addresses than its. */
function serviceOf({ listen, services }: Bound, socket: Socket): Service | undefined {
  const [first] = services;
  const same = (one: Service): boolean => one.listen.key === listen.key;
  if (services.length === 1 && same(first!)) return first;
  const local = plainAddress(socket.localAddress);
  return services.find((one) => one.listen.host === local) ?? services.find(same);
}

function keptStep(running: Service, { key, lead }: Plan): Step {
  const backlog = running.listen.backlog !== lead.listen.backlog;
  return {
    entry: { kind: 'listen', name: key, outcome: 'kept' },
    ...(backlog ? { restartNeeded: [`backlog of listen ${key}`] } : {}),
  };
}

/** Stops listening. Connections taken go on, but for those that nothing was there for yet. */
function closeServer({ server, held }: Bound): void {
  server.close();
  for (const socket of held ?? []) resetSocket(socket);
}
