import type { Socket } from 'node:net';
import type { Door } from '../core/connections/listeners.ts';
import { resetSocket } from '../core/connections/sink.ts';

/** A connection on its way to a worker. */
export interface Arrival {
  readonly socket: Socket;
  readonly door: Door;
}

/** Hands one connection to a worker; false where it is not there any more, so that somebody else may have it. */
export type Hand = (arrival: Arrival) => boolean;

/** Connections that may wait until a worker is free; more are turned away. */
const MOST_WAITING = 4096;

/**
 * Gives connections to workers in turn. Each worker has one on its way at a time: one that is busy for a moment, or hangs,
 * gets fewer, and what waits goes to the others.
 */
export class Distribution {
  readonly #most: number;
  /** Workers that have taken all they were given, the one that has waited longest first. */
  readonly #free = new Map<number, Hand>();
  readonly #hands = new Map<number, Hand>();
  readonly #waiting: Arrival[] = [];

  constructor(most = MOST_WAITING) {
    this.#most = most;
  }

  /** Connections that no worker has yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** A worker takes connections from now on. */
  join(index: number, hand: Hand): void {
    this.#hands.set(index, hand);
    this.taken(index);
  }

  leave(index: number): void {
    this.#hands.delete(index);
    this.#free.delete(index);
  }

  /** A worker has taken what it was given last. */
  taken(index: number): void {
    const hand = this.#hands.get(index);
    if (hand === undefined) return;
    this.#free.set(index, hand);
    this.#go();
  }

  /** Somebody has connected. */
  add(socket: Socket, door: Door): void {
    // Until a worker has it, nobody else listens for its errors.
    socket.on('error', () => undefined);
    if (this.#waiting.length >= this.#most) {
      resetSocket(socket);
      return;
    }
    this.#waiting.push({ socket, door });
    this.#go();
  }

  /** Nobody is taken any more. */
  close(): void {
    for (const { socket } of this.#waiting.splice(0)) resetSocket(socket);
  }

  #go(): void {
    for (const [index, hand] of this.#free) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#free.delete(index);
      if (!hand(next)) this.#waiting.unshift(next);
    }
  }
}
