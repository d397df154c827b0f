import { type Block, settingsOf } from '../config/block.ts';
import type { Application } from './applications/application.ts';
import { liveTable } from './applications/live.ts';
import type { Module } from './module.ts';
import { entryOf, type Step } from './reload/plan.ts';
import type { ReportEntry } from './reload/report.ts';
import { labelOf, type Member, type RtmpServer, type ServerSpec } from './server.ts';
import { changedSettings } from './services.ts';

/** Takes a server over into its new block; `changed` are its settings that differ, null for a new one. */
export function serverStep(server: RtmpServer, spec: ServerSpec, changed: readonly string[] | null): Step {
  const name = labelOf(spec);
  const before = server.spec.block;
  const take = (): undefined => {
    server.spec = spec;
  };
  if (changed === null) return { entry: { kind: 'server', name, outcome: 'started' }, take };
  if (changed.length === 0) return { entry: { kind: 'server', name, outcome: 'kept' }, take };
  return { entry: { kind: 'server', name, outcome: 'updated', changed }, before, after: spec.block, take };
}

/** Enters a new application. */
export function startStep(server: RtmpServer, member: Member, name: string, block: Block): Step {
  return {
    entry: { kind: 'application', name, outcome: 'started' },
    take: () => {
      server.members.set(block.key, member);
      return undefined;
    },
  };
}

/** Gives an application its new block, whose server is called `server`. */
export function updateStep(member: Member, name: string, server: string, block: Block): Step {
  const { application, block: before } = member;
  const same = before.settings === block.settings;
  const settings = same ? application.settings : settingsOf(block, liveTable);
  const changed = changedSettings(application.settings, settings);
  const take = (): undefined => {
    member.block = block;
    application.server = server;
    if (changed.length > 0) application.update(settings);
  };
  if (changed.length === 0) return { entry: { kind: 'application', name, outcome: 'kept' }, take };
  const recount = (): ReportEntry['ends'] => (settings.live ? undefined : ending(application));
  return {
    entry: entryOf({ kind: 'application', name, outcome: 'updated', changed }, recount()),
    recount,
    before,
    after: block,
    take,
  };
}

/** Who goes with an application, where there is anybody. */
export function ending(application: Application): ReportEntry['ends'] {
  const publishers = [...application.publications].length;
  const players = [...application.subscriptions].length;
  return publishers + players === 0 ? undefined : { publishers, players };
}

/** The server's own directives whose values differ; those of its applications are told with the applications. */
export function changedServerSettings(
  before: ServerSpec,
  after: ServerSpec,
  modules: readonly Module[],
): readonly string[] {
  if (before.block.settings === after.block.settings) return [];
  const table = Object.assign({}, ...modules.map((module) => module.tables.rtmp_server ?? {}));
  return changedSettings(settingsOf(before.block, table), settingsOf(after.block, table));
}

/**
 * Finds for each new server block the running server it continues: first one with the same addresses and names, then
 * one that shares a name, then an address, then application names, so that editing any one of these drops nobody.
 */
export function matchServers(
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
