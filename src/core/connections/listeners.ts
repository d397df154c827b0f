import { createServer, type Server, type Socket } from 'node:net';
import type { Position } from '../../config/errors.ts';
import type { Logger } from '../logs/log.ts';
import { type Listen, plainAddress } from '../net/addresses.ts';
import { carryOut, type Step } from '../reload/plan.ts';
import type { Report } from '../reload/report.ts';
import { BindError, bindTo } from './bind.ts';
import { covers, type Plan, planSockets, samePort } from './listen-plan.ts';
import { isGone } from './peer.ts';
import { resetSocket } from './sink.ts';

export type Protocol = 'rtmp' | 'http';

/** An address that the configuration wants to listen on. */
export interface Wanted {
  readonly listen: Listen;
  readonly protocol: Protocol;
  /** Where the directive stands, for errors. */
  readonly at: Position;
}

/** What connections to an address are for; plain data. */
export interface Door {
  readonly listen: Listen;
  readonly protocol: Protocol;
}

/** Takes a connection. `unread`: nothing of it has been read yet, nor will be before this returns. */
export type Take = (socket: Socket, door: Door, unread: boolean) => void;

/** Connections to one socket that may wait for a configuration to be in force. */
const MOST_HELD = 4096;

/** One bound socket. What it serves changes with reloads: it is let go only where no address wanted can be had by it. */
interface Bound {
  /** Where it is bound, whatever it serves by now. */
  readonly listen: Listen;
  readonly server: Server;
  services: readonly Door[];
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
  readonly #take: Take;
  readonly #paused: boolean;
  #bound = new Map<string, Bound>();
  /** Bound for a configuration that is not in force yet. */
  #fresh = new Set<Bound>();

  /** `paused`: connections come unread, to be handed to another process. */
  constructor(take: Take, log: Logger, paused = false) {
    this.#take = take;
    this.#log = log;
    this.#paused = paused;
  }

  get addresses(): readonly string[] {
    return [...this.#bound.keys()];
  }

  /** Connections that wait for the configuration that they came for to be in force. */
  get held(): number {
    return [...this.#fresh].reduce((sum, { held }) => sum + (held?.length ?? 0), 0);
  }

  /**
   * Binds what is new. Throws BindError and leaves everything as it was when an address cannot be had. On trial, to be
   * undone in any case, nobody is taken at the new addresses, and those that would first have to be let go are not tried.
   */
  async prepare(wanted: readonly Wanted[], trial = false): Promise<PreparedListeners> {
    const plans = planSockets(wanted);
    const next = new Map<string, Bound>();
    const fresh = new Set<Bound>();
    this.#fresh = fresh;
    const undo = (): Promise<void> => this.#undo(fresh);
    try {
      for (const [key, { lead }] of plans) {
        const running = this.#holds(key, lead.listen);
        if (running !== undefined) next.set(key, running);
      }
      const kept = new Set(next.values());
      const inTheWay = ({ listen }: Wanted): readonly Bound[] =>
        [...this.#bound.values()].filter((other) => samePort(other.listen, listen) && !kept.has(other));
      const missing = [...plans].filter(([key, { lead }]) => {
        return !next.has(key) && !(trial && this.#mayNotTry(lead.listen));
      });
      // Nothing is let go for an attempt that fails for another reason.
      missing.sort(([, a], [, b]) => Math.sign(inTheWay(a.lead).length) - Math.sign(inTheWay(b.lead).length));
      for (const [key, { lead }] of missing) {
        const bound = await this.#bind(lead, trial, inTheWay(lead));
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

  /** Who has come to a socket meanwhile is for the one that it took the place of, if any. */
  async #undo(fresh: Iterable<Bound>): Promise<void> {
    for (const bound of fresh) bound.server.close();
    for (const bound of this.#bound.values()) if (!bound.server.listening) await this.#rebind(bound);
    for (const bound of fresh) {
      const before = [...this.#bound.values()].find((other) => samePort(other.listen, bound.listen));
      for (const socket of bound.held ?? []) {
        if (before === undefined) resetSocket(socket);
        else this.#give(before, socket, this.#paused);
      }
    }
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
    return first === undefined ? [] : [{ ...first, take: () => this.#turn(plans, next) }, ...rest];
  }

  #turn(plans: ReadonlyMap<string, Plan>, next: ReadonlyMap<string, Bound>): undefined {
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
    this.#bound.clear();
  }

  /** Trying an address of our own would refuse its clients, and a unix socket would stand where another may be. */
  #mayNotTry(listen: Listen): boolean {
    return listen.path !== '' || [...this.#bound.values()].some((other) => samePort(other.listen, listen));
  }

  /** Lets go of those of our own sockets that stand in the way: nothing can be had beside them. */
  async #bind({ listen, at }: Wanted, trial: boolean, unused: readonly Bound[]): Promise<Bound> {
    const server = createServer({ noDelay: true, pauseOnConnect: this.#paused });
    const bound: Bound = { listen, server, services: [], held: [] };
    server.on('connection', (socket) => (trial ? resetSocket(socket) : this.#connected(bound, socket)));
    try {
      await bindTo(
        server,
        listen,
        unused.map((other) => other.server),
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

  #connected(bound: Bound, socket: Socket): void {
    if (bound.held === null) {
      this.#give(bound, socket, true);
      return;
    }
    socket.on('error', () => undefined);
    if (bound.held.length < MOST_HELD) bound.held.push(socket);
    else resetSocket(socket);
  }

  /** Those that came for a configuration that is now in force. */
  #release(bound: Bound): void {
    const { held } = bound;
    bound.held = null;
    for (const socket of held ?? []) this.#give(bound, socket, this.#paused);
  }

  #give(bound: Bound, socket: Socket, unread: boolean): void {
    const door = serviceOf(bound, socket);
    if (door === undefined) resetSocket(socket);
    else if (socket.destroyed || isGone(socket, bound.listen)) socket.destroy();
    else this.#take(socket, door, unread);
  }
}

/** What a connection to a socket came for; undefined where a reload has left the socket with other addresses than its. */
function serviceOf({ listen, services }: Bound, socket: Socket): Door | undefined {
  const [first] = services;
  const same = (one: Door): boolean => one.listen.key === listen.key;
  if (services.length === 1 && same(first!)) return first;
  const local = plainAddress(socket.localAddress);
  return services.find((one) => one.listen.host === local) ?? services.find(same);
}

function keptStep(running: Door, { key, lead }: Plan): Step {
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
