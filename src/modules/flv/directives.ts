import { flag, msec, value } from '../../config/rows.ts';
import { parseNumber } from '../../config/values.ts';

/** The application that a location's paths belong to. */
export interface FlvApplication {
  /** Null: the port that a request without one means. */
  readonly port: number | null;
  readonly name: string;
}

/** Directives of HTTP-FLV. */
export const flvTable = {
  flv_live: flag(
    false,
    'Plays live streams as FLV: LOCATION?app=APP&stream=NAME[&port=PORT], LOCATION/APP/NAME.flv, and LOCATION/NAME.flv where flv_live_application names the application.',
    { contexts: ['location'], example: 'location /live { flv_live on; }' },
  ),
  flv_live_application: value<FlvApplication | null>(
    ([word], context) => {
      const match = /^(?:([0-9]+)\/)?([^/].*)$/.exec(word!.value);
      const port = match?.[1] === undefined ? null : parseNumber(match[1]);
      if (match === null || (port !== null && (port < 1 || port > 65_535))) {
        return context.fail(
          `invalid application "${word!.value}"`,
          word!.at,
          'APP, or PORT/APP where its server listens elsewhere than on 1935',
        );
      }
      return { port, name: match[2]! };
    },
    null,
    'The application of a flv_live location, so that LOCATION/NAME.flv and LOCATION?stream=NAME need not name it.',
    '[port/]application',
    { contexts: ['location'], example: 'location /cam { flv_live on; flv_live_application live; }' },
  ),
  flv_live_wait: msec(
    0,
    'How long a request for a stream that nobody publishes is kept waiting before it gets 404.',
    { contexts: ['http', 'server', 'location'], shown: '0', example: 'flv_live_wait 5s;' },
  ),
} as const;
