import { setTimeout as passed } from 'node:timers/promises';
import { parseSize } from '../../config/values.ts';
import type { Exchange, StreamedBody } from '../requests/exchange.ts';
import { textOf } from '../requests/variables.ts';
import { constantOf } from '../values/template.ts';
import { piecesOf } from './streamed-body.ts';

/** How fast an answer may be sent, bytes per second, and how many bytes before that. */
export interface Pace {
  readonly rate: number;
  readonly after: number;
}

/** How often more is sent, ms. */
const TICK_MS = 100;
/** The most of a body in memory that is handed over at once. */
const PIECE_BYTES = 256 * 1024;

/** The pace of an answer; null: as fast as its client reads. */
export function paceOf(exchange: Exchange): Pace | null {
  const { conf } = exchange.place;
  const set = exchange.variables.size === 0 ? undefined : exchange.variables.get('limit_rate');
  if (set === undefined && constantOf(conf.limit_rate) === '0') return null;
  const rate = parseSize(set ?? textOf(conf.limit_rate, exchange)) ?? 0;
  const after = parseSize(textOf(conf.limit_rate_after, exchange)) ?? 0;
  return rate > 0 ? { rate, after } : null;
}

/** Sends a body, whose head has been sent, at its pace. */
export async function sendAtPace(exchange: Exchange, body: Buffer | StreamedBody, pace: Pace): Promise<void> {
  const { reply } = exchange;
  const gone = new AbortController();
  const { length } = body;
  exchange.whenOver(() => {
    gone.abort();
    if (!Buffer.isBuffer(body)) body.close();
  });
  const began = performance.now();
  const allowed = (): number => {
    const ms = performance.now() - began + TICK_MS;
    return Math.floor(pace.after + (pace.rate * ms) / 1000) - exchange.bodyBytes;
  };
  try {
    for await (const bytes of Buffer.isBuffer(body) ? [body] : piecesOf(body)) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + Math.min(allowed(), PIECE_BYTES));
        at += piece.length;
        exchange.bodyBytes += piece.length;
        if (piece.length === 0) await passed(TICK_MS, undefined, { signal: gone.signal });
        else if (!reply.write(piece)) await room(exchange, gone.signal);
      }
    }
    if (exchange.bodyBytes === length) reply.end();
    else reply.destroy();
  } catch (error) {
    if (!gone.signal.aborted) exchange.log.error({ err: error }, 'an answer could not be sent to its end');
    reply.destroy();
  }
}

function room({ reply }: Exchange, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    reply.drained(resolve);
    gone.addEventListener('abort', () => reject(new Error('the client has gone')), { once: true });
    if (gone.aborted) reject(new Error('the client has gone'));
  });
}
