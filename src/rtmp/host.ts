import type { Socket } from 'node:net';
import type { Block } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import { inSlices } from '../config/slices.ts';
import type { Wanted } from '../core/connections/listeners.ts';
import type { Peer } from '../core/connections/peer.ts';
import type { Host, Prepared } from '../core/host.ts';
import type { Module } from '../core/module.ts';
import type { Listen } from '../core/net/addresses.ts';
import { carryOut } from '../core/reload/plan.ts';
import type { Runtime } from '../core/runtime.ts';
import { checkRtmp, rtmpWanted, serverSpecs } from './check.ts';
import { Connection } from './connection.ts';

/** The RTMP side of the server. */
export class RtmpHost implements Host {
  readonly #runtime: Runtime;
  readonly #modules: readonly Module[];
  readonly #connections = new Set<Connection>();
  /** Those whose connect command had not come when they were last looked at, oldest first. */
  readonly #early = new Set<Connection>();

  constructor(runtime: Runtime, modules: readonly Module[]) {
    this.#runtime = runtime;
    this.#modules = modules;
  }

  /** Connections that are open, in any state. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  check(tree: Block): readonly Diagnostic[] {
    return [...checkRtmp(tree), ...this.#modules.flatMap((module) => module.check?.(tree) ?? [])];
  }

  listens(tree: Block): readonly Wanted[] {
    return rtmpWanted(tree);
  }

  async prepare(tree: Block): Promise<Prepared> {
    const specs = serverSpecs(tree);
    const { hub, files, logFiles, prefix } = this.#runtime;
    const steps = await inSlices(hub.plan(specs, this.#modules, { files, logFiles, prefix }));
    return {
      plan: () => steps,
      commit: (report) => {
        carryOut(steps, report);
        for (const connection of [...this.#connections]) connection.reconsider();
      },
      undo: () => undefined,
    };
  }

  accept(socket: Socket, listen: Listen, peer: Peer): void {
    const connection = new Connection(socket, listen, peer, this.#runtime, () => {
      this.#connections.delete(connection);
      this.#early.delete(connection);
      uncount();
    });
    this.#connections.add(connection);
    const uncount = this.#runtime.hub.traffic.add(connection);
    this.#early.add(connection);
    this.#makeRoom(connection.settings.max_handshakes);
  }

  /** Of too many that have come and not said what they want, those go that have had the most time to. */
  #makeRoom(most: number): void {
    if (this.#early.size <= most) return;
    for (const connection of this.#early) if (!connection.early) this.#early.delete(connection);
    for (const connection of this.#early) {
      if (this.#early.size <= most) return;
      this.#early.delete(connection);
      connection.close('too many others are in their handshake', 'crowded');
    }
  }

  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  close(): void {
    for (const connection of [...this.#connections]) connection.close('the server stops');
  }
}
