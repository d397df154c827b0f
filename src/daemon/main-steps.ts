import { type Block, settingsOf } from '../config/block.ts';
import { mainTable, RESTART_SETTINGS } from '../core/main.ts';
import type { Step } from '../core/reload/plan.ts';
import { changedSettings } from '../core/services.ts';

/**
 * Tells what differs in the settings of the process as a whole; they are applied by whoever uses them. `fixed` are those
 * that only a restart applies, besides those of which that always holds.
 */
export function mainSteps(before: Block, after: Block, fixed: readonly string[]): readonly Step[] {
  const changed = changedSettings(settingsOf(before, mainTable), settingsOf(after, mainTable));
  if (changed.length === 0) return [];
  const restart: readonly string[] = [...RESTART_SETTINGS, ...fixed];
  const restartNeeded = changed.filter((name) => restart.includes(name));
  const now = changed.filter((name) => !restart.includes(name));
  const entry = { kind: 'setting', name: 'main' } as const;
  if (now.length === 0) return [{ entry: { ...entry, outcome: 'kept' }, restartNeeded }];
  return [{ entry: { ...entry, outcome: 'updated', changed: now }, before, after, restartNeeded }];
}
