import type { Labels, Measured } from '../measures/measures.ts';
import type { Runtime } from '../runtime.ts';
import type { Issue } from '../streams/health.ts';
import { FIGURES, type Figures, figuresOf } from './figures.ts';
import type {
  ApplicationStatistics,
  ClientStatistics,
  ServerStatistics,
  StreamStatistics,
  Viewers,
} from './statistics.ts';

/** The figures of all workers together. */
export interface Whole {
  readonly figures: Figures;
  /** How many workers there should be, and how many are in the figures. */
  readonly workers: { readonly count: number; readonly answered: number };
}

/** Asks every worker for its figures; those that do not answer in time are left out. */
export async function wholeFigures(runtime: Runtime): Promise<Whole> {
  const { workers } = runtime;
  const answers = await workers.ask<Figures>(FIGURES);
  const all = [ownFigures(runtime), ...answers.map(({ answer }) => answer)] as const;
  return { figures: together(all), workers: { count: workers.count, answered: all.length } };
}

/** The figures of this process, with those that workers which have retired have left to it. */
export function ownFigures(runtime: Runtime): Figures {
  const { estates } = runtime;
  if (estates.length === 0) return figuresOf(runtime);
  // One is enough to keep.
  const [last, ...before] = [...estates].reverse();
  estates.splice(0, estates.length, together([last!, ...before]));
  return together([figuresOf(runtime), ...estates]);
}

/**
 * Several workers' figures as those of one server. A stream that more than one has is one stream: what its owner says of
 * it, with the players of all.
 */
function together(all: readonly [Figures, ...Figures[]]): Figures {
  const [own, ...others] = all;
  return {
    pid: own.pid,
    startedAt: Math.min(...all.map(({ startedAt }) => startedAt)),
    servers: own.servers.map((server, at) => serversTogether([server, ...sameServers(others, server, at)])),
    traffic: summedBy(all.map(({ traffic }) => traffic)),
    rates: summed(all.map(({ rates }) => rates)),
    requests: summed(all.map(({ requests }) => requests)),
    // They reach all workers, and are told to those that begin later.
    reloads: own.reloads,
    execs: all.flatMap(({ execs }) => execs),
    callbacks: callbacksTogether(all),
    measures: measuresTogether(all.map(({ measures }) => measures)),
  };
}

/** The same block of other workers, which may be at another configuration for a moment. */
function sameServers(others: readonly Figures[], { label }: ServerStatistics, at: number) {
  return others.flatMap(({ servers }) => {
    const same = servers[at]?.label === label ? servers[at] : servers.find((one) => one.label === label);
    return same === undefined ? [] : [same];
  });
}

function serversTogether(all: readonly [ServerStatistics, ...ServerStatistics[]]): ServerStatistics {
  const [own] = all;
  const applications = own.applications.map(({ name }) =>
    applicationsTogether(
      all.flatMap((server) => server.applications.filter((application) => application.name === name)),
    ),
  );
  return { ...own, applications };
}

function applicationsTogether(all: readonly ApplicationStatistics[]): ApplicationStatistics {
  const streams = new Map<string, StreamStatistics[]>();
  for (const application of all) {
    for (const stream of application.streams) {
      const known = streams.get(stream.name);
      if (known === undefined) streams.set(stream.name, [stream]);
      else known.push(stream);
    }
  }
  return {
    ...all[0]!,
    streams: [...streams.values()].map(streamsTogether),
    relays: all.flatMap(({ relays }) => relays),
    recorded: all.reduce((sum, { recorded }) => sum + recorded, 0),
  };
}

/** Found wherever there are players. */
const SLOW: Issue = 'dropped-to-slow-viewers';

/** Whoever has it from its publisher, or did, or else has media at all. */
function ownerOf(all: readonly StreamStatistics[]): StreamStatistics {
  const own = all.filter(({ foreign }) => !foreign);
  return (
    own.find(({ publishing }) => publishing) ??
    own.find(({ live }) => live) ??
    all.find(({ live }) => live) ??
    all[0]!
  );
}

function streamsTogether(all: readonly StreamStatistics[]): StreamStatistics {
  const owner = ownerOf(all);
  const others = all.filter((one) => one !== owner);
  const clients = [owner, ...others].flatMap((one) => one.clients);
  const slow = others.some(({ issues }) => issues.includes(SLOW)) && !owner.issues.includes(SLOW);
  return {
    ...owner,
    rates: { ...owner.rates, out: sum(all, ({ rates }) => rates.out) },
    bytesOut: sum(all, ({ bytesOut }) => bytesOut),
    sent: summed(all.map(({ sent }) => sent)),
    skippedPackets: sum(all, ({ skippedPackets }) => skippedPackets),
    issues: slow ? [...owner.issues, SLOW].sort() : owner.issues,
    viewers: viewersOf(all, clients),
    recordings: all.flatMap(({ recordings }) => recordings),
    clients: clients.sort(byRole),
  };
}

/** The publisher first. */
function byRole(a: ClientStatistics, b: ClientStatistics): number {
  return Number(b.role === 'publisher') - Number(a.role === 'publisher');
}

function viewersOf(all: readonly StreamStatistics[], clients: readonly ClientStatistics[]): Viewers {
  const viewers = { rtmp: 0, 'http-flv': 0, hls: sum(all, (one) => one.viewers.hls) };
  for (const { role, protocol } of clients) if (role === 'player') viewers[protocol] += 1;
  return viewers;
}

function callbacksTogether(all: readonly Figures[]): Figures['callbacks'] {
  const found = new Map<string, Figures['callbacks'][number]>();
  for (const one of all.flatMap(({ callbacks }) => callbacks)) {
    const { hook, server, application, url } = one;
    const key = JSON.stringify([hook, server, application, url]);
    const known = found.get(key);
    if (known === undefined) found.set(key, one);
    else {
      found.set(key, {
        ...one,
        ...summed([numbersOf(known), numbersOf(one)]),
        answers: summed([known.answers, one.answers]),
        slowest: Math.max(known.slowest, one.slowest),
        lastError: one.lastError === '' ? known.lastError : one.lastError,
      });
    }
  }
  return [...found.values()];
}

function numbersOf({
  requests,
  pending,
  refused,
  failures,
  dropped,
  duration,
}: Figures['callbacks'][number]) {
  return { requests, pending, refused, failures, dropped, duration };
}

function measuresTogether(all: readonly (readonly Measured[])[]): readonly Measured[] {
  const found = new Map<string, Measured>();
  for (const measured of all.flat()) {
    const known = found.get(measured.name);
    if (known === undefined) found.set(measured.name, measured);
    else if (known.kind === 'total' && measured.kind === 'total') {
      found.set(measured.name, {
        ...known,
        series: byLabels([...known.series, ...measured.series], (a, b) => ({
          labels: a.labels,
          value: a.value + b.value,
        })),
      });
    } else if (known.kind === 'histogram' && measured.kind === 'histogram') {
      found.set(measured.name, {
        ...known,
        series: byLabels([...known.series, ...measured.series], (a, b) => ({
          labels: a.labels,
          counts: a.counts.map((count, at) => count + (b.counts[at] ?? 0)),
          sum: a.sum + b.sum,
        })),
      });
    }
  }
  return [...found.values()];
}

function byLabels<T extends { readonly labels: Labels }>(
  all: readonly T[],
  add: (a: T, b: T) => T,
): readonly T[] {
  const found = new Map<string, T>();
  for (const one of all) {
    const key = JSON.stringify(one.labels);
    const known = found.get(key);
    found.set(key, known === undefined ? one : add(known, one));
  }
  return [...found.values()];
}

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0);
}

/** Numbers of equal names added up. */
function summed<T extends Readonly<Record<keyof T, number>>>(all: readonly T[]): T {
  const found: Record<string, number> = {};
  for (const one of all) {
    for (const [name, value] of Object.entries<number>(one)) found[name] = (found[name] ?? 0) + value;
  }
  return found as T;
}

function summedBy<T extends Readonly<Record<keyof T, number>>>(
  all: readonly Readonly<Record<string, T>>[],
): Readonly<Record<string, T>> {
  const names = new Set(all.flatMap((one) => Object.keys(one)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      summed(all.flatMap((one) => (one[name] === undefined ? [] : [one[name]]))),
    ]),
  );
}
