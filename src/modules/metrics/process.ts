import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Labels } from '../../core/measures/measures.ts';
import type { Sheet } from './sheet.ts';

/** A metric of one process, as plain data. */
export interface ProcessMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

let registry: Registry | undefined;

/** What Node.js and the system say of the process; watched from the first call on. */
export async function processMetrics(): Promise<readonly ProcessMetric[]> {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return (await registry.getMetricsAsJSON()) as unknown as readonly ProcessMetric[];
}

/** Enters them with further labels, but for what has not been measured yet. */
export function addProcess(sheet: Sheet, metrics: readonly ProcessMetric[], more: Labels): void {
  for (const { name, help, type, values } of metrics) {
    for (const { metricName, labels, value } of values) {
      if (!Number.isFinite(value)) continue;
      const own = Object.entries(labels).map(([label, of]) => [label, String(of)]);
      const text = { ...more, ...Object.fromEntries(own) };
      sheet.sample(name, help, type, (metricName ?? name).slice(name.length), text, value);
    }
  }
}
