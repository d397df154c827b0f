import { readMsec, value } from '../../config/rows.ts';
import type { Settings, ValueRow } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';

/** How much a publisher may send: bits per second on average over any `window` ms. */
export interface BitrateLimit {
  readonly rate: number;
  readonly window: number;
}

const DEFAULT_WINDOW_MS = 10_000;
const LONGEST_WINDOW_MS = 600_000;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000, g: 1_000_000_000 };

/** A whole number, or none: null. */
function most(help: string, example: string, shown = 'unlimited'): ValueRow<number | null> {
  return value<number | null>(
    ([word], context) => {
      if (word!.value.toLowerCase() === 'off') return null;
      return (
        parseNumber(word!.value) ??
        context.fail(
          `"${context.name}" directive invalid value "${word!.value}"`,
          word!.at,
          'a whole number, or off',
        )
      );
    },
    null,
    help,
    'number | off',
    { shown, example },
  );
}

/** Directives of limits. */
export const limitTable = {
  max_connections: most(
    'Clients that may be connected at a time, over RTMP and HTTP-FLV, in all servers and applications together; those to an application are measured against its own number.',
    'max_connections 1000;',
  ),
  max_connections_per_address: most(
    'Clients of one address, or of the same 64 bits of IPv6, that may be connected at a time, over RTMP and HTTP-FLV, in all servers and applications together, also those that neither publish nor play.',
    'max_connections_per_address 50;',
  ),
  max_players: most(
    'Players that one stream may have at a time, viewers of HLS among them.',
    'max_players 200;',
  ),
  max_live_streams: most(
    'Streams that the application may have at a time; a publisher of one more is refused.',
    'max_live_streams 20;',
  ),
  max_publishers_per_address: most(
    'Streams that clients of one address, or of the same 64 bits of IPv6, may publish to the application at a time.',
    'max_publishers_per_address 2;',
  ),
  max_players_per_address: most(
    'Streams that clients of one address, or of the same 64 bits of IPv6, may play of the application at a time.',
    'max_players_per_address 10;',
  ),
  max_publish_bitrate: value<BitrateLimit | null>(
    ([rate, window], context) => {
      if (rate!.value.toLowerCase() === 'off' && window === undefined) return null;
      const match = /^([0-9]{1,12})([kmg]?)$/i.exec(rate!.value);
      const bits = match === null ? 0 : Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
      if (bits === 0) {
        return context.fail(
          `"${context.name}" directive invalid value "${rate!.value}"`,
          rate!.at,
          'bits per second, for example 8m or 2500k, or off',
        );
      }
      return {
        rate: bits,
        window:
          window === undefined
            ? DEFAULT_WINDOW_MS
            : readMsec(window, context, { least: 1000, most: LONGEST_WINDOW_MS }),
      };
    },
    null,
    'Bits per second that a publisher may send on average over the time, 10s where none is given; k is 1000 and m a million. One that sends more is sent away.',
    'rate [time] | off',
    { max: 2, shown: 'off', example: 'max_publish_bitrate 8m 10s;' },
  ),
} as const;

export type LimitSettings = Settings<typeof limitTable>;
