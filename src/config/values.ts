/**
 * nginx's value syntaxes as pure functions from text to value; null means that the text is none of the kind.
 */

/** `on` or `off` in any letter case. */
export function parseFlag(text: string): boolean | null {
  const lower = text.toLowerCase();
  return lower === 'on' ? true : lower === 'off' ? false : null;
}

/** Decimal digits only. */
export function parseNumber(text: string): number | null {
  if (!/^[0-9]{1,15}$/.test(text)) return null;
  return Number(text);
}

/** Digits with an optional `k` or `m`, and `g` where `giga` allows it; bytes. */
export function parseSize(text: string, giga = false): number | null {
  const match = /^([0-9]{1,15})([kKmMgG]?)$/.exec(text);
  if (match === null) return null;
  const unit = match[2]!.toLowerCase();
  if (unit === 'g' && !giga) return null;
  const factor = unit === 'k' ? 1024 : unit === 'm' ? 1024 ** 2 : unit === 'g' ? 1024 ** 3 : 1;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : null;
}

const UNITS = ['y', 'M', 'w', 'd', 'h', 'm', 's', 'ms'] as const;
const UNIT_MS: Readonly<Record<string, number>> = {
  y: 365 * 86_400_000,
  M: 30 * 86_400_000,
  w: 7 * 86_400_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/**
 * Groups of digits with units in falling order, each at most once: `1h30m`, `500ms`. A bare number, and a bare last
 * group, are seconds. Gives ms for `milliseconds`, else whole seconds; `ms` only exists in the former, `y` and `M`
 * only in the latter.
 */
export function parseTime(text: string, milliseconds: boolean): number | null {
  const pattern = /\s*([0-9]{1,15})(ms|[yMwdhms]?)/y;
  let total = 0;
  let rank = -1;
  let at = 0;
  if (text === '') return null;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return null;
    at = pattern.lastIndex;
    const unit = match[2] === '' ? 's' : match[2]!;
    if (match[2] === '' && at < text.length) return null;
    if (unit === 'ms' && !milliseconds) return null;
    if ((unit === 'y' || unit === 'M') && milliseconds) return null;
    const next = UNITS.indexOf(unit as (typeof UNITS)[number]);
    if (next <= rank) return null;
    rank = next;
    total += Number(match[1]) * UNIT_MS[unit]!;
  }
  if (!Number.isSafeInteger(total)) return null;
  return milliseconds ? total : total / 1000;
}
