import { connect, type Socket } from 'node:net';
import { holds, type Prey } from './prey.ts';
import { HELLO } from './sessions.ts';

/** What is kept of what a server says, bytes. */
const KEPT = 256 * 1024;

/** A client that keeps to no rule. */
export class Wolf {
  readonly socket: Socket;
  closed = false;
  #chunks: Buffer[] = [];
  #length = 0;
  #over = (): void => undefined;
  readonly #ended = new Promise<void>((resolve) => {
    this.#over = resolve;
  });

  /** `at`: a port of 127.0.0.1, or the path of a unix socket. */
  constructor(at: number | string) {
    const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at);
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      this.#length += bytes.length;
      if (this.#length <= KEPT) this.#chunks.push(bytes);
    });
    socket.on('close', () => {
      this.closed = true;
      this.#over();
    });
  }

  /** What the server has said, one character for each byte. */
  get heard(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  /** Sends, and waits until the system has taken it, or the connection is over. */
  async send(...parts: readonly (Buffer | string)[]): Promise<void> {
    for (const part of parts) {
      if (this.closed || this.socket.destroyed) return;
      const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
      const taken = new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
      await Promise.race([taken, this.#ended]);
    }
  }

  /** Waits until the server has said something; false where it does not in time. */
  hears(text: string, ms = 3000): Promise<boolean> {
    return holds(() => this.heard.includes(text), ms);
  }

  /** Waits until the server ends the connection; false where it does not in time. */
  isLetGo(ms = 3000): Promise<boolean> {
    return holds(() => this.closed, ms);
  }

  /** Says no more but listens on, for as long as that takes, and goes. */
  async leave(ms = 1000): Promise<void> {
    this.socket.end();
    await this.isLetGo(ms);
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Begins RTMP: everything up to the answer to the handshake. */
export async function shaken(port: number): Promise<Wolf> {
  const wolf = new Wolf(port);
  await wolf.send(HELLO);
  await holds(() => wolf.heard.length >= HELLO.length || wolf.closed, 3000);
  return wolf;
}

/** Works on all items, so many at a time. */
export async function each<T>(
  items: Iterable<T>,
  at: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: at }, worker));
}

/** What a group of attacks does. */
export interface Attack {
  readonly name: string;
  /** `must` notes what the server failed to do that any client may ask of it. */
  run(prey: Prey, must: (did: boolean, what: string) => void): Promise<void>;
}
