import { flag, number, offset, oneOf, value } from '../../config/rows.ts';

const PLACES = ['http', 'server', 'location'] as const;

/** Directives of compressed answers. */
export const gzipTable = {
  gzip: flag(false, 'Compresses answers of the types in gzip_types for clients that accept it.', {
    contexts: [...PLACES, 'location_if'],
  }),
  gzip_types: value<readonly string[]>(
    (words) => words.map((word) => word.value.toLowerCase()),
    [],
    'Media types that are compressed besides text/html; * for all. Playlists are application/vnd.apple.mpegurl.',
    'type ...',
    {
      contexts: PLACES,
      max: Number.POSITIVE_INFINITY,
      shown: 'text/html',
      example: 'gzip_types application/vnd.apple.mpegurl application/json text/xml;',
    },
  ),
  gzip_min_length: offset(20, 'Shorter answers are sent as they are.', { contexts: PLACES, shown: '20' }),
  gzip_comp_level: number(1, 'From 1, the quickest, to 9.', { contexts: PLACES, least: 1, most: 9 }),
  gzip_vary: flag(false, 'Tells caches with Vary that answers differ by Accept-Encoding.', {
    contexts: PLACES,
  }),
  gzip_http_version: oneOf(
    ['1.0', '1.1'],
    '1.1',
    'The oldest version whose requests are answered compressed.',
    {
      contexts: PLACES,
    },
  ),
  gzip_proxied: value<boolean>(
    (words) => words.every((word) => word.value !== 'off'),
    false,
    'Whether requests that came through a proxy, which have Via, are answered compressed: any value but off.',
    'off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any ...',
    { contexts: PLACES, max: Number.POSITIVE_INFINITY, shown: 'off' },
  ),
} as const;
