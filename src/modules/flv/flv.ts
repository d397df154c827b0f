import type { Settings } from '../../config/table.ts';
import { Refused } from '../../core/applications/refused.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import type { Answer, Exchange } from '../../http/requests/exchange.ts';
import { flvTable } from './directives.ts';
import { FlvPlayer } from './player.ts';
import { wantedOf } from './target.ts';

const METHODS = 'GET, HEAD, OPTIONS';

/** HTTP-FLV: live streams as endless FLV files. */
export const flvModule: HttpModule = {
  name: 'flv',
  tables: { location: flvTable },
  content: contentHandler(flvTable, { enabled: (conf) => conf.flv_live, handle: answerFlv }),
};

async function answerFlv(exchange: Exchange, conf: Settings<typeof flvTable>): Promise<Handled> {
  const wanted = wantedOf(exchange, conf, exchange.runtime.hub);
  if (wanted.kind === 'other') return 'declined';
  const { method } = exchange;
  if (method === 'OPTIONS') return { status: 204, headers: [['Allow', METHODS]], addHeaders: 'always' };
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, headers: [['Allow', METHODS]], addHeaders: 'always' };
  }
  if (wanted.kind === 'mistake') return refusal(exchange, wanted.status, wanted.reason);
  const player = new FlvPlayer(exchange, wanted.target);
  try {
    return (await player.start(conf.flv_live_wait)) ? 'taken' : refusal(exchange, 404, 'no such stream');
  } catch (error) {
    player.leave();
    if (error instanceof Refused) return refusal(exchange, STATUS[error.reason], error.message);
    throw error;
  }
}

const STATUS = {
  busy: 409,
  denied: 403,
  'not-found': 404,
  'bad-name': 400,
  overloaded: 503,
  unsupported: 415,
} as const;

/**
 * A refusal that a page's script can read: as JSON, with the place's added headers whatever the status is, since
 * without those of CORS a browser would only tell of a network error.
 */
function refusal(exchange: Exchange, status: number, reason: string): Answer {
  exchange.log.info({ status, reason }, 'HTTP-FLV refused');
  if (exchange.place.conf.error_page.some(({ codes }) => codes.includes(status))) {
    return { status, reason, addHeaders: 'always' };
  }
  const body = `${JSON.stringify({ status, error: reason })}\n`;
  return {
    status,
    type: 'application/json',
    body,
    headers: [['Cache-Control', 'no-cache']],
    addHeaders: 'always',
  };
}
