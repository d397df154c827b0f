import { oneOf } from '../../config/rows.ts';

/** Directives of the page that plays streams. */
export const playerTable = {
  player: oneOf(
    ['on', 'nolist', 'off'],
    'off',
    'Serves the page that plays streams by HTTP-FLV and HLS; it lists what is live to everybody who may open it, with nolist nothing.',
    { contexts: ['location'], example: 'location / { player on; }' },
  ),
} as const;
