import type { Socket } from 'node:net';
import { countConnectionError } from '../core/connection-errors.ts';
import type { Framing } from '../core/feed.ts';
import { SocketSink } from '../core/sink.ts';
import type { Carrier } from '../core/traffic.ts';
import type { Exchange, HeaderField } from './exchange.ts';
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
  #ended = false;

  /**
   * Sends the header, together with what is written in the same turn. `protocol` is what its bytes count as; null:
   * nothing that carries streams.
   */
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
      socket.once('close', exchange.runtime.hub.traffic.add(carrierOf(socket, protocol)));
    }
    socket.setTimeout(0);
    const header = this.#header(type, fields);
    socket.cork();
    process.nextTick(() => socket.uncork());
    const before = socket.bytesWritten + header.length;
    exchange.measure = () => Math.max(this.sink.sent - before, 0);
    this.sink.send(header);
  }

  #header(type: string, fields: readonly HeaderField[]): string {
    const exchange = this.#exchange;
    const all = withoutDoubles([
      ...firstFields(exchange),
      ['Content-Type', type],
      ...(this.framing === 'chunked' ? [['Transfer-Encoding', 'chunked'] as const] : []),
      ['Connection', 'close'],
      ...fields,
      ...addedFields(exchange, 200).filter(([name]) => !/^expires$/i.test(name)),
    ]);
    exchange.status = 200;
    exchange.sentHeaders = all;
    const header = `HTTP/1.1 200 OK\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    exchange.headerBytes = header.length;
    return header;
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

/** The connection as statistics see it. */
function carrierOf(socket: Socket, protocol: Carrier['protocol']): Carrier {
  return {
    protocol,
    get bytesIn() {
      return socket.bytesRead;
    },
    get bytesOut() {
      return socket.bytesWritten;
    },
  };
}
