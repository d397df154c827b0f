import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { plainAddress } from '../../core/net/addresses.ts';
import { VERSION } from '../../core/version.ts';
import { lookUp } from '../tables/map-table.ts';
import { isoTime, localTime } from '../values/clock.ts';
import { render, type Template } from '../values/template.ts';
import { argument } from '../values/uri.ts';
import type { Exchange } from './exchange.ts';
import { checkLink } from './secure-link.ts';

type Getter = (exchange: Exchange) => string;

/** The text of a template for a request. */
export function textOf(template: Template, exchange: Exchange): string {
  const { parts } = template;
  if (parts.length === 1 && typeof parts[0] === 'string') return parts[0];
  return render(template, (name) => variable(name, exchange));
}

/** The value of a variable for a request; empty where it has none. */
export function variable(name: string, exchange: Exchange): string {
  const own = exchange.variables.get(name);
  if (own !== undefined) return own;
  const digit = name.length === 1 ? name.charCodeAt(0) - 48 : -1;
  if (digit >= 0 && digit <= 9) return exchange.captures[digit] ?? '';
  const map = exchange.router.maps.get(name);
  if (map !== undefined) {
    const { value, match } = lookUp(map, textOf(map.source, exchange));
    if (match !== null) keepCaptures(match, exchange);
    return textOf(value, exchange);
  }
  return getter(name)?.(exchange) ?? '';
}

/** Keeps what a pattern caught for `$1` and for its named groups. */
export function keepCaptures(match: RegExpExecArray, exchange: Exchange): void {
  exchange.captures = match;
  for (const [name, value] of Object.entries(match.groups ?? {})) exchange.setVariable(name, value ?? '');
}

/** Whether a name is a variable of every request, such as `uri` or `http_origin`. */
export function isBuiltIn(name: string): boolean {
  return /^[0-9]$/.test(name) || getter(name) !== undefined;
}

/** The names that a misspelt one may be near to. */
export function builtInNames(): readonly string[] {
  return Object.keys(BUILT_IN);
}

/** Built-in variables that `set` may change. */
export function isSettable(name: string): boolean {
  return name === 'args' || name === 'limit_rate' || !isBuiltIn(name);
}

function getter(name: string): Getter | undefined {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name];
  const known = prefixed.get(name);
  if (known !== undefined) return known;
  const made = byPrefix(name);
  if (made !== undefined) prefixed.set(name, made);
  return made;
}

/** Those of the configurations so far, which alone name variables. */
const prefixed = new Map<string, Getter>();

function byPrefix(name: string): Getter | undefined {
  if (name.startsWith('arg_')) return (x) => argument(x.args, name.slice(4)) ?? '';
  if (name.startsWith('http_')) {
    const field = name.slice(5).replaceAll('_', '-');
    return (x) => x.header(field) ?? '';
  }
  if (name.startsWith('sent_http_')) {
    const field = name.slice(10).replaceAll('_', '-');
    return (x) => sentHeader(x, field);
  }
  if (name.startsWith('cookie_')) return (x) => cookie(x.header('cookie') ?? '', name.slice(7));
  return undefined;
}

function sentHeader(exchange: Exchange, field: string): string {
  return exchange.sentHeaders
    .filter(([name]) => name.toLowerCase() === field)
    .map(([, value]) => value)
    .join(', ');
}

function cookie(header: string, name: string): string {
  for (const pair of header.split(';')) {
    const [key, ...value] = pair.split('=');
    if (key!.trim().toLowerCase() === name.toLowerCase()) return value.join('=').trim();
  }
  return '';
}

function serverAddress(exchange: Exchange): string {
  return plainAddress(exchange.connection.socket.localAddress);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const BUILT_IN: Readonly<Record<string, Getter>> = {
  args: (x) => x.args,
  query_string: (x) => x.args,
  is_args: (x) => (x.args === '' ? '' : '?'),
  uri: (x) => x.uri,
  document_uri: (x) => x.uri,
  request_uri: (x) => x.request.url.replace(/^https?:\/\/[^/?#]*(?=[/?#])/i, ''),
  request: (x) => `${x.request.method} ${x.request.url} HTTP/${x.request.httpVersion}`,
  request_method: (x) => x.request.method,
  request_time: (x) => seconds(performance.now() - x.startedAt),
  request_length: (x) => String(requestLength(x)),
  request_filename: (x) => filePath(x),
  request_id: (x) =>
    `${x.connection.id.toString(16)}-${x.connection.requests.toString(16)}-${x.since.toString(16)}`,
  request_completion: (x) => (x.reply.sent ? 'OK' : ''),
  document_root: (x) => documentRoot(x),
  realpath_root: (x) => realPath(documentRoot(x)),
  host: (x) => x.host,
  hostname: () => hostname(),
  remote_addr: (x) => x.address,
  binary_remote_addr: (x) => x.address,
  remote_port: (x) => String(x.port),
  realip_remote_addr: (x) => x.connection.address,
  realip_remote_port: (x) => String(x.connection.port),
  proxy_protocol_addr: (x) => x.connection.proxied?.source.address ?? '',
  proxy_protocol_port: (x) => String(x.connection.proxied?.source.port ?? ''),
  proxy_protocol_server_addr: (x) => x.connection.proxied?.target.address ?? '',
  proxy_protocol_server_port: (x) => String(x.connection.proxied?.target.port ?? ''),
  secure_link: (x) => checkLink(x, (template) => textOf(template, x)),
  secure_link_expires: (x) => x.link.expires,
  remote_user: (x) => remoteUser(x.header('authorization') ?? ''),
  server_name: (x) => x.server.names.find((name) => name !== '') ?? '',
  server_port: (x) => String(x.connection.listen.port),
  server_addr: serverAddress,
  server_protocol: (x) => `HTTP/${x.request.httpVersion}`,
  scheme: (x) => (x.connection.secure ? 'https' : 'http'),
  https: (x) => (x.connection.secure ? 'on' : ''),
  status: (x) => (x.status === 0 ? '000' : String(x.status)),
  body_bytes_sent: (x) => String(x.bodyBytes),
  bytes_sent: (x) => String(x.bodyBytes + x.headerBytes),
  time_local: () => localTime(Date.now()),
  time_iso8601: () => isoTime(Date.now()),
  msec: () => seconds(Date.now()),
  connection: (x) => String(x.connection.id),
  connection_requests: (x) => String(x.connection.requests),
  pid: () => String(process.pid),
  pipe: () => '.',
  nginx_version: () => VERSION,
  content_type: (x) => x.header('content-type') ?? '',
  content_length: (x) => x.header('content-length') ?? '',
  limit_rate: (x) => textOf(x.place.conf.limit_rate, x),
  ssl_protocol: (x) => tlsFact(x, 'getProtocol'),
  ssl_cipher: (x) => tlsFact(x, 'getCipher'),
  ssl_server_name: (x) => tlsFact(x, 'servername'),
  ssl_session_reused: (x) => tlsFact(x, 'isSessionReused'),
};

type TlsFact = 'getProtocol' | 'getCipher' | 'servername' | 'isSessionReused';

function tlsFact(exchange: Exchange, fact: TlsFact): string {
  const socket = exchange.connection.socket as Partial<import('node:tls').TLSSocket> & {
    servername?: string | false;
  };
  if (fact === 'isSessionReused') {
    const reused = socket.isSessionReused?.();
    return reused === undefined ? '' : reused ? 'r' : '.';
  }
  if (fact === 'servername') return socket.servername || '';
  if (fact === 'getCipher') return socket.getCipher?.().name ?? '';
  return socket.getProtocol?.() ?? '';
}

function remoteUser(authorization: string): string {
  const match = /^basic\s+([A-Za-z0-9+/=]+)$/i.exec(authorization);
  return match === null ? '' : Buffer.from(match[1]!, 'base64').toString('utf8').split(':', 1)[0]!;
}

/** Request line and header fields as they came, and the announced body. */
function requestLength(exchange: Exchange): number {
  const { length, headers } = exchange.request;
  return length + (Number(headers['content-length']) || 0);
}

/** The folder of the request's place, absolute: its `root`, or its `alias`. */
function documentRoot(exchange: Exchange): string {
  const { files } = exchange.place;
  const path = textOf(files.path, exchange);
  return isAbsolute(path) ? path : join(exchange.runtime.prefix, path);
}

/** The absolute path a path of the place stands for; `uri` is decoded and normalized. */
export function filePath(exchange: Exchange, uri = exchange.uri): string {
  const { files } = exchange.place;
  const root = documentRoot(exchange);
  if (files.kind === 'root') return plain(`${root}${uri}`);
  // In a location by pattern, an alias is the whole path.
  if (files.prefix === null) return plain(root);
  return plain(uri.startsWith(files.prefix) ? `${root}${uri.slice(files.prefix.length)}` : `${root}${uri}`);
}

/** Without doubled slashes, so that equal files have equal names. */
function plain(path: string): string {
  return path.includes('//') ? path.replaceAll(/\/{2,}/g, '/') : path;
}
