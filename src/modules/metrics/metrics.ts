import { flag, number } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import type { Exchange } from '../../http/requests/exchange.ts';
import { PROCESS } from './topic.ts';

const table = {
  metrics: flag(
    false,
    'Answers with the figures of the server for Prometheus. They name streams: let only those in who may know them.',
    {
      contexts: ['server', 'location'],
      merge: 'own',
      example: 'location = /metrics { metrics on; allow 127.0.0.1; deny all; }',
    },
  ),
  metrics_streams: number(
    1000,
    'How many streams have figures of their own; the others only count in those of their application.',
    { example: 'metrics_streams 200;', contexts: ['http', 'server', 'location'] },
  ),
} as const;

/** The text format of Prometheus. */
const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Figures for Prometheus. */
export const metricsModule: HttpModule = {
  name: 'metrics',
  tables: { location: table },
  content: contentHandler(table, { enabled: (conf) => conf.metrics, handle: answerMetrics }),
  answers: { [PROCESS]: async () => (await import('./process.ts')).processMetrics() },
};

async function answerMetrics(exchange: Exchange, conf: Settings<typeof table>): Promise<Handled> {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    return { status: 405, headers: [['Allow', 'GET, HEAD']] };
  }
  // Loaded only where somebody asks: it watches the process from then on.
  const { exposition } = await import('./exposition.ts');
  const body = await exposition(exchange.runtime, conf.metrics_streams);
  return { status: 200, type: TYPE, body, headers: [['Cache-Control', 'no-store']] };
}
