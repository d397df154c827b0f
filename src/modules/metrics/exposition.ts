import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Runtime } from '../../core/runtime.ts';
import { statisticsOf } from '../../core/statistics.ts';
import type { HttpCounters } from '../../http/counters.ts';
import { VERSION } from '../../http/software.ts';
import { addCallbacks, addExecs, addRelays } from './registries.ts';
import { addStreams } from './streams.ts';

type Labels = Readonly<Record<string, string>>;

/** Takes figures of one scrape. Labels are few and bounded: no ids, no addresses. */
export interface Sheet {
  /** A total that only grows while the process runs. */
  counter(name: string, help: string, labels: readonly string[]): (labels: Labels, value: number) => void;
  gauge(name: string, help: string, labels: readonly string[]): (labels: Labels, value: number) => void;
}

let processMetrics: Registry | undefined;

/** What Node.js and the system say of the process; watched from the first scrape on. */
function processRegistry(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry();
    collectDefaultMetrics({ register: processMetrics });
  }
  return processMetrics;
}

/** Without what has not been measured yet, which it writes in a way that not every reader takes for a number. */
function measured(text: string): string {
  return text.replace(/^\S+ Nan\n/gm, '');
}

/** Every figure of the server as text for Prometheus; at most `most` streams have figures of their own. */
export async function exposition(
  runtime: Runtime,
  http: HttpCounters,
  most: number,
): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const sheet: Sheet = {
    counter(name, help, labelNames) {
      const counter = new Counter({ name, help, labelNames, registers: [registry] });
      return (labels, value) => counter.inc(labels, value);
    },
    gauge(name, help, labelNames) {
      const gauge = new Gauge({ name, help, labelNames, registers: [registry] });
      return (labels, value) => gauge.set(labels, value);
    },
  };
  addServer(sheet, runtime, http);
  addStreams(sheet, statisticsOf(runtime.hub), most);
  addRelays(sheet, runtime.hub, most);
  addExecs(sheet, runtime.hub);
  addCallbacks(sheet, runtime.hub);
  const text = `${await registry.metrics()}\n${measured(await processRegistry().metrics())}`;
  return { type: registry.contentType, text };
}

function addServer(sheet: Sheet, { hub, reloads }: Runtime, http: HttpCounters): void {
  sheet.gauge('mediad_build_info', 'The version that runs; always 1.', ['version', 'node'])(
    { version: VERSION, node: process.versions.node },
    1,
  );
  sheet.gauge(
    'mediad_config_last_reload_successful',
    'Whether the last reload was applied.',
    [],
  )({}, reloads.succeeded ? 1 : 0);
  sheet.gauge(
    'mediad_config_last_reload_success_timestamp_seconds',
    'When the running configuration was applied.',
    [],
  )({}, reloads.appliedAt / 1000);
  const results = sheet.counter('mediad_config_reloads_total', 'Reloads by what became of them.', ['result']);
  results({ result: 'applied' }, reloads.applied);
  results({ result: 'refused' }, reloads.refused);
  const open = sheet.gauge('mediad_connections', 'Open connections that carry streams.', ['protocol']);
  const accepted = sheet.counter('mediad_connections_total', 'Connections accepted.', ['protocol']);
  const received = sheet.counter('mediad_received_bytes_total', 'Bytes received on them.', ['protocol']);
  const sent = sheet.counter('mediad_sent_bytes_total', 'Bytes sent on them.', ['protocol']);
  for (const [protocol, traffic] of hub.traffic.byProtocol()) {
    open({ protocol }, traffic.open);
    accepted({ protocol }, traffic.accepted);
    received({ protocol }, traffic.bytesIn);
    sent({ protocol }, traffic.bytesOut);
  }
  sheet.counter('mediad_http_requests_total', 'HTTP requests.', [])({}, http.requests);
  sheet.gauge('mediad_http_connections', 'Open HTTP connections.', [])({}, http.active);
}
