import type { WorkerAnswer, WorkerHandler, Workers } from '../core/workers/workers.ts';

/** What goes between the processes of one server. `to` and `from` are numbers of workers, 0 is the primary. */
export type Letter =
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly from: number;
      readonly to: number;
      readonly topic: string;
      readonly body: unknown;
    }
  | {
      readonly kind: 'tell';
      readonly from: number;
      readonly to: number;
      readonly topic: string;
      readonly body: unknown;
    }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly from: number;
      readonly to: number;
      /** False: it is not there, knows nothing of the topic, or failed. */
      readonly ok: boolean;
      readonly body: unknown;
    };

/** The number of the primary. */
export const PRIMARY = 0;

/** The topic on which workers are told the number of one that is gone. */
export const GONE = 'worker gone';

const ASK_MS = 2000;
/** Questions that one process may have open; further ones fail at once. */
const MOST_OPEN = 4096;

interface Open {
  readonly to: number;
  readonly done: (body: unknown) => void;
  readonly failed: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Nobody answered a question, or not in time. */
export class NoAnswer extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoAnswer';
  }
}

/** One process's end of the talk among the processes of a server. */
export class Channel {
  readonly index: number;
  readonly #send: (letter: Letter) => void;
  readonly #failed: (topic: string, error: unknown) => void;
  readonly #handlers = new Map<string, WorkerHandler>();
  readonly #open = new Map<number, Open>();
  readonly #mourners = new Set<(worker: number) => void>();
  #ids = 0;

  /** `failed` is told of handlers that throw. */
  constructor(
    index: number,
    send: (letter: Letter) => void,
    failed: (topic: string, error: unknown) => void = () => undefined,
  ) {
    this.index = index;
    this.#send = send;
    this.#failed = failed;
    this.answer(GONE, (body) => this.gone(body as number));
  }

  /** Asks one other process. Rejects with NoAnswer. */
  ask<T>(to: number, topic: string, body?: unknown, patience = ASK_MS): Promise<T> {
    if (this.#open.size >= MOST_OPEN) return Promise.reject(new NoAnswer('too many questions are open'));
    this.#ids += 1;
    const id = this.#ids;
    return new Promise((resolve, failed) => {
      const late = (): void => this.#fail(id, `worker ${to} does not answer`);
      const done = resolve as (body: unknown) => void;
      this.#open.set(id, { to, done, failed, timer: setTimeout(late, patience) });
      this.#send({ kind: 'ask', id, from: this.index, to, topic, body });
    });
  }

  tell(to: number, topic: string, body?: unknown): void {
    this.#send({ kind: 'tell', from: this.index, to, topic, body });
  }

  answer(topic: string, handler: WorkerHandler): () => void {
    if (this.#handlers.has(topic)) throw new Error(`the topic ${topic} has a handler already`);
    this.#handlers.set(topic, handler);
    return () => this.#handlers.delete(topic);
  }

  /** Tells of other processes that are gone; what it returns undoes that. */
  whenGone(listener: (worker: number) => void): () => void {
    this.#mourners.add(listener);
    return () => this.#mourners.delete(listener);
  }

  /** A letter has come for this process. */
  receive(letter: Letter): void {
    if (letter.kind === 'answer') {
      const open = this.#open.get(letter.id);
      if (open === undefined || open.to !== letter.from) return;
      if (!letter.ok) {
        this.#fail(letter.id, `worker ${letter.from} has no answer`);
        return;
      }
      this.#close(letter.id, open);
      open.done(letter.body);
      return;
    }
    const handler = this.#handlers.get(letter.topic);
    if (letter.kind === 'ask') void this.#answer(letter, handler);
    else if (handler !== undefined) void this.#run(letter.topic, () => handler(letter.body, letter.from));
  }

  /** Another process is gone: what it was asked stays without answer. */
  gone(index: number): void {
    for (const [id, { to }] of this.#open) if (to === index) this.#fail(id, `worker ${index} is gone`);
    for (const listener of this.#mourners) listener(index);
  }

  async #answer(
    { id, from, topic, body }: Extract<Letter, { kind: 'ask' }>,
    handler: WorkerHandler | undefined,
  ): Promise<void> {
    const found = handler === undefined ? null : await this.#run(topic, () => handler(body, from));
    const reply = { kind: 'answer', id, from: this.index, to: from } as const;
    this.#send({ ...reply, ok: found !== null, body: found?.value });
  }

  async #run(topic: string, work: () => unknown): Promise<{ readonly value: unknown } | null> {
    try {
      return { value: await work() };
    } catch (error) {
      this.#failed(topic, error);
      return null;
    }
  }

  #fail(id: number, reason: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#close(id, open);
    open.failed(new NoAnswer(reason));
  }

  #close(id: number, open: Open): void {
    clearTimeout(open.timer);
    this.#open.delete(id);
  }
}

/** What modules see of a worker's channel; `members`: the numbers of all workers, as they are at each use. */
export function workersOf(channel: Channel, members: () => readonly number[]): Workers {
  const others = (): readonly number[] => members().filter((index) => index !== channel.index);
  return {
    index: channel.index,
    get count() {
      return others().length + 1;
    },
    async ask<T>(topic: string, body?: unknown, only?: number) {
      const asked = only === undefined ? others() : [only];
      const answers = asked.map(async (worker): Promise<WorkerAnswer<T> | null> => {
        try {
          return { worker, answer: await channel.ask<T>(worker, topic, body) };
        } catch (error) {
          if (error instanceof NoAnswer) return null;
          throw error;
        }
      });
      return (await Promise.all(answers)).filter((answer) => answer !== null);
    },
    tell: (topic, body) => {
      for (const worker of others()) channel.tell(worker, topic, body);
    },
    answer: (topic, handler) => channel.answer(topic, handler),
    gone: (listener) => channel.whenGone(listener),
  };
}
