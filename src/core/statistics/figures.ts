import type { ProtocolTraffic } from '../applications/traffic.ts';
import type { CallbackStatus } from '../measures/callbacks.ts';
import type { ExecStatus } from '../measures/execs.ts';
import type { Measured } from '../measures/measures.ts';
import type { RequestCounters } from '../measures/requests.ts';
import type { ReloadCounters } from '../reload/reloads.ts';
import type { Runtime } from '../runtime.ts';
import type { Rates } from '../streams/meter.ts';
import { type ServerStatistics, statisticsOf } from './statistics.ts';

/** Everything that statistics, interfaces and metrics show, at one moment: plain data. */
export interface Figures {
  readonly pid: number;
  /** Wall clock, ms. */
  readonly startedAt: number;
  readonly servers: readonly ServerStatistics[];
  /** By protocol; only those that have had a connection. */
  readonly traffic: Readonly<Record<string, ProtocolTraffic>>;
  /** Of all protocols together. */
  readonly rates: Rates;
  readonly requests: Readonly<RequestCounters>;
  readonly reloads: ReloadCounters;
  readonly execs: readonly ExecStatus[];
  readonly callbacks: readonly CallbackStatus[];
  readonly measures: readonly Measured[];
}

/** The topic on which workers give their figures. */
export const FIGURES = 'figures';

/** The figures of this process. */
export function figuresOf({ hub, reloads, requests, measures, startedAt }: Runtime): Figures {
  const now = performance.now();
  const { applied, refused, appliedAt, succeeded } = reloads;
  return {
    pid: process.pid,
    startedAt,
    servers: statisticsOf(hub, now),
    traffic: Object.fromEntries(hub.traffic.byProtocol()),
    rates: hub.traffic.rates(now),
    requests: { ...requests },
    reloads: { applied, refused, appliedAt, succeeded },
    execs: hub.execs.list(),
    callbacks: hub.callbacks.list(),
    measures: measures.list(),
  };
}

/** What came and went, all protocols together. */
export function trafficOf({ traffic }: Figures): ProtocolTraffic {
  const sum = { accepted: 0, open: 0, bytesIn: 0, bytesOut: 0 };
  for (const one of Object.values(traffic)) {
    sum.accepted += one.accepted;
    sum.open += one.open;
    sum.bytesIn += one.bytesIn;
    sum.bytesOut += one.bytesOut;
  }
  return sum;
}
