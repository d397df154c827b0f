import type { Socket } from 'node:net';
import type { Block } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Door, Protocol, Wanted } from '../core/connections/listeners.ts';
import { Reception } from '../core/connections/reception.ts';
import type { Host, Prepared } from '../core/host.ts';
import { isIdle } from '../core/own-streams.ts';
import { Report } from '../core/reload/report.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Census, Committed, ReloadNote } from './carrier.ts';
import { crossCheck, placed } from './check.ts';
import { countSessions, keptOf, sessionsOf } from './sessions.ts';
import { holdYoungSpace } from './young-space.ts';

/** The protocols' hosts of one process. */
export type Hosts = Readonly<Record<Protocol, Host>>;

const SWEEP_MS = 1000;
/** How long the last bytes to those who are sent away may take at a stop, ms. */
const GOODBYE_MS = 500;

/** What serves clients in one process, be it the only one or a worker: the hosts, and all that belongs to them. */
export class Serving {
  readonly runtime: Runtime;
  readonly #hosts: Hosts;
  readonly #reception: Reception;
  #sweep: NodeJS.Timeout | undefined;

  constructor(runtime: Runtime, hosts: Hosts) {
    const { rtmp, http } = hosts;
    this.runtime = runtime;
    this.#hosts = hosts;
    this.#reception = new Reception(
      {
        rtmp: (socket, listen, peer) => rtmp.accept(socket, listen, peer),
        http: (socket, listen, peer) => http.accept(socket, listen, peer),
      },
      runtime.log,
    );
  }

  take(socket: Socket, door: Door, unread: boolean): void {
    this.#reception.take(socket, door, unread);
  }

  /** The addresses that a tree wants. */
  wanted(tree: Block): readonly Wanted[] {
    return placed(Object.values(this.#hosts).flatMap((host) => host.listens(tree)));
  }

  /** What a resolved tree still has wrong. */
  check(tree: Block): readonly Diagnostic[] {
    const hosts = Object.values(this.#hosts).flatMap((host) => host.check(tree));
    return [...hosts, ...crossCheck(tree, this.wanted(tree))];
  }

  /** What has to be prepared for a tree, one after another. */
  parts(tree: Block): readonly (() => Promise<Prepared>)[] {
    return Object.values(this.#hosts).map((host) => () => host.prepare(tree));
  }

  /** Applies what was prepared, in one turn. */
  commit(tree: Block, { commit }: Prepared): Committed {
    const { hub, reloads } = this.runtime;
    const before = sessionsOf(hub);
    const report = new Report();
    commit(report);
    reloads.start(tree);
    this.#sweep ??= setInterval(() => {
      hub.sweep(performance.now());
      holdYoungSpace();
    }, SWEEP_MS);
    return { report, ...keptOf(before, sessionsOf(hub)) };
  }

  note({ reason, applied, data }: ReloadNote): void {
    this.runtime.reloads.note(applied, data);
    this.runtime.hub.events.tell('reload', () => ({ reason, report: data }));
  }

  census(): Census {
    return { connections: this.#reception.connections, ...countSessions(this.runtime.hub) };
  }

  /** Whether nobody is connected, and nothing is under way that somebody has left behind. */
  get empty(): boolean {
    return this.#reception.connections === 0 && isIdle(this.runtime.hub);
  }

  /** Nobody comes any more, or people do again; whoever is here is served as before. */
  retire(retiring: boolean): void {
    for (const host of Object.values(this.#hosts)) host.retire?.(retiring);
  }

  drain(): void {
    this.#reception.close();
    for (const host of Object.values(this.#hosts)) host.drain();
  }

  async stop(): Promise<void> {
    const { hub, logFiles } = this.runtime;
    clearInterval(this.#sweep);
    this.#reception.close();
    hub.close('the server stops');
    for (const host of Object.values(this.#hosts)) host.close();
    await Promise.all([this.#goodbye(), hub.settled()]);
    await logFiles.flush();
  }

  async #goodbye(): Promise<void> {
    const end = performance.now() + GOODBYE_MS;
    while (this.#reception.connections > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
