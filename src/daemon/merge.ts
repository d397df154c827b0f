import type { Step } from '../core/reload/plan.ts';
import { Report, type ReportEntry } from '../core/reload/report.ts';
import type { Committed } from './carrier.ts';

/** What applying a configuration came to in one worker, as plain data. */
export interface CommittedData {
  readonly entries: readonly ReportEntry[];
  readonly restartNeeded: readonly string[];
  readonly publishers: number;
  readonly viewers: number;
}

/** A step as plain data: that of a worker, whose blocks stay where they are. */
export function stepOf({ entry, before, after, restartNeeded }: Step): Step {
  const names = entry.changed ?? [];
  return {
    entry,
    ...(before === undefined ? {} : { before: { texts: among(before.texts, names) } }),
    ...(after === undefined ? {} : { after: { texts: among(after.texts, names) } }),
    ...(restartNeeded === undefined ? {} : { restartNeeded }),
  };
}

function among(
  texts: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => names.includes(name)));
}

/** The steps of several workers as those of one server: each once, with everybody it sends away anywhere. */
export function mergeSteps(parts: readonly (readonly Step[])[]): readonly Step[] {
  const merged = new Map<string, Step>();
  for (const step of parts.flat()) {
    const key = keyOf(step.entry);
    const known = merged.get(key);
    merged.set(key, known === undefined ? step : { ...known, entry: mergeEntries(known.entry, step.entry) });
  }
  return [...merged.values()];
}

/** What several workers did as what one server did. */
export function mergeCommitted(parts: readonly CommittedData[]): Committed {
  const report = new Report();
  const steps = parts.map(({ entries }) => entries.map((entry) => ({ entry })));
  for (const { entry } of mergeSteps(steps)) report.add(entry);
  report.restartNeeded.push(...new Set(parts.flatMap(({ restartNeeded }) => restartNeeded)));
  return {
    report,
    publishers: parts.reduce((sum, { publishers }) => sum + publishers, 0),
    viewers: parts.reduce((sum, { viewers }) => sum + viewers, 0),
  };
}

function keyOf({ kind, name }: ReportEntry): string {
  return `${kind} ${name}`;
}

function mergeEntries(a: ReportEntry, b: ReportEntry): ReportEntry {
  // A service that cannot start in one of them is what the operator has to know of.
  const outcome = b.outcome === 'failed' ? b.outcome : a.outcome;
  const publishers = (a.ends?.publishers ?? 0) + (b.ends?.publishers ?? 0);
  const players = (a.ends?.players ?? 0) + (b.ends?.players ?? 0);
  return { ...a, outcome, ...(publishers + players === 0 ? {} : { ends: { publishers, players } }) };
}
