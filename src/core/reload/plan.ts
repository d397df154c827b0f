import type { Block } from '../../config/block.ts';
import type { Outcome, Report, ReportEntry } from './report.ts';

/**
 * One step of a reload. What a reload would do and what it did are told of the same steps: the one by looking at
 * them, the other by carrying them out.
 */
export interface Step {
  /** How the report tells of it. */
  readonly entry: ReportEntry;
  /** The block it is about as it was and as it will be, where there is one: how its settings are written. */
  readonly before?: Pick<Block, 'texts'>;
  readonly after?: Pick<Block, 'texts'>;
  /** Counts anew whom it sends away: people come and go after a step was planned. */
  readonly recount?: () => ReportEntry['ends'];
  /** Settings that only a restart applies. */
  readonly restartNeeded?: readonly string[];
  /** Carries it out, once; gives the outcome where only that tells it, such as that of a service that cannot start. */
  readonly take?: () => Outcome | undefined;
}

/** Carries steps out, one after another, and reports them. */
export function carryOut(steps: readonly Step[], report: Report): void {
  for (const { entry: planned, recount, restartNeeded, take } of steps) {
    const entry = recount === undefined ? planned : entryOf(planned, recount());
    const outcome = take?.() ?? entry.outcome;
    report.add(outcome === entry.outcome ? entry : { ...entry, outcome });
    report.restartNeeded.push(...(restartNeeded ?? []));
  }
}

/** An entry with whom it sends away, if anybody. */
export function entryOf(entry: ReportEntry, ends: ReportEntry['ends']): ReportEntry {
  const { ends: _, ...rest } = entry;
  return ends === undefined ? rest : { ...rest, ends };
}
