import { type Block, settingsOf } from '../config/block.ts';
import { mainTable, RESTART_SETTINGS } from '../core/main.ts';
import type { Step } from '../core/plan.ts';
import { changedSettings } from '../core/services.ts';

/** Tells what differs in the settings of the process as a whole; they are applied by whoever uses them. */
export function mainSteps(before: Block, after: Block): readonly Step[] {
  const changed = changedSettings(settingsOf(before, mainTable), settingsOf(after, mainTable));
  if (changed.length === 0) return [];
  const restart: readonly string[] = RESTART_SETTINGS;
  const restartNeeded = changed.filter((name) => restart.includes(name));
  const now = changed.filter((name) => !restart.includes(name));
  const entry = { kind: 'setting', name: 'main' } as const;
  if (now.length === 0) return [{ entry: { ...entry, outcome: 'kept' }, restartNeeded }];
  return [{ entry: { ...entry, outcome: 'updated', changed: now }, before, after, restartNeeded }];
}
