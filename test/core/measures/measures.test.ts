import { expect, test } from 'vitest';
import { Measures } from '../../../src/core/measures/measures.ts';

test('totals and histograms are listed with what was added', () => {
  const measures = new Measures();
  measures.total('cut_total', 'Cuts.', { app: 'live' }).add();
  measures.total('cut_total', 'Cuts.', { app: 'live' }).add(2);
  measures.total('cut_total', 'Cuts.', { app: 'other' });
  const seconds = measures.histogram('cut_seconds', 'Time.', [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  expect(measures.list()).toEqual([
    {
      name: 'cut_total',
      help: 'Cuts.',
      kind: 'total',
      series: [
        { labels: { app: 'live' }, value: 3 },
        { labels: { app: 'other' }, value: 0 },
      ],
    },
    {
      name: 'cut_seconds',
      help: 'Time.',
      kind: 'histogram',
      bounds: [0.1, 1],
      series: [{ labels: {}, counts: [2, 1, 1], sum: 7.65 }],
    },
  ]);
});

test('labels tell counters apart whatever order they come in', () => {
  const measures = new Measures();
  measures.total('x', '', { a: '1', b: '2' }).add();
  measures.total('x', '', { b: '2', a: '1' }).add();
  measures.total('x', '', { a: '2', b: '1' }).add();
  const [x] = measures.list();
  expect(x!.kind === 'total' && x!.series.map(({ value }) => value)).toEqual([2, 1]);
});

test('one name is one kind of measure', () => {
  const measures = new Measures();
  measures.total('x', '');
  expect(() => measures.histogram('x', '', [1])).toThrow('no histogram');
  measures.histogram('y', '', [1]);
  expect(() => measures.total('y', '')).toThrow('no total');
});
