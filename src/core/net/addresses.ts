import { isIP } from 'node:net';
import type { Position } from '../../config/errors.ts';
import { hide } from '../../config/freeze.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseFlag, parseNumber } from '../../config/values.ts';
import { isIPv6 } from './ip-family.ts';

/** TCP keepalive of accepted connections, in seconds and probes; null parts are the system's. */
export interface Keepalive {
  readonly idle: number | null;
}

/** One `listen` directive. */
export interface Listen {
  /** `0.0.0.0:1935`, `[::]:1935` or `unix:/path`: equal for two listens on the same address. */
  readonly key: string;
  /** An IP address or host name; empty for a unix socket. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Of a unix socket; empty otherwise. */
  readonly path: string;
  readonly defaultServer: boolean;
  /** An IPv6 wildcard takes no IPv4 connections; only said for IPv6. */
  readonly ipv6only: boolean;
  readonly ssl: boolean;
  readonly http2: boolean;
  readonly proxyProtocol: boolean;
  readonly backlog: number | null;
  readonly keepalive: Keepalive | null;
  /** Where it stands in the file. Hidden: moving a line makes no other address of it. */
  readonly at?: Position;
}

/** Options that need a kernel or a socket call that Node lacks; they change no byte that clients see. */
const NO_EFFECT = new Set([
  'bind',
  'deferred',
  'reuseport',
  'multipath',
  'rcvbuf',
  'sndbuf',
  'setfib',
  'fastopen',
  'accept_filter',
]);

/** Reads the words of `listen`; `defaultPort` is taken where only an address stands. */
export function readListen(words: readonly Word[], context: ReadContext, defaultPort: number): Listen {
  const [address, ...options] = words;
  let listen: Listen = {
    ...readAddress(address!, context, defaultPort),
    defaultServer: false,
    ipv6only: true,
    ssl: false,
    http2: false,
    proxyProtocol: false,
    backlog: null,
    keepalive: null,
  };
  for (const option of options) listen = readOption(listen, option, context);
  return hide(listen, 'at', address!.at);
}

function readAddress(
  word: Word,
  context: ReadContext,
  defaultPort: number,
): Pick<Listen, 'key' | 'host' | 'port' | 'path'> {
  const text = word.value;
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (path === '') context.fail('invalid unix domain socket path in the "listen" directive', word.at);
    return { key: `unix:${path}`, host: '', port: 0, path };
  }
  const match = /^(?:\[([^\]]*)\](?::(.*))?|([^:]*)(?::(.*))?)$/.exec(text);
  if (match === null) {
    return context.fail(
      `invalid host in "${text}" of the "listen" directive`,
      word.at,
      'write IPv6 addresses as [::1]:1935',
    );
  }
  let host = match[1] ?? match[3] ?? '';
  let port = match[2] ?? match[4];
  if (match[1] === undefined && port === undefined && /^[0-9]+$/.test(host)) {
    port = host;
    host = '*';
  }
  if (match[1] !== undefined && !isIPv6(host)) {
    return context.fail(`invalid IPv6 address in "${text}" of the "listen" directive`, word.at);
  }
  const number = port === undefined ? defaultPort : parseNumber(port);
  if (number === null || number < 1 || number > 65535) {
    return context.fail(
      `invalid port in "${text}" of the "listen" directive`,
      word.at,
      'a port is a number from 1 to 65535',
    );
  }
  if (host === '*' || host === '') host = '0.0.0.0';
  if (host === 'localhost') host = '127.0.0.1';
  if (isIP(host) === 0 && !/^[A-Za-z0-9_.-]+$/.test(host)) {
    return context.fail(`invalid host in "${text}" of the "listen" directive`, word.at);
  }
  const shown = isIPv6(host) ? `[${host}]` : host;
  return { key: `${shown}:${number}`, host, port: number, path: '' };
}

function readOption(listen: Listen, word: Word, context: ReadContext): Listen {
  const [name, setting] = splitOnce(word.value, '=');
  switch (name) {
    case 'default_server':
    case 'default':
      return { ...listen, defaultServer: true };
    case 'ssl':
      return { ...listen, ssl: true };
    case 'http2':
    case 'spdy':
      return { ...listen, http2: true };
    case 'proxy_protocol':
      return { ...listen, proxyProtocol: true };
    case 'ipv6only': {
      const only = parseFlag(setting ?? '');
      if (only === null)
        return context.fail(
          `invalid ipv6only flags "${setting ?? ''}"`,
          word.at,
          'ipv6only=on or ipv6only=off',
        );
      return { ...listen, ipv6only: only };
    }
    case 'backlog': {
      const backlog = parseNumber(setting ?? '');
      if (backlog === null || backlog === 0)
        return context.fail(`invalid backlog "${setting ?? ''}"`, word.at);
      return { ...listen, backlog };
    }
    case 'so_keepalive':
      return { ...listen, keepalive: readKeepalive(setting ?? '', word, context) };
    default:
      if (NO_EFFECT.has(name)) return listen;
      return context.fail(`invalid parameter "${word.value}"`, word.at, listenHelp(word.value));
  }
}

function listenHelp(option: string): string | undefined {
  return option === 'quic' ? 'HTTP/3 is not offered; leave the parameter out' : undefined;
}

/** `on`, `off`, or `[idle]:[interval]:[count]`, of which Node can set the first. */
export function readKeepalive(text: string, word: Word, context: ReadContext): Keepalive | null {
  const flag = parseFlag(text);
  if (flag !== null) return flag ? { idle: null } : null;
  const match = /^([0-9]+[smh]?)?:([0-9]+[smh]?)?:([0-9]+)?$/.exec(text);
  if (match === null)
    return context.fail(`invalid so_keepalive value: "${text}"`, word.at, 'on, off, or IDLE:INTERVAL:COUNT');
  const idle = match[1];
  if (idle === undefined) return { idle: null };
  const unit = idle.endsWith('h') ? 3600 : idle.endsWith('m') ? 60 : 1;
  return { idle: Number.parseInt(idle, 10) * unit };
}

/** The text before and after the first separator; the second part is undefined where there is none. */
export function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** An address as the rest of the server shows and compares it: IPv4-mapped IPv6 is IPv4, a unix peer is `unix:`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined || address === '') return 'unix:';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
