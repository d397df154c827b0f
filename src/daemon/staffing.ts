import type { ReportEntry } from '../core/reload/report.ts';

/** What a number of workers comes to, by the workers' numbers. */
export interface Staffing {
  /** Are not there yet. */
  readonly start: readonly number[];
  /** Are retiring, and wanted again. */
  readonly recall: readonly number[];
  /** Are not wanted any more. */
  readonly retire: readonly number[];
}

/** `members` are those there are, `leaving` those of them that retire already. The first ones stay. */
export function staffing(count: number, members: readonly number[], leaving: readonly number[]): Staffing {
  const wanted = Array.from({ length: count }, (_, at) => at + 1);
  return {
    start: wanted.filter((index) => !members.includes(index)),
    recall: wanted.filter((index) => leaving.includes(index)),
    retire: members.filter((index) => index > count && !leaving.includes(index)),
  };
}

/** How a reload tells of it; `connections`: how many a worker holds; `patience`: how long one may take to retire, ms. */
export function staffEntries(
  { start, recall, retire }: Staffing,
  connections: (worker: number) => number,
  patience: number,
): readonly ReportEntry[] {
  const entry = (
    worker: number,
    rest: Pick<ReportEntry, 'outcome' | 'connections' | 'patience'>,
  ): ReportEntry => ({
    kind: 'worker',
    name: String(worker),
    ...rest,
  });
  const bound = Number.isFinite(patience) ? { patience } : {};
  return [
    ...start.map((one) => entry(one, { outcome: 'started' })),
    ...recall.map((one) => entry(one, { outcome: 'started', connections: connections(one) })),
    ...retire.map((one) => entry(one, { outcome: 'closed', connections: connections(one), ...bound })),
  ];
}
