import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The request line and the header fields of a request. */
export interface RequestHead {
  readonly method: string;
  /** The target as it came. */
  readonly url: string;
  /** `1.1` */
  readonly httpVersion: string;
  /** By lower-cased name, as node:http gives them. */
  readonly headers: IncomingHttpHeaders;
  /** The bytes of it. */
  readonly length: number;
}

/** The head of a request that node:http has read. */
export function headOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    httpVersion: request.httpVersion,
    headers: request.headers,
    get length() {
      let bytes = `${request.method} ${request.url} HTTP/1.1\r\n\r\n`.length;
      for (let i = 0; i < request.rawHeaders.length; i += 2) {
        bytes += request.rawHeaders[i]!.length + request.rawHeaders[i + 1]!.length + 4;
      }
      return bytes;
    },
  };
}

/** A head that was read here, and whether the connection is to go on after its answer. */
export interface PlainHead extends RequestHead {
  readonly keepAlive: boolean;
}

/** The most a head may have. */
export interface HeadLimits {
  readonly bytes: number;
  readonly fields: number;
}

const REQUEST_LINE = /(GET|HEAD) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n/y;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;
const CR = 13;
const LF = 10;
/** Fields that say how a request goes on after its head, or what is to become of the connection. */
const BEYOND = new Set([
  'content-length',
  'expect',
  'http2-settings',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Reads a request of the kind that nearly all are: GET or HEAD in HTTP/1.1 without a body, with one Host, every field
 * once, and nothing but printable ASCII. `text` holds the bytes as Latin-1, the request begins at `at`. Null for all
 * else, be it wrong, incomplete or just rare: that is for node:http to tell, so nothing is ever understood here that
 * another server on the way could understand otherwise (RFC 9112).
 */
export function readPlainHead(text: string, at: number, most: HeadLimits): PlainHead | null {
  REQUEST_LINE.lastIndex = at;
  const line = REQUEST_LINE.exec(text);
  if (line === null) return null;
  const headers: Record<string, string> = {};
  let keepAlive = true;
  let next = REQUEST_LINE.lastIndex;
  for (let fields = 0; text.charCodeAt(next) !== CR; fields++) {
    const colon = text.indexOf(':', next);
    const end = text.indexOf('\r\n', next);
    if (colon < 0 || end < colon || fields === most.fields) return null;
    const name = text.slice(next, colon).toLowerCase();
    const value = text.slice(colon + 1, end);
    // Objects have some names from birth; a field that is called like one of them is rare enough.
    if (!NAME.test(name) || !VALUE.test(value) || name in headers || BEYOND.has(name)) return null;
    headers[name] = value.trim();
    next = end + 2;
    if (name !== 'connection') continue;
    const wish = headers[name].toLowerCase();
    if (wish === 'close') keepAlive = false;
    else if (wish !== 'keep-alive') return null;
  }
  const length = next + 2 - at;
  if (text.charCodeAt(next + 1) !== LF || headers['host'] === undefined || length > most.bytes) return null;
  return { method: line[1]!, url: line[2]!, httpVersion: '1.1', headers, length, keepAlive };
}
