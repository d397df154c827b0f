import { mediaTargets } from './media-targets.ts';
import { serverTargets } from './server-targets.ts';
import type { Target } from './target.ts';
import { textTargets } from './text-targets.ts';
import { wireTargets } from './wire-targets.ts';

/** Everything that reads what strangers send, and what operators write. */
export const targets: readonly Target[] = [...wireTargets, ...mediaTargets, ...textTargets, ...serverTargets];

/** The number of inputs of a run that are for a target. */
export function shareOf(target: Target, inputs: number): number {
  const all = targets.reduce((sum, { share }) => sum + share, 0);
  return Math.ceil((inputs * target.share) / all);
}
