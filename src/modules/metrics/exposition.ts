import type { Measured } from '../../core/measures/measures.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Figures } from '../../core/statistics/figures.ts';
import { wholeFigures } from '../../core/statistics/whole.ts';
import { VERSION } from '../../core/version.ts';
import { addProcess, type ProcessMetric, processMetrics } from './process.ts';
import { addCallbacks, addExecs, addRecordings, addRelays } from './registries.ts';
import { Sheet } from './sheet.ts';
import { addStreams } from './streams.ts';
import { PROCESS } from './topic.ts';

/** Every figure of the server as text for Prometheus; at most `most` streams have figures of their own. */
export async function exposition(runtime: Runtime, most: number): Promise<string> {
  const { workers } = runtime;
  const [{ figures, workers: answered }, own, others] = await Promise.all([
    wholeFigures(runtime),
    processMetrics(),
    workers.ask<readonly ProcessMetric[]>(PROCESS),
  ]);
  const sheet = new Sheet();
  sheet.gauge('mediad_workers', 'Processes that serve; their figures are together in this answer.')(
    {},
    answered.answered,
  );
  addServer(sheet, figures);
  addStreams(sheet, figures.servers, most);
  addRelays(sheet, figures.servers, most);
  addRecordings(sheet, figures.servers);
  addExecs(sheet, figures.execs);
  addCallbacks(sheet, figures.callbacks);
  addMeasures(sheet, figures.measures);
  if (workers.count === 1) addProcess(sheet, own, {});
  else {
    const all = [{ worker: workers.index, answer: own }, ...others];
    for (const { worker, answer } of all) addProcess(sheet, answer, { worker: String(worker) });
  }
  return sheet.text();
}

function addServer(sheet: Sheet, { traffic, requests, reloads }: Figures): void {
  sheet.gauge('mediad_build_info', 'The version that runs; always 1.')(
    { version: VERSION, node: process.versions.node },
    1,
  );
  sheet.gauge('mediad_config_last_reload_successful', 'Whether the last reload was applied.')(
    {},
    reloads.succeeded ? 1 : 0,
  );
  sheet.gauge(
    'mediad_config_last_reload_success_timestamp_seconds',
    'When the running configuration was applied.',
  )({}, reloads.appliedAt / 1000);
  const results = sheet.counter('mediad_config_reloads_total', 'Reloads by what became of them.');
  results({ result: 'applied' }, reloads.applied);
  results({ result: 'refused' }, reloads.refused);
  const open = sheet.gauge('mediad_connections', 'Open connections that carry streams.');
  const accepted = sheet.counter('mediad_connections_total', 'Connections accepted.');
  const received = sheet.counter('mediad_received_bytes_total', 'Bytes received on them.');
  const sent = sheet.counter('mediad_sent_bytes_total', 'Bytes sent on them.');
  for (const [protocol, one] of Object.entries(traffic)) {
    open({ protocol }, one.open);
    accepted({ protocol }, one.accepted);
    received({ protocol }, one.bytesIn);
    sent({ protocol }, one.bytesOut);
  }
  sheet.gauge('mediad_http_connections', 'Open HTTP connections.')({}, requests.active);
}

function addMeasures(sheet: Sheet, measures: readonly Measured[]): void {
  for (const measured of measures) {
    const { help } = measured;
    const name = `mediad_${measured.name}`;
    if (measured.kind === 'total') {
      const counter = sheet.counter(name, help);
      for (const { labels, value } of measured.series) counter(labels, value);
    } else {
      const histogram = sheet.histogram(name, help);
      for (const { labels, counts, sum } of measured.series) histogram(labels, measured.bounds, counts, sum);
    }
  }
}
