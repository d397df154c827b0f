import type { Settings } from '../../config/table.ts';
import type { Runtime } from '../../core/runtime.ts';
import { findSessions } from '../../core/sessions.ts';
import { type Whole, wholeFigures } from '../../core/statistics/whole.ts';
import { mayOperate, OPERATORS_ONLY } from '../../http/answers/operators.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import type { Answer, Exchange, HeaderField } from '../../http/requests/exchange.ts';
import { redirectAnswer } from '../../http/requests/redirect.ts';
import { escapePath } from '../../http/values/uri.ts';
import { apiTable } from './directives.ts';
import { effectiveConfig } from './effective.ts';
import { sendEvents } from './events.ts';
import { clientsOf, hooksOf, overview, recordingsOf, relaysOf, streamOf, streamsOf } from './resources.ts';

/** The topic on which workers are asked to disconnect a client. */
const KICK = 'api kick';

/** The state of the server in JSON. */
export const apiModule: HttpModule = {
  name: 'api',
  tables: { location: apiTable },
  content: contentHandler(apiTable, { enabled: (conf) => conf.api, handle: answerApi }),
  answers: { [KICK]: kickHere },
};

async function answerApi(exchange: Exchange, conf: Settings<typeof apiTable>): Promise<Handled> {
  const path = below(exchange);
  if (path === null) return redirectAnswer(exchange, 301, `${escapePath(exchange.uri)}/`);
  if (!mayOperate(exchange)) return problem(403, OPERATORS_ONLY);
  const { method } = exchange;
  const client = /^clients?\/([0-9]{1,15})$/.exec(path)?.[1];
  if (method === 'DELETE' && client !== undefined) return kick(exchange, conf, Number(client));
  if (method !== 'GET' && method !== 'HEAD') {
    return problem(405, 'GET it', [['Allow', client === undefined ? 'GET, HEAD' : 'GET, HEAD, DELETE']]);
  }
  if (path === 'events') return method === 'HEAD' ? found({}) : sendEvents(exchange);
  const content = resource(exchange, await wholeFigures(exchange.runtime), path);
  return content === undefined ? problem(404, `there is no ${JSON.stringify(path)} here`) : found(content);
}

/** The path behind the location's own; null where only the slash between them is missing. */
function below({ place, uri }: Exchange): string | null {
  const { match } = place;
  const prefix = match === null || match.kind === 'pattern' || match.kind === 'named' ? '/' : match.uri;
  const rest = uri.slice(prefix.length);
  if (rest === '' && !prefix.endsWith('/')) return null;
  return rest.replace(/^\//, '').replace(/\/$/, '');
}

function resource({ runtime }: Exchange, whole: Whole, path: string): unknown {
  const { figures } = whole;
  const { reloads } = runtime;
  const [head, app, ...name] = path.split('/');
  if (head === 'streams' && name.length > 0) return streamOf(figures, app!, name.join('/'));
  if (head === 'clients' && app !== undefined && name.length === 0) {
    return clientsOf(figures).find(({ id }) => String(id) === app);
  }
  switch (path) {
    case '':
      return overview(whole, runtime.workers.index);
    case 'streams':
      return streamsOf(figures);
    case 'clients':
      return clientsOf(figures);
    case 'relays':
      return relaysOf(figures);
    case 'execs':
      return figures.execs;
    case 'hooks':
      return hooksOf(figures);
    case 'recordings':
      return recordingsOf(figures);
    case 'reload': {
      return { ...figures.reloads, last: reloads.last };
    }
    case 'config':
      return reloads.tree === undefined ? [] : effectiveConfig(reloads.tree);
    default:
      return undefined;
  }
}

async function kick({ runtime }: Exchange, conf: Settings<typeof apiTable>, id: number): Promise<Answer> {
  if (!conf.api_control) return problem(403, 'api_control is off');
  let disconnected = kickHere(runtime, id);
  for (const { answer } of await runtime.workers.ask<number>(KICK, id)) disconnected += answer;
  return disconnected === 0 ? problem(404, 'no such client') : found({ disconnected });
}

/** Disconnects a client of this process; gives in how many sessions it was. */
function kickHere({ hub }: Runtime, id: number): number {
  const sessions = hub.servers.flatMap((server) => findSessions(server, { id }));
  for (const { request } of sessions) request.dismiss('disconnected by an administrator');
  return sessions.length;
}

const FIELDS: readonly HeaderField[] = [
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
];

function found(content: unknown): Answer {
  return { status: 200, type: 'application/json', headers: FIELDS, body: `${JSON.stringify(content)}\n` };
}

function problem(status: number, error: string, headers: readonly HeaderField[] = []): Answer {
  const body = `${JSON.stringify({ status, error })}\n`;
  return { status, type: 'application/json', headers: [...FIELDS, ...headers], body };
}
