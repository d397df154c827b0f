import type { Hub } from '../../core/hub.ts';
import type { Sheet } from './exposition.ts';

/** Relays by state, and for the first `most` streams that have any whether all of theirs run. */
export function addRelays(sheet: Sheet, hub: Hub, most: number): void {
  const states = new Map<string, number>();
  const streams = new Map<string, boolean>();
  for (const application of hub.applications()) {
    for (const { direction, state, stream } of application.relays.list()) {
      const kind = JSON.stringify([application.name, direction, state]);
      states.set(kind, (states.get(kind) ?? 0) + 1);
      const key = JSON.stringify([application.name, stream, direction]);
      if (streams.has(key) || streams.size < most) {
        streams.set(key, (streams.get(key) ?? true) && state === 'live');
      }
    }
  }
  const count = sheet.gauge('mediad_relays', 'Relays by what they are doing.', ['app', 'direction', 'state']);
  for (const [kind, relays] of states) {
    const [app, direction, state] = JSON.parse(kind) as [string, string, string];
    count({ app, direction, state }, relays);
  }
  const up = sheet.gauge('mediad_relay_up', 'Whether every relay of the stream runs.', [
    'app',
    'stream',
    'direction',
  ]);
  for (const [key, live] of streams) {
    const [app, stream, direction] = JSON.parse(key) as [string, string, string];
    up({ app, stream, direction }, live ? 1 : 0);
  }
}

/** Programs by state. */
export function addExecs(sheet: Sheet, hub: Hub): void {
  const count = sheet.gauge('mediad_execs', 'Programs that the server runs, by what they are doing.', [
    'app',
    'state',
  ]);
  const states = new Map<string, number>();
  for (const { application, state } of hub.execs.list()) {
    const key = JSON.stringify([application, state]);
    states.set(key, (states.get(key) ?? 0) + 1);
  }
  for (const [key, programs] of states) {
    const [app, state] = JSON.parse(key) as [string, string];
    count({ app, state }, programs);
  }
}

/** What came of callbacks, over all applications. */
export function addCallbacks(sheet: Sheet, hub: Hub): void {
  const requests = sheet.counter('mediad_hook_requests_total', 'Callbacks by what became of them.', [
    'hook',
    'status',
  ]);
  const seconds = sheet.counter('mediad_hook_duration_seconds_total', 'Time they took, all together.', [
    'hook',
  ]);
  const pending = sheet.gauge('mediad_hook_pending', 'Callbacks without an answer yet.', ['hook']);
  const waiting = new Map<string, number>();
  for (const { hook, answers, failures, duration, pending: begun } of hub.callbacks.list()) {
    for (const [status, answered] of Object.entries(answers)) requests({ hook, status }, answered);
    requests({ hook, status: 'failed' }, failures);
    seconds({ hook }, duration / 1000);
    waiting.set(hook, (waiting.get(hook) ?? 0) + begun);
  }
  for (const [hook, begun] of waiting) pending({ hook }, begun);
}
