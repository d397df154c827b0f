import type { Socket } from 'node:net';
import { type Carrier, SocketTraffic } from '../../core/applications/traffic.ts';
import { countConnectionError } from '../../core/connections/connection-errors.ts';
import { handedBytes, SocketSink } from '../../core/connections/sink.ts';
import type { Framing } from '../../core/streams/framing.ts';
import type { Exchange, HeaderField } from '../requests/exchange.ts';
import type { Place } from '../router.ts';
import { addedFields, firstFields, withoutDoubles } from './response-headers.ts';

/**
 * An answer without an end, such as a live stream: its batches are written to the connection as they are, without a
 * call through node:http for each. Nothing else is ever answered on the connection.
 */
export class LiveResponse {
  readonly sink: SocketSink;
  readonly framing: Framing;
  /** Why it ended, for the log; empty while it runs. */
  reason = '';
  readonly #exchange: Exchange;
  readonly #socket: Socket;
  readonly #head: Head;
  #ended = false;

  /** `protocol` is what its bytes count as; null: nothing that carries streams. */
  constructor(
    exchange: Exchange,
    type: string,
    fields: readonly HeaderField[],
    protocol: Carrier['protocol'] | null,
  ) {
    const { connection, place } = exchange;
    const { socket } = connection;
    this.#exchange = exchange;
    this.#socket = socket;
    this.framing = exchange.modern && place.conf.chunked_transfer_encoding ? 'chunked' : 'plain';
    this.sink = new SocketSink(socket, (reason) => {
      this.reason = reason;
      if (protocol !== null) countConnectionError(exchange.runtime.measures, protocol, 'slow');
    });
    connection.live = true;
    if (protocol !== null) {
      socket.once('close', exchange.runtime.hub.traffic.add(new SocketTraffic(socket, protocol)));
    }
    socket.setTimeout(0);
    this.#head = headOf(exchange, type, fields, this.framing);
  }

  /** Sends the header, and what is written meanwhile with it in one piece. */
  begin(write: () => void): void {
    const exchange = this.#exchange;
    const { fields, bytes } = this.#head;
    exchange.status = 200;
    exchange.sentHeaders = fields;
    exchange.headerBytes = bytes.length;
    const before = handedBytes(this.#socket) + bytes.length;
    exchange.measure = () => Math.max(this.sink.sent - before, 0);
    this.sink.together(() => {
      this.sink.send(bytes);
      write();
    });
  }

  /** Runs once when the connection has gone, however it came to that. */
  whenClosed(work: () => void): void {
    if (this.#socket.destroyed) work();
    else this.#socket.once('close', work);
  }

  /** Ends the answer as a whole one: what is still queued goes out first, unless nobody takes it. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.reason = reason;
    const socket = this.#socket;
    if (!socket.writable) return;
    if (this.framing === 'chunked' && this.#exchange.method !== 'HEAD') this.sink.send('0\r\n\r\n');
    this.sink.end();
    socket.setTimeout(this.#exchange.place.conf.send_timeout || 60_000, () => socket.destroy());
  }
}

/** A header as it is sent. */
interface Head {
  readonly fields: readonly HeaderField[];
  readonly bytes: Buffer;
}

/** What the newest header of a place was made from. */
interface Kept {
  readonly second: number;
  readonly type: string;
  readonly own: readonly HeaderField[];
  readonly framing: Framing;
  readonly head: Head;
}

const kept = new WeakMap<Place, Kept>();

/** The header of an answer, made once a second where it does not depend on the request. */
function headOf(exchange: Exchange, type: string, own: readonly HeaderField[], framing: Framing): Head {
  const { place } = exchange;
  if (!place.steady || exchange.variables.size > 0) return makeHead(exchange, type, own, framing);
  const second = Math.floor(Date.now() / 1000);
  const known = kept.get(place);
  if (known?.second === second && known.type === type && known.own === own && known.framing === framing) {
    return known.head;
  }
  const head = makeHead(exchange, type, own, framing);
  kept.set(place, { second, type, own, framing, head });
  return head;
}

function makeHead(exchange: Exchange, type: string, own: readonly HeaderField[], framing: Framing): Head {
  const fields = withoutDoubles([
    ...firstFields(exchange),
    ['Content-Type', type],
    ...(framing === 'chunked' ? [['Transfer-Encoding', 'chunked'] as const] : []),
    ['Connection', 'close'],
    ...own,
    ...addedFields(exchange, 200).filter(([name]) => !/^expires$/i.test(name)),
  ]);
  const text = `HTTP/1.1 200 OK\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { fields, bytes: Buffer.from(text, 'latin1') };
}
