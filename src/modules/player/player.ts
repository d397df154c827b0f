import type { Settings } from '../../config/table.ts';
import { conditions } from '../../http/answers/files.ts';
import { memoryAnswer } from '../../http/answers/memory-answer.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import type { Exchange, HeaderField } from '../../http/requests/exchange.ts';
import { redirectAnswer } from '../../http/requests/redirect.ts';
import { escapePath, queryOf } from '../../http/values/uri.ts';
import { playerTable } from './directives.ts';
import { pageFiles } from './page.ts';
import { liveStreams, playerState, STREAMS } from './state.ts';

/** The page that plays live streams in a browser. */
export const playerModule: HttpModule = {
  name: 'player',
  tables: { location: playerTable },
  content: contentHandler(playerTable, { enabled: (conf) => conf.player !== 'off', handle: answerPlayer }),
  answers: { [STREAMS]: liveStreams },
};

/** Only our own script runs; streams may come from anywhere, as `?flv=` and `?hls=` name them. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self'",
  'media-src * blob:',
  'connect-src *',
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
].join('; ');

const SAFETY: readonly HeaderField[] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'same-origin'],
];

async function answerPlayer(exchange: Exchange, conf: Settings<typeof playerTable>): Promise<Handled> {
  const { match } = exchange.place;
  const prefix = match === null || match.kind === 'pattern' || match.kind === 'named' ? '/' : match.uri;
  const rest = exchange.uri.slice(prefix.length);
  if (rest === '' && !prefix.endsWith('/')) {
    // The page's own links are relative.
    return redirectAnswer(exchange, 301, `${escapePath(exchange.uri)}/${queryOf(exchange.args)}`);
  }
  const name = rest.replace(/^\//, '');
  const file = pageFiles().get(name === '' ? 'index.html' : name);
  if (name !== 'player.json' && file === undefined) {
    return name === '' ? { status: 404, reason: 'the player page has not been built' } : 'declined';
  }
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    return { status: 405, headers: [['Allow', 'GET, HEAD']] };
  }
  if (file === undefined) {
    const state =
      conf.player === 'on' ? await playerState(exchange) : { now: Date.now(), streams: [], publish: [] };
    const headers: readonly HeaderField[] = [['Cache-Control', 'no-store'], ...SAFETY];
    return { status: 200, type: 'application/json', headers, body: JSON.stringify(state) };
  }
  const answer = memoryAnswer(conditions(exchange), file, { etag: true, ranges: false });
  const page: readonly HeaderField[] = file.type.startsWith('text/html')
    ? [['Content-Security-Policy', POLICY]]
    : [];
  // Kept, but asked about each time, so that a new version of the program shows its own page.
  const headers = [...(answer.headers ?? []), ['Cache-Control', 'no-cache'] as const, ...SAFETY, ...page];
  return { ...answer, type: file.type, headers };
}
