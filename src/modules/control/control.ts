import { anyOf } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import type { SessionQuery } from '../../core/sessions.ts';
import { mayOperate, OPERATORS_ONLY } from '../../http/answers/operators.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import type { Answer, Exchange } from '../../http/requests/exchange.ts';
import { argument, percentDecode } from '../../http/values/uri.ts';
import { CONTROL, carryOut, everywhere, type Order } from './orders.ts';

const table = {
  rtmp_control: anyOf(
    ['all', 'record', 'drop', 'redirect'],
    [],
    'Makes the location a control of sessions: LOCATION/drop/client?app=APP&name=NAME&addr=ADDRESS&clientid=ID disconnects those, redirect has them use another stream, record starts and stops recorders. Without an allow or deny that counts there, only this machine itself may ask, by localhost or a loopback address.',
    {
      contexts: ['http', 'server', 'location'],
      merge: 'own',
      max: Number.POSITIVE_INFINITY,
      example: 'location /control { rtmp_control all; allow 127.0.0.1; deny all; }',
    },
  ),
} as const;

/** Disconnecting and redirecting sessions over HTTP. */
export const controlModule: HttpModule = {
  name: 'control',
  tables: { location: table },
  content: contentHandler(table, { enabled: (conf) => conf.rtmp_control.length > 0, handle: answerControl }),
  answers: { [CONTROL]: carryOut },
};

/** Every argument that chooses sessions or says what becomes of them. */
const ARGUMENTS = ['srv', 'app', 'name', 'addr', 'clientid', 'rec', 'newname'];

async function answerControl(
  exchange: Exchange,
  { rtmp_control: enabled }: Settings<typeof table>,
): Promise<Handled> {
  const [, section, method] = /([^/]*)\/([^/]*)$/.exec(exchange.uri) ?? [];
  const offered = enabled as readonly string[];
  if (section !== 'record' && section !== 'drop' && section !== 'redirect') return 'declined';
  if (!offered.includes('all') && !offered.includes(section)) return 'declined';
  if (!mayOperate(exchange)) return failed(403, OPERATORS_ONLY);
  const { args } = exchange;
  // A misspelt argument must not have everybody dropped.
  if (args.includes('=') && !ARGUMENTS.some((name) => argument(args, name) !== undefined)) {
    return failed(400, `none of the arguments is known: ${ARGUMENTS.join(', ')}`);
  }
  const srv = parseNumber(argument(args, 'srv') ?? '0') ?? -1;
  if (exchange.runtime.hub.servers[srv] === undefined)
    return failed(500, 'there is no RTMP server of this srv');
  const order = orderOf(section, method, args);
  if (typeof order === 'string') return failed(500, order);
  const done = await everywhere(exchange.runtime, { ...order, srv });
  if (done.unknown) return failed(500, 'the recorder is unknown');
  if (order.action !== 'start' && order.action !== 'stop') return told(String(done.sessions));
  // Nothing where all was as it should be, or nobody is meant.
  return done.path === null ? { status: 204 } : told(done.path);
}

/** What the last two segments of a path and the arguments ask for; else why that makes no sense. */
function orderOf(section: string, method: string | undefined, args: string): Omit<Order, 'srv'> | string {
  const query = queryOf(args);
  if (section === 'record') {
    if (method !== 'start' && method !== 'stop') return 'the method is neither start nor stop';
    return { action: method, query: { ...query, role: 'publisher' }, name: decoded(args, 'rec') ?? '' };
  }
  if (method !== 'publisher' && method !== 'subscriber' && method !== 'client') {
    return 'the method is none of publisher, subscriber and client';
  }
  const meant: SessionQuery = method === 'client' ? query : { ...query, role: method };
  if (section === 'drop') return { action: 'drop', query: meant, name: '' };
  const newname = decoded(args, 'newname');
  if (newname === undefined || newname === '') return 'no newname is given';
  return { action: 'redirect', query: meant, name: newname };
}

function queryOf(args: string): SessionQuery {
  const application = decoded(args, 'app');
  const name = decoded(args, 'name');
  const address = decoded(args, 'addr');
  const id = decoded(args, 'clientid');
  return {
    ...(application === undefined ? {} : { application }),
    ...(name === undefined ? {} : { name }),
    ...(address === undefined ? {} : { address }),
    ...(id === undefined ? {} : { id: parseNumber(id) ?? -1 }),
  };
}

function decoded(args: string, name: string): string | undefined {
  const value = argument(args, name);
  return value === undefined ? undefined : (percentDecode(value) ?? value);
}

function failed(status: number, reason: string): Answer {
  return { status, reason };
}

function told(body: string): Answer {
  return { status: 200, body, headers: [['Cache-Control', 'no-cache']] };
}
