import { randomUUID } from 'node:crypto';
import { settingsOf } from '../config/block.ts';
import type { Listen } from './addresses.ts';
import { Application } from './application.ts';
import type { CallbackStatus } from './callbacks.ts';
import { Events } from './events.ts';
import type { ExecStatus } from './execs.ts';
import type { Audience } from './flush.ts';
import { liveTable } from './live.ts';
import type { Logger } from './log.ts';
import type { ApplicationContext, Module, ServerContext } from './module.ts';
import { Netcalls } from './netcall.ts';
import { isOwnAddress } from './own-address.ts';
import { Registry } from './registry.ts';
import type { Report } from './report.ts';
import { RtmpServer, type ServerSpec } from './server.ts';
import { chooseByName } from './server-names.ts';
import {
  changedSettings,
  type Listed,
  listed,
  type ServiceGround,
  type ServiceOwner,
  Services,
} from './services.ts';
import { Traffic } from './traffic.ts';

/** What is told to endpoints of the end of everything may take so long, ms. */
const LAST_CALLS_MS = 2000;

/** All RTMP servers and, through them, all applications and streams. Outside the configuration: reloads only reconcile it. */
export class Hub {
  readonly audience: Audience;
  /** Tells this process from all others, to other servers. */
  readonly identity = randomUUID();
  /** What callbacks came to, for statistics. */
  readonly callbacks = new Registry<CallbackStatus>();
  /** Calls to endpoints outside; they outlive the services that make them. */
  readonly netcalls = new Netcalls();
  /** What clients do, for those who watch. */
  readonly events = new Events();
  /** Connections that carry streams. */
  readonly traffic = new Traffic();
  /** The programs that the configuration runs. */
  readonly execs = new Registry<ExecStatus>();
  readonly #log: Logger;
  #clients = 0;
  #servers: readonly RtmpServer[] = [];
  readonly #serverServices = new Map<RtmpServer, Services<ServerContext>>();
  readonly #unfinished = new Set<Promise<unknown>>();

  constructor(audience: Audience, log: Logger) {
    this.audience = audience;
    this.#log = log;
  }

  get servers(): readonly RtmpServer[] {
    return this.#servers;
  }

  *applications(): Iterable<Application> {
    for (const server of this.#servers)
      for (const member of server.members.values()) yield member.application;
  }

  /** The server that a connection to a listen address belongs to; `host` is null before it is known. */
  choose(listenKey: string, host: string | null): RtmpServer | undefined {
    const candidates = this.#servers.filter((s) => s.spec.listens.some((l) => l.key === listenKey));
    return pick(candidates, (l) => l.key === listenKey, host);
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

  /** The number of a new client. */
  nextClientId(): number {
    this.#clients += 1;
    return this.#clients;
  }

  /** Brings servers, applications and their services in step with a new configuration. Cannot fail. */
  commit(
    specs: readonly ServerSpec[],
    modules: readonly Module[],
    ground: ServiceGround,
    report: Report,
  ): void {
    const matches = matchServers(this.#servers, specs);
    const servers: RtmpServer[] = [];
    const forServers = listed(modules, 'server');
    const forApplications = listed(modules, 'application');
    for (const spec of specs) {
      const known = matches.get(spec);
      const server = known ?? new RtmpServer(spec);
      const changed = known === undefined ? [] : changedServerSettings(known.spec, spec, modules);
      server.spec = spec;
      servers.push(server);
      report.add({
        kind: 'server',
        name: server.label,
        outcome: known === undefined ? 'started' : changed.length > 0 ? 'updated' : 'kept',
        ...(changed.length > 0 ? { changed } : {}),
      });
      this.#servicesOf(server).reconcile(spec.block, forServers, ground, report);
      this.#commitApplications(server, spec, forApplications, ground, report);
    }
    const kept = new Set(servers);
    for (const gone of this.#servers.filter((server) => !kept.has(server))) {
      for (const name of [...gone.members.keys()]) this.#remove(gone, name, report);
      gone.close();
      this.#closeServices(gone);
      report.add({ kind: 'server', name: gone.label, outcome: 'closed' });
    }
    this.#servers = servers;
  }

  #commitApplications(
    server: RtmpServer,
    spec: ServerSpec,
    services: readonly Listed[],
    ground: ServiceGround,
    report: Report,
  ): void {
    const wanted = new Set(spec.applications.map((block) => block.key));
    for (const name of [...server.members.keys()]) if (!wanted.has(name)) this.#remove(server, name, report);
    for (const block of spec.applications) {
      const settings = settingsOf(block, liveTable);
      const label = `${server.label}/${block.key}`;
      let member = server.members.get(block.key);
      if (member === undefined) {
        const log = this.#log.child({ app: block.key });
        const application = new Application(
          server.label,
          block.key,
          settings,
          this.audience,
          log,
          this.identity,
        );
        application.observe(this.events.observer(application));
        member = { application, services: new Services(applicationOwner(this, application, label, log)) };
        server.members.set(block.key, member);
        report.add({ kind: 'application', name: label, outcome: 'started' });
      } else {
        const changed = changedSettings(member.application.settings, settings);
        report.add({
          kind: 'application',
          name: label,
          outcome: changed.length === 0 ? 'kept' : 'updated',
          ...(changed.length === 0 ? {} : { changed }),
        });
        if (changed.length > 0) member.application.update(settings);
      }
      member.services.reconcile(block, services, ground, report);
    }
  }

  #remove(server: RtmpServer, name: string, report: Report): void {
    const member = server.members.get(name)!;
    server.members.delete(name);
    member.application.close('the application was removed');
    member.services.close();
    report.add({ kind: 'application', name: `${server.label}/${name}`, outcome: 'closed' });
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
    this.traffic.sweep(now);
    for (const application of this.applications()) application.sweep(now);
  }

  /** The process waits at its stop until this has settled, which must take seconds at most. */
  outlast(work: Promise<unknown>): void {
    const kept = work.catch(() => undefined).finally(() => this.#unfinished.delete(kept));
    this.#unfinished.add(kept);
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
    this.outlast(this.netcalls.close(LAST_CALLS_MS));
  }
}

/** The server's own directives whose values differ; those of its applications are told with the applications. */
function changedServerSettings(
  before: ServerSpec,
  after: ServerSpec,
  modules: readonly Module[],
): readonly string[] {
  const table = Object.assign({}, ...modules.map((module) => module.tables.rtmp_server ?? {}));
  return changedSettings(settingsOf(before.block, table), settingsOf(after.block, table));
}

function applicationOwner(
  hub: Hub,
  application: Application,
  label: string,
  log: Logger,
): ServiceOwner<ApplicationContext> {
  return {
    label,
    log,
    context: (base, order) => ({
      ...base,
      application,
      hub,
      gate: (gate) => base.own(application.gates.add(order, gate)),
      limit: (limit) => base.own(application.gates.addLimit(order, limit)),
      origin: (origin) => base.own(application.addOrigin(order, origin)),
      observe: (observer) => base.own(application.observe(observer)),
      forEachStream: (task) => base.own(application.forEachStream(task)),
    }),
  };
}

function serverOwner(hub: Hub, server: RtmpServer, log: Logger): ServiceOwner<ServerContext> {
  return {
    label: server.label,
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

/**
 * Finds for each new server block the running server it continues: first one with the same addresses and names, then
 * one that shares a name, then an address, then application names, so that editing any one of these drops nobody.
 */
function matchServers(
  running: readonly RtmpServer[],
  specs: readonly ServerSpec[],
): Map<ServerSpec, RtmpServer> {
  const found = new Map<ServerSpec, RtmpServer>();
  const left = new Set(running);
  const identity = (spec: ServerSpec): string =>
    JSON.stringify([[...spec.listens.map((l) => l.key)].sort(), [...spec.names].sort()]);
  const rules: readonly ((a: ServerSpec, b: ServerSpec) => boolean)[] = [
    (a, b) => identity(a) === identity(b),
    (a, b) => a.names.some((name) => name !== '' && b.names.includes(name)),
    (a, b) => a.listens.some((l) => b.listens.some((other) => other.key === l.key)),
    (a, b) => a.applications.some((app) => b.applications.some((other) => other.key === app.key)),
  ];
  for (const same of rules) {
    for (const spec of specs) {
      if (found.has(spec)) continue;
      const server = [...left].find((candidate) => same(candidate.spec, spec));
      if (server === undefined) continue;
      found.set(spec, server);
      left.delete(server);
    }
  }
  return found;
}
