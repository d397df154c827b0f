import { randomUUID } from 'node:crypto';
import { type Block, settingsOf } from '../config/block.ts';
import { atOnce, type Sliced } from '../config/slices.ts';
import { trimPieces } from '../media/pieces.ts';
import { Application } from './applications/application.ts';
import type { Elsewhere } from './applications/elsewhere.ts';
import { Events, type RelayStates } from './applications/events.ts';
import { liveTable } from './applications/live.ts';
import { Traffic } from './applications/traffic.ts';
import { successor } from './connections/listen-plan.ts';
import {
  changedServerSettings,
  ending,
  matchServers,
  serverStep,
  startStep,
  updateStep,
} from './hub-steps.ts';
import type { Logger } from './logs/log.ts';
import type { CallbackStatus } from './measures/callbacks.ts';
import type { ExecStatus } from './measures/execs.ts';
import { Measures } from './measures/measures.ts';
import { Registry } from './measures/registry.ts';
import type { ApplicationContext, Module, ServerContext } from './module.ts';
import type { Listen } from './net/addresses.ts';
import { Netcalls } from './net/netcall.ts';
import { isOwnAddress } from './net/own-address.ts';
import { chooseByName } from './net/server-names.ts';
import { carryOut, entryOf, type Step } from './reload/plan.ts';
import type { Outcome, Report } from './reload/report.ts';
import { labelOf, type Member, RtmpServer, type ServerSpec } from './server.ts';
import { type Listed, listed, type ServiceGround, type ServiceOwner, Services } from './services.ts';
import type { Audience } from './streams/flush.ts';
import { Tallies } from './workers/tallies.ts';
import { Viewers } from './workers/viewers.ts';
import { alone, type Workers } from './workers/workers.ts';

/** What is told to endpoints of the end of everything may take so long, ms. */
const LAST_CALLS_MS = 2000;

/** All RTMP servers and, through them, all applications and streams. Outside the configuration: reloads only reconcile it. */
export class Hub {
  readonly audience: Audience;
  /** Tells this server from all others. */
  readonly identity: string;
  /** What callbacks came to, for statistics. */
  readonly callbacks = new Registry<CallbackStatus>();
  /** Calls to endpoints outside; they outlive the services that make them. */
  readonly netcalls = new Netcalls();
  /** What clients do, for those who watch. */
  readonly events: Events;
  /** Connections that carry streams. */
  readonly traffic = new Traffic();
  /** What parts of the server count and time of their own work. */
  readonly measures: Measures;
  /** The programs that the configuration runs. */
  readonly execs = new Registry<ExecStatus>();
  /** The processes that serve together. */
  readonly workers: Workers;
  /** What limits hold for, counted over all of them. */
  readonly tallies: Tallies;
  /** Those who fetch streams as files, in all of them. */
  readonly viewers: Viewers;
  readonly #log: Logger;
  #clients = 0;
  #servers: readonly RtmpServer[] = [];
  readonly #serverServices = new WeakMap<RtmpServer, Services<ServerContext>>();
  readonly #unfinished = new Set<Promise<unknown>>();
  readonly #files = new Set<Promise<unknown>>();

  readonly #elsewhere: Elsewhere | undefined;

  constructor(
    audience: Audience,
    log: Logger,
    workers: Workers = alone,
    measures = new Measures(),
    elsewhere?: Elsewhere,
  ) {
    this.#elsewhere = elsewhere;
    this.identity = elsewhere?.identity ?? randomUUID();
    this.audience = audience;
    this.measures = measures;
    this.workers = workers;
    this.tallies = new Tallies(workers);
    this.viewers = new Viewers(workers);
    this.events = new Events(workers, () => relayStates(this.applications()));
    this.#log = log;
  }

  get servers(): readonly RtmpServer[] {
    return this.#servers;
  }

  *applications(): Iterable<Application> {
    for (const server of this.#servers)
      for (const member of server.members.values()) yield member.application;
  }

  /**
   * The server that a connection to a listen address belongs to, `local` being its own address; `host` is null before it
   * is known.
   */
  choose(listen: Listen, local: string | undefined, host: string | null): RtmpServer | undefined {
    const all = this.#servers.flatMap(({ spec }) => spec.listens);
    const key = successor(all, listen, local)?.key;
    const candidates = this.#servers.filter((s) => s.spec.listens.some((l) => l.key === key));
    return pick(candidates, (l) => l.key === key, host);
  }

  /** The server that listens on a port of any address, as HTTP-FLV asks for it. */
  chooseByPort(port: number, host: string | null): RtmpServer | undefined {
    const candidates = this.#servers.filter((s) => s.spec.listens.some((l) => l.port === port));
    return pick(candidates, (l) => l.port === port, host);
  }

  /** The server that a connection of this process to `host` and `port` would come to; undefined where to another process. */
  chooseOwn(host: string, port: number): RtmpServer | undefined {
    const here = (listen: Listen): boolean => isOwnAddress(listen, host, port);
    return pick(
      this.#servers.filter((server) => server.spec.listens.some(here)),
      here,
      host,
    );
  }

  /** The number of a new client; where several workers serve, its last two digits tell by which. */
  nextClientId(): number {
    this.#clients += 1;
    return this.workers === alone ? this.#clients : this.#clients * 100 + this.workers.index;
  }

  /** Brings servers, applications and their services in step with a new configuration. Cannot fail. */
  commit(
    specs: readonly ServerSpec[],
    modules: readonly Module[],
    ground: ServiceGround,
    report: Report,
  ): void {
    carryOut(atOnce(this.plan(specs, modules, ground)), report);
  }

  /** The steps from what runs to a new configuration. They hold until the next change of what runs. */
  *plan(
    specs: readonly ServerSpec[],
    modules: readonly Module[],
    ground: ServiceGround,
  ): Sliced<readonly Step[]> {
    const matches = matchServers(this.#servers, specs);
    const forServers = listed(modules, 'server');
    const forApplications = listed(modules, 'application');
    const next: RtmpServer[] = [];
    const steps: Step[] = [];
    for (const spec of specs) {
      const known = matches.get(spec);
      const server = known ?? new RtmpServer(spec);
      next.push(server);
      const label = labelOf(spec);
      steps.push(
        serverStep(
          server,
          spec,
          known === undefined ? null : changedServerSettings(known.spec, spec, modules),
        ),
        ...this.#servicesOf(server).plan(known?.spec.block, spec.block, label, forServers, ground),
      );
      yield* this.#planApplications(steps, server, spec, label, forApplications, ground);
    }
    const gone = this.#servers.filter((server) => !next.includes(server));
    for (const server of gone) {
      for (const name of server.members.keys()) steps.push(this.#removal(server, name));
      const take = (): undefined => {
        server.close();
        this.#closeServices(server);
      };
      steps.push({ entry: { kind: 'server', name: server.label, outcome: 'closed' }, take });
    }
    const last = steps.pop();
    if (last === undefined) return [];
    const take = (): Outcome | undefined => {
      const outcome = last.take?.();
      this.#servers = next;
      return outcome;
    };
    return [...steps, { ...last, take }];
  }

  *#planApplications(
    steps: Step[],
    server: RtmpServer,
    spec: ServerSpec,
    label: string,
    services: readonly Listed[],
    ground: ServiceGround,
  ): Sliced<void> {
    const wanted = new Set(spec.applications.map((block) => block.key));
    for (const name of server.members.keys()) {
      if (!wanted.has(name)) steps.push(this.#removal(server, name));
    }
    for (const block of spec.applications) {
      const name = `${label}/${block.key}`;
      const running = server.members.get(block.key);
      const member = running ?? this.#member(label, block);
      const first =
        running === undefined
          ? startStep(server, member, name, block)
          : updateStep(running, name, label, block);
      steps.push(first, ...member.services.plan(running?.block, block, name, services, ground));
      yield;
    }
  }

  #member(label: string, block: Block): Member {
    const log = this.#log.child({ app: block.key });
    const settings = settingsOf(block, liveTable);
    const application = new Application(
      label,
      block.key,
      settings,
      this.audience,
      log,
      this.identity,
      this.#elsewhere,
    );
    application.observe(this.events.observer(application));
    return { application, block, services: new Services(applicationOwner(this, application, log)) };
  }

  #removal(server: RtmpServer, name: string): Step {
    const { application, services } = server.members.get(name)!;
    return {
      entry: entryOf(
        { kind: 'application', name: `${server.label}/${name}`, outcome: 'closed' },
        ending(application),
      ),
      recount: () => ending(application),
      take: () => {
        server.members.delete(name);
        application.close('the application was removed');
        services.close();
        return undefined;
      },
    };
  }

  #servicesOf(server: RtmpServer): Services<ServerContext> {
    const known = this.#serverServices.get(server);
    if (known !== undefined) return known;
    const services = new Services(serverOwner(this, server, this.#log));
    this.#serverServices.set(server, services);
    return services;
  }

  #closeServices(server: RtmpServer): void {
    this.#serverServices.get(server)?.close();
    this.#serverServices.delete(server);
  }

  /** Once a second. */
  sweep(now: number): void {
    this.audience.measure();
    trimPieces();
    this.traffic.sweep(now);
    for (const application of this.applications()) application.sweep(now);
  }

  /** The process waits at its stop until this has settled, which must take seconds at most. */
  outlast(work: Promise<unknown>): void {
    const kept = work.catch(() => undefined).finally(() => this.#unfinished.delete(kept));
    this.#unfinished.add(kept);
  }

  /** As `outlast`, for a file that endpoints are told of when it is closed. */
  outlastFile(work: Promise<unknown>): void {
    this.outlast(work);
    const kept = work.catch(() => undefined).finally(() => this.#files.delete(kept));
    this.#files.add(kept);
  }

  /** Whether something that `outlast` was told of is not over. */
  get settling(): boolean {
    return this.#unfinished.size > 0;
  }

  /** Resolves when all that `outlast` was told of is over. */
  async settled(): Promise<void> {
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished);
  }

  /** Ends every stream and service. */
  close(reason: string): void {
    for (const server of this.#servers) {
      for (const { application, services } of server.members.values()) {
        application.close(reason);
        services.close();
      }
      server.members.clear();
      server.close();
      this.#closeServices(server);
    }
    this.#servers = [];
    // What is told of files that end now is among the last calls.
    this.outlast(Promise.all(this.#files).then(() => this.netcalls.close(LAST_CALLS_MS)));
  }
}

function relayStates(applications: Iterable<Application>): RelayStates {
  const found = [...applications].flatMap(({ server, name: app, relays }) =>
    relays.list().map((relay) => {
      const key = JSON.stringify([server, app, relay.direction, relay.stream, relay.url]);
      return [key, { ...relay, server, app }] as const;
    }),
  );
  return new Map(found);
}

function applicationOwner(hub: Hub, application: Application, log: Logger): ServiceOwner<ApplicationContext> {
  return {
    log,
    context: (base, order) => ({
      ...base,
      application,
      hub,
      gate: (gate) => base.own(application.gates.add(order, gate)),
      limit: (limit) => base.own(application.gates.addLimit(order, limit)),
      origin: (origin) => base.own(application.origins.add(order, origin)),
      observe: (observer) => base.own(application.observe(observer)),
      forEachStream: (task) => base.own(application.forEachStream(task)),
    }),
  };
}

function serverOwner(hub: Hub, server: RtmpServer, log: Logger): ServiceOwner<ServerContext> {
  return {
    log,
    context: (base, order) => ({
      ...base,
      server,
      hub,
      gate: (gate) => base.own(server.gates.add(order, gate)),
      limit: (limit) => base.own(server.gates.addLimit(order, limit)),
      observe: (observer) => base.own(server.observe(observer)),
    }),
  };
}

function pick(
  candidates: readonly RtmpServer[],
  here: (listen: Listen) => boolean,
  host: string | null,
): RtmpServer | undefined {
  const named = host === null ? undefined : chooseByName(candidates, host);
  if (named !== undefined) return named;
  return candidates.find((s) => s.spec.listens.some((l) => here(l) && l.defaultServer)) ?? candidates[0];
}
