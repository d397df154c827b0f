import type { CallbackStatus } from '../../core/measures/callbacks.ts';
import type { ExecStatus } from '../../core/measures/execs.ts';
import type { ServerStatistics } from '../../core/statistics/statistics.ts';
import type { Sheet } from './sheet.ts';

/** Relays by state, and for the first `most` streams that have any whether all of theirs run. */
export function addRelays(sheet: Sheet, servers: readonly ServerStatistics[], most: number): void {
  const count = sheet.gauge('mediad_relays', 'Relays by what they are doing.');
  const streams = new Map<string, { labels: Readonly<Record<string, string>>; live: boolean }>();
  for (const { name: app, relays } of servers.flatMap(({ applications }) => applications)) {
    for (const { direction, state, stream } of relays) {
      count({ app, direction, state }, 1);
      const labels = { app, stream, direction };
      const key = JSON.stringify(labels);
      const known = streams.get(key);
      if (known !== undefined) known.live &&= state === 'live';
      else if (streams.size < most) streams.set(key, { labels, live: state === 'live' });
    }
  }
  const up = sheet.gauge('mediad_relay_up', 'Whether every relay of the stream runs.');
  for (const { labels, live } of streams.values()) up(labels, live ? 1 : 0);
}

/** Recordings that are being written, and how many there have been. */
export function addRecordings(sheet: Sheet, servers: readonly ServerStatistics[]): void {
  const open = sheet.gauge('mediad_recordings', 'Files that streams are being recorded to.');
  const over = sheet.counter('mediad_recordings_finished_total', 'Recordings that have ended.');
  for (const { name: app, recorders, recorded, streams } of servers.flatMap((one) => one.applications)) {
    if (recorders.length === 0 && recorded === 0) continue;
    open(
      { app },
      streams.reduce((files, { recordings }) => files + recordings.length, 0),
    );
    over({ app }, recorded);
  }
}

/** Programs by state. */
export function addExecs(sheet: Sheet, execs: readonly ExecStatus[]): void {
  const help = 'Programs that the server runs, by what they are doing.';
  const count = sheet.gauge('mediad_execs', help);
  for (const { application: app, state } of execs) count({ app, state }, 1);
}

/** What came of callbacks, over all applications. */
export function addCallbacks(sheet: Sheet, callbacks: readonly CallbackStatus[]): void {
  const requests = sheet.counter('mediad_hook_requests_total', 'Callbacks by what became of them.');
  const pending = sheet.gauge('mediad_hook_pending', 'Callbacks without an answer yet.');
  for (const { hook, answers, failures, pending: begun } of callbacks) {
    for (const [status, answered] of Object.entries(answers)) requests({ hook, status }, answered);
    requests({ hook, status: 'failed' }, failures);
    pending({ hook }, begun);
  }
}
