import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { LoadedFile } from '../config/load.ts';
import { printText } from '../config/print.ts';
import { carryOut, type Step } from '../core/reload/plan.ts';
import { Report, type ReportEntry } from '../core/reload/report.ts';
import { counted, endedBy, heldBy, stepData, stepLines } from './plan-lines.ts';

/** What became of a reload. */
export type Outcome = Applied | Refused;

/** A reload that was carried out. */
export interface Applied {
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

/** A reload that changed nothing, and why. */
export interface Refused {
  readonly kind: 'refused';
  readonly diagnostics: readonly Diagnostic[];
  readonly files: readonly LoadedFile[];
  /** Wall clock, ms, of the configuration that goes on. */
  readonly since: number;
}

/** A reload that was only looked at. */
export interface Planned {
  readonly kind: 'planned';
  readonly steps: readonly Step[];
  readonly warnings: readonly Diagnostic[];
  readonly ignored: Config['ignored'];
  /** Publishers and players that would stay. */
  readonly publishers: number;
  readonly viewers: number;
}

/** Whether a reload found everything as it was. */
export function isNothing(outcome: Outcome | Planned): boolean {
  if (outcome.kind === 'refused') return false;
  const { changes, restartNeeded } = reportOf(outcome);
  return changes.length === 0 && restartNeeded.length === 0;
}

/** What was done, or what doing it is expected to report. */
function reportOf(outcome: Applied | Planned): Report {
  if (outcome.kind === 'applied') return outcome.report;
  const report = new Report();
  carryOut(
    outcome.steps.map(({ take: _, ...step }) => step),
    report,
  );
  return report;
}

/** The outcome in lines, as `mediad -s reload` prints them. */
export function outcomeLines(outcome: Outcome | Planned): readonly string[] {
  if (outcome.kind === 'refused') {
    return [
      ...printText(outcome.diagnostics, { files: outcome.files }).trimEnd().split('\n'),
      `mediad: reload refused, the running configuration (loaded ${localTime(outcome.since)}) is kept`,
    ];
  }
  const warned = printText(outcome.warnings, { files: [] }).split('\n').slice(0, -1);
  if (isNothing(outcome)) return [...warned, 'mediad: configuration is unchanged, nothing to do'];
  if (outcome.kind === 'planned') return [...warned, ...plannedLines(outcome)];
  return [...warned, ...changeLines(outcome, `reloaded in ${Math.max(1, Math.round(outcome.took))} ms`)];
}

/** The outcome of a reload that a change of the file had already brought about when it was asked for. */
export function noticedLines(outcome: Applied): readonly string[] {
  return changeLines(outcome, 'already reloaded as the file was saved');
}

function plannedLines(outcome: Planned): readonly string[] {
  const { steps, publishers, viewers } = outcome;
  const { restartNeeded } = reportOf(outcome);
  const ended = endedBy(steps);
  const kept = counted({ publishers, players: viewers });
  return [
    'mediad: a reload would do this:',
    ...stepLines(steps),
    ended.publishers + ended.players === 0
      ? `mediad: nobody would be sent away; ${kept} would stay`
      : `mediad: ${counted(ended)} would be sent away, ${kept} would stay`,
    ...restartLines(restartNeeded),
  ];
}

function restartLines(settings: readonly string[]): readonly string[] {
  return settings.length === 0 ? [] : [`mediad: [warn] only a restart applies: ${settings.join(', ')}`];
}

function changeLines(outcome: Applied, done: string): readonly string[] {
  const { report } = outcome;
  const lines = [`mediad: ${done}: ${summary(outcome)}`, ...restartLines(report.restartNeeded)];
  for (const { name } of report.entries.filter((entry) => entry.outcome === 'failed')) {
    lines.push(`mediad: [error] ${name} could not start, see the log`);
  }
  return lines;
}

/** Without services that come and go with the server or application they belong to, which says it all. */
function told(entries: readonly ReportEntry[]): readonly ReportEntry[] {
  const owners = new Set(
    entries
      .filter(({ kind, outcome }) => kind !== 'service' && (outcome === 'started' || outcome === 'closed'))
      .map(({ name, outcome }) => `${outcome} ${name}`),
  );
  return entries.filter(({ kind, name, outcome }) => {
    const owner = name.slice(name.lastIndexOf(' of ') + ' of '.length);
    return kind !== 'service' || !owners.has(`${outcome} ${owner}`);
  });
}

/** What changed, in one phrase: `+1 application (rtmp:1935/cam); 12 publishers and 340 viewers kept`. */
export function summary(outcome: Applied): string {
  const { report, publishers, viewers } = outcome;
  const changes = told(report.changes);
  const parts = SIGNS.flatMap(([sign, outcomes]) => {
    const kinds = new Map<string, ReportEntry[]>();
    for (const entry of changes) {
      if (!outcomes.includes(entry.outcome)) continue;
      kinds.set(entry.kind, [...(kinds.get(entry.kind) ?? []), entry]);
    }
    return [...kinds].map(
      ([kind, entries]) => `${sign}${entries.length} ${plural(kind, entries.length)} (${named(entries)})`,
    );
  });
  const kept = `${publishers} ${plural('publisher', publishers)} and ${viewers} ${plural('viewer', viewers)} kept`;
  const ended = endedBy(report.entries.map((entry) => ({ entry })));
  if (ended.publishers + ended.players > 0) parts.push(`${counted(ended)} sent away`);
  return `${parts.length === 0 ? 'nothing that runs changed' : parts.join(', ')}; ${kept}`;
}

/** The data of an outcome, for programs. */
export function outcomeData(outcome: Outcome | Planned): unknown {
  if (outcome.kind === 'refused') {
    return { outcome: 'refused', diagnostics: outcome.diagnostics, since: outcome.since };
  }
  if (outcome.kind === 'planned') return plannedData(outcome);
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

function plannedData(outcome: Planned): unknown {
  const { steps, warnings, ignored, publishers, viewers } = outcome;
  return {
    outcome: isNothing(outcome) ? 'unchanged' : 'planned',
    changes: steps.filter(({ entry }) => entry.outcome !== 'kept').map(stepData),
    restartNeeded: reportOf(outcome).restartNeeded,
    warnings,
    ignored,
    ends: endedBy(steps),
    kept: { entries: reportOf(outcome).count('kept'), publishers, viewers },
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
  const names = entries.slice(0, MOST_NAMED).map((entry) => {
    const { name, changed, outcome } = entry;
    const settings = changed === undefined || changed.length === 0 ? '' : `: ${changed.join(' ')}`;
    return `${name}${settings}${outcome === 'restarted' ? ', restarted' : ''}${heldBy(entry)}`;
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
