import { Channel, GONE, type Letter, PRIMARY } from './channel.ts';

/** How letters reach one worker. */
export interface Port {
  send(letter: Letter): void;
}

/** The primary's end of the talk: its own channel, and the way from each worker to each other. */
export class Exchange {
  readonly channel: Channel;
  readonly #ports = new Map<number, Port>();

  constructor(failed: (topic: string, error: unknown) => void = () => undefined) {
    this.channel = new Channel(PRIMARY, (letter) => this.#pass(letter), failed);
  }

  /** A worker can be reached. */
  join(index: number, port: Port): void {
    this.#ports.set(index, port);
  }

  /** A worker is gone; what it was asked stays without answer, at once. */
  leave(index: number): void {
    this.#ports.delete(index);
    this.channel.gone(index);
    for (const worker of this.#ports.keys()) this.channel.tell(worker, GONE, index);
  }

  /** Hands on a letter that a worker has sent; whom it is from is known by the way it came. */
  receive(from: number, letter: Letter): void {
    this.#pass({ ...letter, from });
  }

  #pass(letter: Letter): void {
    if (letter.to === PRIMARY) {
      this.channel.receive(letter);
      return;
    }
    const port = this.#ports.get(letter.to);
    if (port !== undefined) port.send(letter);
    else if (letter.kind === 'ask') {
      const { id, from, to } = letter;
      this.#pass({ kind: 'answer', id, from: to, to: from, ok: false, body: undefined });
    }
  }
}
