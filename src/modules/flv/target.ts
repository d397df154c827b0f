import type { Settings } from '../../config/table.ts';
import type { Hub } from '../../core/hub.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { Exchange } from '../../http/requests/exchange.ts';
import { argument, percentDecode } from '../../http/values/uri.ts';
import type { flvTable } from './directives.ts';

/** The port of RTMP, which is meant where a request names none. */
const RTMP_PORT = 1935;

/** The stream that a request asks for. */
export interface FlvTarget {
  readonly server: RtmpServer;
  readonly app: string;
  readonly name: string;
  /** The whole query, as callbacks get it. */
  readonly args: string;
}

/** What a request makes of its URL: a stream, a mistake told to the client, or nothing that concerns HTTP-FLV. */
export type Wanted =
  | { readonly kind: 'stream'; readonly target: FlvTarget }
  | { readonly kind: 'mistake'; readonly status: 400 | 404; readonly reason: string }
  | { readonly kind: 'other' };

const OTHER: Wanted = { kind: 'other' };

/**
 * Reads `LOCATION?port=&app=&stream=`, `LOCATION/APP/NAME.flv`, and `LOCATION/NAME.flv` where flv_live_application
 * names the application or the location's own path does.
 */
export function wantedOf(exchange: Exchange, conf: Settings<typeof flvTable>, hub: Hub): Wanted {
  const { uri, args } = unescaped(exchange);
  if (uri.endsWith('/')) return OTHER;
  const port = portOf(args, conf, hub);
  if (port === null)
    return { kind: 'mistake', status: 400, reason: 'the port is not a number from 1 to 65535' };
  const server = hub.chooseByPort(port, exchange.host === '' ? null : exchange.host);
  const asked = argument(args, 'app');
  const stream = argument(args, 'stream');
  const rest = below(exchange, uri);
  const file = /^(.+)\.flv$/.exec(rest)?.[1];
  if (asked === undefined && stream === undefined && file === undefined) {
    // The location's own path asks for a stream and says not which; any other may be a file's.
    return rest === ''
      ? { kind: 'mistake', status: 404, reason: 'no stream is named: ?app=APP&stream=NAME' }
      : OTHER;
  }
  if (server === undefined) {
    return { kind: 'mistake', status: 404, reason: `no RTMP server listens on port ${port}` };
  }
  const found = (app: string, name: string): Wanted => ({
    kind: 'stream',
    target: { server, app, name, args },
  });
  if (asked !== undefined || stream !== undefined) {
    const app = asked === undefined ? conf.flv_live_application?.name : decoded(asked);
    if (app === undefined)
      return { kind: 'mistake', status: 404, reason: 'no application is named: ?app=APP' };
    return found(app, streamName(server, app, stream ?? ''));
  }
  if (conf.flv_live_application !== null) return found(conf.flv_live_application.name, file!);
  // `location /live` names an application, too: that of `/live/NAME.flv`.
  const split = splitPath(server, file!) ?? splitPath(server, uri.slice(1, -'.flv'.length));
  return split === null ? OTHER : found(split.app, split.name);
}

/** Path and query, also where a client has escaped the `?` into the path. */
function unescaped(exchange: Exchange): { readonly uri: string; readonly args: string } {
  const { uri, args } = exchange;
  const mark = uri.indexOf('?');
  if (mark < 0) return { uri, args };
  const hidden = uri.slice(mark + 1);
  return { uri: uri.slice(0, mark), args: args === '' ? hidden : `${hidden}&${args}` };
}

/** What follows the location's prefix, without a slash before it. */
function below(exchange: Exchange, uri: string): string {
  const { match } = exchange.place;
  const prefix = match === null || match.kind === 'pattern' || match.kind === 'named' ? '/' : match.uri;
  return (uri.startsWith(prefix) ? uri.slice(prefix.length) : uri).replace(/^\//, '');
}

function portOf(args: string, conf: Settings<typeof flvTable>, hub: Hub): number | null {
  const asked = argument(args, 'port');
  if (asked === undefined) return conf.flv_live_application?.port ?? impliedPort(hub);
  if (!/^[0-9]{1,5}$/.test(asked)) return null;
  const port = Number(asked);
  return port >= 1 && port <= 65_535 ? port : null;
}

/** 1935, or the first port there is where nobody listens on that. */
function impliedPort(hub: Hub): number {
  const ports = hub.servers
    .flatMap((server) => server.spec.listens.map(({ port }) => port))
    .filter((port) => port > 0);
  return ports.includes(RTMP_PORT) ? RTMP_PORT : (ports[0] ?? RTMP_PORT);
}

function decoded(text: string): string {
  return percentDecode(text) ?? text;
}

/** The name decoded, unless a stream of just these characters is there. */
function streamName(server: RtmpServer, app: string, raw: string): string {
  return server.application(app)?.streams.has(raw) === true ? raw : decoded(raw);
}

/** `APP/NAME` with the longest application name that exists; both may hold slashes. */
function splitPath(server: RtmpServer, path: string): { readonly app: string; readonly name: string } | null {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const app = path.slice(0, at);
    if (server.application(app) !== undefined) return { app, name: path.slice(at + 1) };
  }
  return null;
}
