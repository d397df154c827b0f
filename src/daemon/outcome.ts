import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { LoadedFile } from '../config/load.ts';
import { printText } from '../config/print.ts';
import type { Report, ReportEntry } from '../core/report.ts';

/** What became of a reload. */
export type Outcome =
  | {
      readonly kind: 'applied';
      readonly report: Report;
      readonly warnings: readonly Diagnostic[];
      readonly ignored: Config['ignored'];
      /** How long it took, ms. */
      readonly took: number;
      /** Publishers and players that were there before and still are. */
      readonly publishers: number;
      readonly viewers: number;
    }
  | {
      readonly kind: 'refused';
      readonly diagnostics: readonly Diagnostic[];
      readonly files: readonly LoadedFile[];
      /** Wall clock, ms, of the configuration that goes on. */
      readonly since: number;
    };

/** Whether a reload found everything as it was. */
export function isNothing(outcome: Outcome): boolean {
  if (outcome.kind === 'refused') return false;
  const { changes, restartNeeded } = outcome.report;
  return changes.length === 0 && restartNeeded.length === 0;
}

/** The outcome in lines, as `mediad -s reload` prints them. */
export function outcomeLines(outcome: Outcome): readonly string[] {
  if (outcome.kind === 'refused') {
    return [
      ...printText(outcome.diagnostics, { files: outcome.files }).trimEnd().split('\n'),
      `mediad: reload refused, the running configuration (loaded ${localTime(outcome.since)}) is kept`,
    ];
  }
  const warned = printText(outcome.warnings, { files: [] }).split('\n').slice(0, -1);
  if (isNothing(outcome)) return [...warned, 'mediad: configuration is unchanged, nothing to do'];
  return [...warned, ...changeLines(outcome, `reloaded in ${Math.max(1, Math.round(outcome.took))} ms`)];
}

/** The outcome of a reload that a change of the file had already brought about when it was asked for. */
export function noticedLines(outcome: Outcome & { readonly kind: 'applied' }): readonly string[] {
  return changeLines(outcome, 'already reloaded as the file was saved');
}

function changeLines(outcome: Outcome & { readonly kind: 'applied' }, done: string): readonly string[] {
  const { report } = outcome;
  const lines = [`mediad: ${done}: ${summary(outcome)}`];
  if (report.restartNeeded.length > 0) {
    lines.push(`mediad: [warn] only a restart applies: ${report.restartNeeded.join(', ')}`);
  }
  for (const { name } of report.entries.filter((entry) => entry.outcome === 'failed')) {
    lines.push(`mediad: [error] ${name} could not start, see the log`);
  }
  return lines;
}

/** What changed, in one phrase: `+1 application (rtmp:1935/cam); 12 publishers and 340 viewers kept`. */
export function summary(outcome: Outcome & { readonly kind: 'applied' }): string {
  const { report, publishers, viewers } = outcome;
  const parts = SIGNS.flatMap(([sign, outcomes]) => {
    const kinds = new Map<string, ReportEntry[]>();
    for (const entry of report.entries) {
      if (!outcomes.includes(entry.outcome)) continue;
      kinds.set(entry.kind, [...(kinds.get(entry.kind) ?? []), entry]);
    }
    return [...kinds].map(
      ([kind, entries]) => `${sign}${entries.length} ${plural(kind, entries.length)} (${named(entries)})`,
    );
  });
  const kept = `${publishers} ${plural('publisher', publishers)} and ${viewers} ${plural('viewer', viewers)} kept`;
  return `${parts.length === 0 ? 'nothing that runs changed' : parts.join(', ')}; ${kept}`;
}

/** The data of an outcome, for programs. */
export function outcomeData(outcome: Outcome): unknown {
  if (outcome.kind === 'refused') {
    return { outcome: 'refused', diagnostics: outcome.diagnostics, since: outcome.since };
  }
  const { report, warnings, ignored, took, publishers, viewers } = outcome;
  return {
    outcome: isNothing(outcome) ? 'unchanged' : 'applied',
    took,
    changes: report.changes,
    restartNeeded: report.restartNeeded,
    warnings,
    ignored,
    kept: { entries: report.count('kept'), publishers, viewers },
  };
}

const SIGNS: readonly (readonly [sign: string, outcomes: readonly ReportEntry['outcome'][]])[] = [
  ['+', ['started']],
  ['-', ['closed']],
  ['~', ['updated', 'restarted']],
  ['!', ['failed']],
];

const MOST_NAMED = 3;

function named(entries: readonly ReportEntry[]): string {
  const names = entries.slice(0, MOST_NAMED).map(({ name, changed, outcome }) => {
    const settings = changed === undefined || changed.length === 0 ? '' : `: ${changed.join(' ')}`;
    return `${name}${settings}${outcome === 'restarted' ? ', restarted' : ''}`;
  });
  const more = entries.length - names.length;
  return `${names.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

/** `2026-11-20 11:40:28`, in the time of this machine. */
function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
