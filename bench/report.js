import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { goals } from './goals.js';
import { cache, root } from './prepare.js';
import { short, table } from './table.js';

/** @typedef {Record<string, Omit<import('./contest.js').Found, 'rows'> & { rows: string[][], effort: any }>} Results */

const stored = join(cache, 'results.json');
const document = join(root, 'docs', 'performance.md');
const BEGIN = '<!-- bench: begin -->';
const END = '<!-- bench: end -->';

/** The latest result of each scenario at full scale. @returns {Results} */
export function load() {
  return existsSync(stored) ? JSON.parse(readFileSync(stored, 'utf8')) : {};
}

/** @param {Results} results */
export function save(results) {
  mkdirSync(cache, { recursive: true });
  writeFileSync(stored, JSON.stringify(results, null, 1));
}

/**
 * Each goal with what was measured; `of` limits it to some scenarios.
 * @param {Results} results
 * @param {readonly string[]} [of]
 */
export function goalTable(results, of) {
  const rows = goals
    .filter((goal) => !of || of.includes(goal.scenario))
    .map(({ id, text, limit, unit, least, scenario }) => {
      const measured = results[scenario]?.measured[id];
      const goal = `${least ? '≥' : '≤'} ${limit} ${unit}`;
      // A result read back from its file has null where nothing was measured.
      if (measured === undefined || measured === null || !Number.isFinite(measured))
        return [text, goal, '', ''];
      const met = least ? measured >= limit : measured <= limit;
      return [text, goal, `${short(measured)} ${unit}`, met ? 'met' : 'missed'];
    });
  return table(['goal', 'limit', 'measured', ''], rows);
}

/**
 * Puts the results between the marks of docs/performance.md.
 * @param {Results} results
 */
export function write(results) {
  const text = readFileSync(document, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has no ${BEGIN} … ${END}`);
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  const sections = Object.entries(results).map(([name, { title, head, rows, notes, effort }]) =>
    [
      `### ${name}: ${title}`,
      `At most ${effort.rounds} rounds, ${effort.seconds} s each.`,
      table(head, rows),
      ...notes.map((note) => `- ${note.split('\n', 1)[0]?.replaceAll(`${root}/`, '')}`),
    ].join('\n\n'),
  );
  const made = [`Measured on ${machine}.`, goalTable(results), ...sections].join('\n\n');
  writeFileSync(document, `${text.slice(0, begin + BEGIN.length)}\n\n${made}\n\n${text.slice(end)}`);
}
