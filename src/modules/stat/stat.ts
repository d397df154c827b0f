import type { Settings } from '../../config/table.ts';
import { wholeFigures } from '../../core/statistics/whole.ts';
import { contentHandler, type HttpModule } from '../../http/handler.ts';
import type { Answer, Exchange } from '../../http/requests/exchange.ts';
import type { Place } from '../../http/router.ts';
import { escapePath } from '../../http/values/uri.ts';
import { statTable } from './directives.ts';
import { statFacts } from './facts.ts';
import { statJson } from './json.ts';
import { statXml } from './xml.ts';

/** The statistics page. */
export const statModule: HttpModule = {
  name: 'stat',
  tables: { location: statTable },
  content: contentHandler(statTable, { enabled: (conf) => conf.rtmp_stat.length > 0, handle: answerStat }),
};

async function answerStat(exchange: Exchange, conf: Settings<typeof statTable>): Promise<Answer> {
  const { rtmp_stat: parts, rtmp_stat_format: format, rtmp_stat_root: chosen } = conf;
  const all = parts.includes('all');
  const shown = {
    live: all || parts.includes('live'),
    clients: all || parts.includes('clients'),
    records: all || parts.includes('record'),
  };
  const root = chosen === 'auto' ? (format === 'json' ? 'http-flv' : 'rtmp') : chosen;
  const whole = await wholeFigures(exchange.runtime);
  const facts = statFacts(whole, shown, root, controlPath(exchange.server.place));
  return {
    status: 200,
    type: format === 'json' ? 'application/json' : 'text/xml',
    body: format === 'json' ? statJson(facts) : statXml(facts, conf.rtmp_stat_stylesheet),
    headers: [['Cache-Control', 'no-cache']],
  };
}

/** The path of a location that drops sessions, so that the page can link to it; empty where there is none. */
function controlPath(place: Place): string {
  for (const { place: inner } of place.locations.prefixes) {
    const parts = inner.block.settings['rtmp_control'];
    if (Array.isArray(parts) && (parts.includes('all') || parts.includes('drop'))) {
      return escapePath(inner.match!.uri.replace(/\/$/, ''));
    }
    const deeper = controlPath(inner);
    if (deeper !== '') return deeper;
  }
  return '';
}
