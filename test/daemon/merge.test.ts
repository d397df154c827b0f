import { expect, test } from 'vitest';
import type { Step } from '../../src/core/reload/plan.ts';
import { mergeCommitted, mergeSteps, stepOf } from '../../src/daemon/merge.ts';

const application = (publishers: number, players: number): Step => ({
  entry: { kind: 'application', name: 'a/live', outcome: 'closed', ends: { publishers, players } },
});

test('a step of several workers is one, with everybody it sends away', () => {
  expect(mergeSteps([[application(1, 2)], [application(0, 5)]])).toEqual([application(1, 7)]);
});

test('a service that cannot start in one of them has failed', () => {
  const service = (outcome: 'started' | 'failed'): Step => ({
    entry: { kind: 'service', name: 'hls of a/live', outcome },
  });
  expect(mergeSteps([[service('started')], [service('failed')], [service('started')]])).toEqual([
    service('failed'),
  ]);
});

test('sessions kept are added up, and what needs a restart is told once', () => {
  const part = { entries: [application(1, 0).entry], restartNeeded: ['x'], publishers: 2, viewers: 3 };
  const merged = mergeCommitted([part, part]);
  expect(merged).toMatchObject({ publishers: 4, viewers: 6 });
  expect(merged.report.restartNeeded).toEqual(['x']);
  expect(merged.report.entries).toEqual([application(2, 0).entry]);
});

test('of the blocks of a step only what changes goes to another process', () => {
  const step: Step = {
    entry: { kind: 'setting', name: 'main', outcome: 'updated', changed: ['env'] },
    before: { texts: { env: 'A=1', pid: 'p' } },
    after: { texts: { env: 'A=2', pid: 'p' } },
    take: () => undefined,
  };
  expect(stepOf(step)).toEqual({
    entry: step.entry,
    before: { texts: { env: 'A=1' } },
    after: { texts: { env: 'A=2' } },
  });
});
