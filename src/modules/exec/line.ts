import type { OrderedSetting } from '../../config/block.ts';
import type { Context } from '../../config/table.ts';

/** One statement as the table reads it: the words after the name, and the kind of block it stands in. */
export interface WrittenLine {
  readonly level: Context;
  readonly words: readonly string[];
}

/** When a program is run. */
export type Occasion =
  | 'push'
  | 'pull'
  | 'static'
  | 'publish'
  | 'publish_done'
  | 'play'
  | 'play_done'
  | 'record_started'
  | 'record_done';

/** One program to run. */
export interface ExecLine {
  readonly directive: string;
  readonly occasion: Occasion;
  readonly level: Context;
  readonly program: string;
  /** As written, redirections among them. */
  readonly args: readonly string[];
  /** The only streams it is for; empty: every one. */
  readonly names: readonly string[];
}

const FILTER = 'name=';

/** The programs of a group of settings, inner blocks first. `exec_options` counts for what follows it in its own block. */
export function linesOf(settings: readonly OrderedSetting[]): readonly ExecLine[] {
  const lines: ExecLine[] = [];
  let options = false;
  let level: Context | undefined;
  for (const { name, value } of settings) {
    const written = value as WrittenLine;
    if (written.level !== level) options = false;
    level = written.level;
    const [program, ...args] = written.words;
    if (name === 'exec_options') {
      options = program === 'on';
      continue;
    }
    const isFilter = (word: string): boolean => options && word.startsWith(FILTER);
    lines.push({
      directive: name,
      occasion: occasionOf(name),
      level,
      program: program!,
      args: args.filter((word) => !isFilter(word)),
      names: args.filter(isFilter).map((word) => word.slice(FILTER.length)),
    });
  }
  return lines;
}

/** The programs of recordings: a recorder's own for the occasion, where it has any, take the place of those around it. */
export function recordingLines(
  settings: readonly OrderedSetting[],
  occasion: 'record_started' | 'record_done',
): readonly ExecLine[] {
  const lines = linesOf(settings).filter((line) => line.occasion === occasion);
  const own = lines.filter(({ level }) => level === 'recorder');
  return own.length > 0 ? own : lines;
}

/** The lines of an occasion that are for a stream. */
export function linesFor(lines: readonly ExecLine[], occasion: Occasion, name: string): readonly ExecLine[] {
  return lines.filter(
    (line) => line.occasion === occasion && (line.names.length === 0 || line.names.includes(name)),
  );
}

function occasionOf(directive: string): Occasion {
  return directive === 'exec' ? 'push' : (directive.slice('exec_'.length) as Occasion);
}
