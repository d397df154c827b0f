import type { Socket } from 'node:net';
import { handedBytes } from '../connections/sink.ts';
import { Meter, type Rates } from '../streams/meter.ts';
import type { Client } from './request.ts';

/** A connection that carries streams, as far as statistics care. */
export interface Carrier {
  readonly protocol: Client['protocol'];
  /** Bytes on the wire so far. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A socket as statistics see it, from the numbers of bytes `before` on. */
export class SocketTraffic implements Carrier {
  readonly protocol: Carrier['protocol'];
  readonly #socket: Socket;
  readonly #in: number;
  readonly #out: number;

  constructor(socket: Socket, protocol: Carrier['protocol'], before = { in: 0, out: 0 }) {
    this.#socket = socket;
    this.protocol = protocol;
    this.#in = before.in;
    this.#out = before.out;
  }

  /** From now on. */
  static from(socket: Socket, protocol: Carrier['protocol']): SocketTraffic {
    return new SocketTraffic(socket, protocol, { in: socket.bytesRead, out: handedBytes(socket) });
  }

  get bytesIn(): number {
    return this.#socket.bytesRead - this.#in;
  }

  get bytesOut(): number {
    return handedBytes(this.#socket) - this.#out;
  }
}

/** What came and went with the connections of one protocol; bytes are those on the wire. */
export interface ProtocolTraffic {
  readonly accepted: number;
  readonly open: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const NOTHING = { accepted: 0, bytesIn: 0, bytesOut: 0 };

/** The bytes of all connections that carry streams: read off them when somebody asks, added up when they close. */
export class Traffic {
  readonly #open = new Set<Carrier>();
  readonly #closed = new Map<string, { accepted: number; bytesIn: number; bytesOut: number }>();
  readonly #meter = new Meter(totals(0, 0), performance.now());

  /** A connection begins; what it returns is called once when it has ended. */
  add(carrier: Carrier): () => void {
    const sum = this.#closed.get(carrier.protocol) ?? { ...NOTHING };
    this.#closed.set(carrier.protocol, sum);
    sum.accepted += 1;
    this.#open.add(carrier);
    return () => {
      if (!this.#open.delete(carrier)) return;
      sum.bytesIn += carrier.bytesIn;
      sum.bytesOut += carrier.bytesOut;
    };
  }

  /** By protocol; only those that have had a connection. */
  byProtocol(): ReadonlyMap<string, ProtocolTraffic> {
    const found = new Map([...this.#closed].map(([protocol, sum]) => [protocol, { ...sum, open: 0 }]));
    for (const carrier of this.#open) {
      const sum = found.get(carrier.protocol)!;
      sum.open += 1;
      sum.bytesIn += carrier.bytesIn;
      sum.bytesOut += carrier.bytesOut;
    }
    return found;
  }

  /** All protocols together. */
  sum(): ProtocolTraffic {
    let [accepted, open, bytesIn, bytesOut] = [0, 0, 0, 0];
    for (const one of this.byProtocol().values()) {
      accepted += one.accepted;
      open += one.open;
      bytesIn += one.bytesIn;
      bytesOut += one.bytesOut;
    }
    return { accepted, open, bytesIn, bytesOut };
  }

  rates(now: number): Rates {
    const { bytesIn, bytesOut } = this.sum();
    return this.#meter.rates(totals(bytesIn, bytesOut), now);
  }

  /** Once a second. */
  sweep(now: number): void {
    const { bytesIn, bytesOut } = this.sum();
    this.#meter.sample(totals(bytesIn, bytesOut), now);
  }
}

function totals(bytesIn: number, bytesOut: number) {
  return { bytesIn, bytesOut, audioBytes: 0, videoBytes: 0, videoPackets: 0 };
}
