import { STATUS_CODES } from 'node:http';
import type { Answer, Exchange, HeaderField, StreamedBody } from './exchange.ts';
import { addedFields, firstFields, withoutDoubles } from './response-headers.ts';
import { softwareName } from './software.ts';
import { escapeHtml } from './uri.ts';

/** Statuses that never have a body. */
const BODILESS = new Set([204, 304]);

/** Up to here a body is copied next to its header. */
const SHORT_BYTES = 8192;

/** The reason phrase of a status. */
export function statusText(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}

/** Our own page for a status that came without a body. */
function statusPage(exchange: Exchange, answer: Answer): string {
  const title = `${answer.status} ${statusText(answer.status)}`;
  const reason = answer.reason === undefined ? '' : `<p>${escapeHtml(answer.reason)}</p>\n`;
  const name = softwareName(exchange.place.conf.server_tokens);
  return `<!doctype html>\n<meta charset="utf-8">\n<title>${title}</title>\n<h1>${title}</h1>\n${reason}<hr>\n<p>${name}</p>\n`;
}

/** Sends an answer, whole; the access log is written when its last byte has gone. */
export function respond(exchange: Exchange, answer: Answer): void {
  const own = answer.body === undefined && answer.status >= 300;
  const body = own && !BODILESS.has(answer.status) ? statusPage(exchange, answer) : (answer.body ?? '');
  const status = own || exchange.errorStatus === 0 ? answer.status : exchange.errorStatus;
  if (status === 444) {
    exchange.status = 444;
    exchange.response.destroy();
    return;
  }
  const type = own ? 'text/html; charset=utf-8' : answer.type;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length = Buffer.isBuffer(bytes) ? bytes.length : bytes.length;
  const fields = fieldsOf(exchange, answer, status, type, BODILESS.has(status) ? null : length);
  const { response } = exchange;
  exchange.status = status;
  exchange.sentHeaders = fields;
  exchange.headerBytes = headerBytes(status, fields);
  response.sendDate = false;
  response.writeHead(status, statusText(status), fields.flat());
  applyTimeouts(exchange);
  if (BODILESS.has(status) || exchange.method === 'HEAD') {
    if (!Buffer.isBuffer(bytes)) bytes.stream.destroy();
    response.end();
  } else if (Buffer.isBuffer(bytes)) {
    exchange.bodyBytes = bytes.length;
    // A short text goes out in one piece with the header; two pieces cost more than the copy.
    if (bytes.length <= SHORT_BYTES) response.end(bytes.toString('latin1'), 'latin1');
    else response.end(bytes);
  } else sendStream(exchange, bytes);
}

function fieldsOf(
  exchange: Exchange,
  answer: Answer,
  status: number,
  type: string | undefined,
  length: number | null,
): readonly HeaderField[] {
  const fields = firstFields(exchange);
  if (type !== undefined && length !== null && type !== '')
    fields.push(['Content-Type', withCharset(exchange, type)]);
  if (length !== null) fields.push(['Content-Length', String(length)]);
  fields.push(...connectionFields(exchange, status));
  if (answer.headers !== undefined) fields.push(...answer.headers);
  fields.push(...addedFields(exchange, status, answer.addHeaders === 'always'));
  return withoutDoubles(fields);
}

function withCharset(exchange: Exchange, type: string): string {
  const { charset } = exchange.place.conf;
  if (charset === '' || type.includes('charset=')) return type;
  return /^text\/|^application\/(?:javascript|rss\+xml|json)$/.test(type)
    ? `${type}; charset=${charset}`
    : type;
}

/** Statuses after which the rest of what the client sends cannot be trusted to be a request. */
const CLOSING = new Set([400, 408, 413, 414, 431, 500, 503]);

function connectionFields(exchange: Exchange, status: number): readonly HeaderField[] {
  const { connection, place, response } = exchange;
  const { idle, announced } = place.conf.keepalive_timeout;
  const keep =
    response.shouldKeepAlive &&
    idle > 0 &&
    !CLOSING.has(status) &&
    !exchange.draining() &&
    connection.requests < place.conf.keepalive_requests;
  if (!keep) return [['Connection', 'close']];
  const fields: HeaderField[] = [['Connection', 'keep-alive']];
  if (announced !== null) fields.push(['Keep-Alive', `timeout=${announced}`]);
  return fields;
}

/** The idle time of this place counts from the end of this answer, and its patience while it is sent. */
function applyTimeouts(exchange: Exchange): void {
  const { response, connection, place } = exchange;
  const { socket } = connection;
  if (place.conf.send_timeout > 0) socket.setTimeout(place.conf.send_timeout);
  response.once('finish', () => {
    if (!socket.destroyed) socket.setTimeout(place.conf.keepalive_timeout.idle);
  });
}

function headerBytes(status: number, fields: readonly HeaderField[]): number {
  let bytes = `HTTP/1.1 ${status} ${statusText(status)}\r\n\r\n`.length;
  for (const [name, value] of fields) bytes += name.length + value.length + 4;
  return bytes;
}

/** Sends a file; a file that has become shorter ends the connection, since its length has been told. */
function sendStream(exchange: Exchange, { stream, length }: StreamedBody): void {
  const { response } = exchange;
  stream.on('data', (chunk: Buffer) => {
    exchange.bodyBytes += chunk.length;
    if (!response.write(chunk)) stream.pause();
  });
  response.on('drain', () => stream.resume());
  response.once('close', () => stream.destroy());
  stream.on('error', (error) => {
    exchange.log.error({ err: error }, 'a file could not be read to its end');
    response.destroy();
  });
  stream.on('end', () => {
    if (exchange.bodyBytes === length) response.end();
    else response.destroy();
  });
}
