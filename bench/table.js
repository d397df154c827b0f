/**
 * The middle, the least and the most of repeated measurements.
 * @param {readonly number[]} values
 */
export function spread(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return { median: Number.NaN, least: Number.NaN, most: Number.NaN };
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? at(sorted, half) : (at(sorted, half - 1) + at(sorted, half)) / 2;
  return { median, least: at(sorted, 0), most: at(sorted, sorted.length - 1) };
}

/** @param {readonly number[]} values @param {number} index */
function at(values, index) {
  return values[index] ?? Number.NaN;
}

/**
 * A number with three figures that count.
 * @param {number} value
 */
export function short(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return size >= 100
    ? `${Math.round(value)}`
    : value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3).replace(/\.?0+$/, '');
}

/**
 * The median of repeated measurements, and how far they lie apart: `0.61 (0.58–0.66)`.
 * @param {readonly number[]} values
 */
export function show(values) {
  const { median, least, most } = spread(values);
  return values.length < 2 ? short(median) : `${short(median)} (${short(least)}–${short(most)})`;
}

/**
 * A Markdown table with columns of even width, which reads well on a terminal too.
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)));
  const line = (/** @type {readonly string[]} */ row) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join(
    '\n',
  );
}
