import type { Context, Inert } from './table.ts';

/** Every context, for what may stand anywhere. */
const EVERYWHERE: readonly Context[] = [
  ...([
    'main',
    'events',
    'rtmp',
    'rtmp_server',
    'application',
    'recorder',
    'http',
    'server',
    'location',
  ] as const),
  ...([
    'server_if',
    'location_if',
    'limit_except',
    'upstream',
    'types',
    'map',
    'geo',
    'split_clients',
  ] as const),
  ...(['stream', 'stream_server', 'stream_upstream', 'mail', 'mail_server'] as const),
];

/**
 * Inert names that share a reason, by the contexts they may stand in. A name alone takes one argument; `/2`, `/1-2`,
 * `/1+` behind it say how many otherwise; braces instead of the stroke mean a block: `upstream{1}`.
 */
export function inert(
  disposition: 'ignored' | 'later' | 'unsupported',
  reason: string,
  names: Readonly<Record<string, string>>,
): readonly Inert[] {
  return Object.entries(names).flatMap(([places, list]) => {
    const contexts = places === 'everywhere' ? EVERYWHERE : (places.split(' ') as Context[]);
    return list
      .trim()
      .split(/\s+/)
      .map((entry): Inert => {
        const [, name, mark, least, more] = /^(\w+)(?:([/{])(\d+)(\+|-\d+)?\}?)?$/.exec(entry)!;
        const min = least === undefined ? 1 : Number(least);
        const max =
          more === undefined ? min : more === '+' ? Number.POSITIVE_INFINITY : Number(more.slice(1));
        return {
          names: name!,
          contexts,
          min,
          max,
          block: mark === '{',
          disposition: disposition === 'ignored' ? 'ignored' : 'unsupported',
          ...(disposition === 'later' ? { later: true } : {}),
          reason,
        };
      });
  });
}
