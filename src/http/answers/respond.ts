import { STATUS_CODES } from 'node:http';
import type { Answer, Exchange, HeaderField } from '../requests/exchange.ts';
import type { AnswerHead } from '../requests/reply.ts';
import type { Place } from '../router.ts';
import { softwareName } from '../values/software.ts';
import { escapeHtml } from '../values/uri.ts';
import { paceOf, sendAtPace } from './pace.ts';
import { addedFields, firstFields, withoutDoubles } from './response-headers.ts';
import { sendStreamed } from './send-streamed.ts';

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
  const { reply, connection, place } = exchange;
  if (!respondFromKept(exchange, answer)) {
    const own = answer.body === undefined && answer.status >= 300;
    const body = own && !BODILESS.has(answer.status) ? statusPage(exchange, answer) : (answer.body ?? '');
    const status = own || exchange.errorStatus === 0 ? answer.status : exchange.errorStatus;
    if (status === 444) {
      exchange.status = 444;
      reply.destroy();
      return;
    }
    const type = own ? 'text/html; charset=utf-8' : answer.type;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const keep = keepsAlive(exchange, status);
    const length = BODILESS.has(status) ? null : bytes.length;
    const head = headOf(status, fieldsOf(exchange, answer, status, type, length, keep));
    note(exchange, head);
    const pace = paceOf(exchange);
    if (length === null || exchange.method === 'HEAD') {
      if (!Buffer.isBuffer(bytes)) bytes.close();
      reply.send(head, null, !keep);
    } else if (!Buffer.isBuffer(bytes) && connection.socket.destroyed) {
      // Nobody would be told any more that it is over.
      bytes.close();
    } else if (pace !== null && length > 0) {
      reply.begin(head, !keep);
      void sendAtPace(exchange, bytes, pace);
    } else if (Buffer.isBuffer(bytes)) {
      exchange.bodyBytes = bytes.length;
      reply.send(head, bytes, !keep);
    } else {
      reply.begin(head, !keep);
      void sendStreamed(exchange, bytes);
    }
  }
  if (!reply.sent && place.conf.send_timeout > 0) connection.socket.setTimeout(place.conf.send_timeout);
}

/** What was made for an answer that many requests get. */
interface Kept {
  readonly place: Place;
  readonly second: number;
  readonly head: AnswerHead;
}

const kept = new WeakMap<Answer, Kept>();

/** Sends an answer that does not depend on its request, with a head that is made once a second. */
function respondFromKept(exchange: Exchange, answer: Answer): boolean {
  const { place, reply } = exchange;
  const { body } = answer;
  if (answer.lasting !== true || !place.steady || !Buffer.isBuffer(body)) return false;
  if (
    exchange.variables.size > 0 ||
    exchange.method !== 'GET' ||
    exchange.errorStatus !== 0 ||
    !keepsAlive(exchange, 200)
  )
    return false;
  const second = Math.floor(exchange.since / 1000);
  let known = kept.get(answer);
  if (known?.second !== second || known.place !== place) {
    const head = headOf(200, fieldsOf(exchange, answer, 200, answer.type, body.length, true));
    const bytes = Buffer.from(head.text, 'latin1');
    // A short text goes out in one piece with the header; two pieces cost more than the copy.
    const whole = body.length <= SHORT_BYTES ? { whole: Buffer.concat([bytes, body]) } : {};
    known = { place, second, head: { ...head, bytes, ...whole } };
    kept.set(answer, known);
  }
  note(exchange, known.head);
  exchange.bodyBytes = body.length;
  reply.send(known.head, body, false);
  return true;
}

function headOf(status: number, fields: readonly HeaderField[]): AnswerHead {
  const reason = statusText(status);
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return { status, reason, fields, text: `${text}\r\n` };
}

function note(exchange: Exchange, head: AnswerHead): void {
  exchange.status = head.status;
  exchange.sentHeaders = head.fields;
  exchange.headerBytes = head.text.length;
}

function fieldsOf(
  exchange: Exchange,
  answer: Answer,
  status: number,
  type: string | undefined,
  length: number | null,
  keep: boolean,
): readonly HeaderField[] {
  const fields = firstFields(exchange);
  if (type !== undefined && length !== null && type !== '')
    fields.push(['Content-Type', withCharset(exchange, type)]);
  if (length !== null) fields.push(['Content-Length', String(length)]);
  fields.push(...connectionFields(exchange, keep));
  if (status === 401 && exchange.challenge !== '') fields.push(['WWW-Authenticate', exchange.challenge]);
  if (answer.headers !== undefined) fields.push(...answer.headers);
  const modified = answer.headers?.find(([name]) => name === 'Last-Modified')?.[1];
  fields.push(...addedFields(exchange, status, { always: answer.addHeaders === 'always', modified }));
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

/** Whether the connection may go on after an answer. */
function keepsAlive(exchange: Exchange, status: number): boolean {
  const { connection, place, reply } = exchange;
  const { conf } = place;
  return (
    reply.keepAlive &&
    conf.keepalive_timeout.idle > 0 &&
    !CLOSING.has(status) &&
    connection.requests < conf.keepalive_requests &&
    !exchange.draining()
  );
}

function connectionFields({ place }: Exchange, keep: boolean): readonly HeaderField[] {
  if (!keep) return [['Connection', 'close']];
  const { announced } = place.conf.keepalive_timeout;
  const fields: HeaderField[] = [['Connection', 'keep-alive']];
  if (announced !== null) fields.push(['Keep-Alive', `timeout=${announced}`]);
  return fields;
}
