import { anyOf } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import { findSessions, type MediaSession, type SessionQuery } from '../../core/sessions.ts';
import type { Answer, Exchange } from '../../http/exchange.ts';
import { contentHandler, type Handled, type HttpModule } from '../../http/handler.ts';
import { mayOperate, OPERATORS_ONLY } from '../../http/operators.ts';
import { argument, percentDecode } from '../../http/uri.ts';

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
};

/** Every argument that chooses sessions or says what becomes of them. */
const ARGUMENTS = ['srv', 'app', 'name', 'addr', 'clientid', 'rec', 'newname'];

function answerControl(exchange: Exchange, { rtmp_control: enabled }: Settings<typeof table>): Handled {
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
  const server = exchange.runtime.hub.servers[parseNumber(argument(args, 'srv') ?? '0') ?? -1];
  if (server === undefined) return failed(500, 'there is no RTMP server of this srv');
  const query = queryOf(args);
  if (section === 'record')
    return record(findSessions(server, { ...query, role: 'publisher' }), method, decoded(args, 'rec') ?? '');
  if (method !== 'publisher' && method !== 'subscriber' && method !== 'client') {
    return failed(500, 'the method is none of publisher, subscriber and client');
  }
  const sessions = findSessions(server, method === 'client' ? query : { ...query, role: method });
  if (section === 'drop') {
    for (const { request } of sessions) request.dismiss('dropped by control');
    return counted(sessions.length);
  }
  const newname = decoded(args, 'newname');
  if (newname === undefined || newname === '') return failed(500, 'no newname is given');
  return counted(sessions.filter(({ request }) => request.redirect?.(newname) === true).length);
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

/** The path of the last file; nothing where all was as it should be, or nobody is meant. */
function record(publishers: readonly MediaSession[], method: string | undefined, name: string): Answer {
  if (method !== 'start' && method !== 'stop') return failed(500, 'the method is neither start nor stop');
  let path: string | null = null;
  for (const { request, stream } of publishers) {
    const recorder = request.application.recorders.get(name);
    if (recorder === undefined) return failed(500, 'the recorder is unknown');
    path = recorder[method](stream.name) ?? path;
  }
  if (path === null) return { status: 204 };
  return { status: 200, body: path, headers: [['Cache-Control', 'no-cache']] };
}

function failed(status: number, reason: string): Answer {
  return { status, reason };
}

function counted(sessions: number): Answer {
  return { status: 200, body: String(sessions), headers: [['Cache-Control', 'no-cache']] };
}
