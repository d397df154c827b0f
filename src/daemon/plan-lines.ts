import type { Block } from '../config/block.ts';
import type { Step } from '../core/reload/plan.ts';
import type { Ended, ReportEntry } from '../core/reload/report.ts';

/** A setting that would change, as written before and after; null where it is not written. */
interface Change {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
}

const SIGNS: Readonly<Record<ReportEntry['outcome'], string>> = {
  kept: ' ',
  started: '+',
  closed: '-',
  updated: '~',
  restarted: '~',
  failed: '!',
};

/** Everybody whom steps send away. */
export function endedBy(steps: readonly Step[]): Ended {
  let [publishers, players] = [0, 0];
  for (const { entry } of steps) {
    publishers += entry.ends?.publishers ?? 0;
    players += entry.ends?.players ?? 0;
  }
  return { publishers, players };
}

/** Steps in lines, block by block: `~ application rtmp:1935/live` and below it `gop_cache: on → off`. */
export function stepLines(steps: readonly Step[]): readonly string[] {
  return steps
    .filter(({ entry }) => entry.outcome !== 'kept')
    .flatMap((step) => {
      const { kind, name, outcome, ends } = step.entry;
      const restarted = outcome === 'restarted' ? ', restarted' : '';
      const ended = ends === undefined ? '' : `, ends ${counted(ends)}`;
      const held = heldBy(step.entry);
      return [
        `  ${SIGNS[outcome]} ${kind} ${name}${restarted}${ended}${held}`,
        ...changesOf(step).map(
          (change) => `      ${change.name}${change.from === change.to ? '' : `: ${arrow(change)}`}`,
        ),
      ];
    });
}

/** A step as data, with the settings that change. Their texts may hold secrets: for whoever may read the file. */
export function stepData(step: Step): unknown {
  const settings = changesOf(step);
  return { ...step.entry, ...(settings.length === 0 ? {} : { settings }) };
}

/** `1 publisher and 12 players`. */
export function counted({ publishers, players }: Ended): string {
  return `${publishers} publisher${publishers === 1 ? '' : 's'} and ${players} player${players === 1 ? '' : 's'}`;
}

/** What becomes of the connections of a worker that comes back or goes: `, when its 12 connections have gone`. */
export function heldBy({ outcome, connections, patience }: ReportEntry): string {
  if (connections === undefined) return '';
  const held = `its ${connections} connection${connections === 1 ? '' : 's'}`;
  if (outcome !== 'closed') return `, taken back with ${held}`;
  if (connections === 0) return '';
  const bound = patience === undefined ? '' : `, or after ${patience / 1000} s`;
  return `, when ${held} ${connections === 1 ? 'has' : 'have'} gone${bound}`;
}

function changesOf({ entry, before, after }: Step): readonly Change[] {
  return (entry.changed ?? []).map((name) => ({ name, from: textOf(before, name), to: textOf(after, name) }));
}

function textOf(block: Pick<Block, 'texts'> | undefined, name: string): string | null {
  return block?.texts[name] ?? null;
}

function arrow({ from, to }: Change): string {
  return `${from ?? 'default'} → ${to ?? 'default'}`;
}
