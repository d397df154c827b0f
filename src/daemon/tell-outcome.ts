import { printLine } from '../config/print.ts';
import type { Sliced } from '../config/slices.ts';
import type { ErrorLog } from './logging.ts';
import { isNothing, type Outcome, summary } from './outcome.ts';

/** Tells the log what became of a reload, in slices: there may be a finding for every line. */
export function* tellOutcome(errorLog: ErrorLog, outcome: Outcome, reason: string): Sliced<void> {
  const log = errorLog.logger;
  if (outcome.kind === 'refused') {
    for (const diagnostic of outcome.diagnostics) {
      if (diagnostic.severity === 'error') log.error(printLine(diagnostic));
      yield;
    }
    log.error({ reason }, 'reload refused, the running configuration is kept');
    return;
  }
  const { report, warnings } = outcome;
  for (const warning of warnings) {
    log.warn(printLine(warning));
    yield;
  }
  if (isNothing(outcome)) errorLog.notice('configuration is unchanged', { reason });
  else errorLog.notice('reloaded', { reason, took: Math.round(outcome.took), changes: summary(outcome) });
  if (report.restartNeeded.length > 0) {
    log.warn({ settings: report.restartNeeded }, 'some changes only apply after a restart');
  }
}
