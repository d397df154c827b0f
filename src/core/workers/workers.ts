/** What one worker answered. */
export interface WorkerAnswer<T> {
  /** Its number; 1 is the first. */
  readonly worker: number;
  readonly answer: T;
}

/** Answers a question of another worker with plain data; what it throws leaves the answer out. `from` is who asks. */
export type WorkerHandler = (body: unknown, from: number) => unknown;

/**
 * The processes that serve together, as one of them sees the others. Bodies and answers are plain data, as structured
 * clones take it. A topic has one name everywhere and one handler per process. Costs nothing where there is one process.
 */
export interface Workers {
  /** The number of this process; 1 is the first, which is there whatever a reload makes of `worker_processes`. */
  readonly index: number;
  /** How many there are, this one and those that retire included; it changes with reloads. */
  readonly count: number;
  /**
   * Asks all others, or `only` one. Those that are gone, that throw, or that do not answer in time are left out; it never rejects, and
   * takes 2 s at most.
   */
  ask<T>(topic: string, body?: unknown, only?: number): Promise<readonly WorkerAnswer<T>[]>;
  /** Tells all others, in order, as far as they are there; nobody answers. */
  tell(topic: string, body?: unknown): void;
  /** Answers what others ask and hears what they tell on a topic; what it returns undoes that. */
  answer(topic: string, handler: WorkerHandler): () => void;
  /** Tells the number of a worker that has ended, once it is gone; what it returns undoes that. */
  gone(listener: (worker: number) => void): () => void;
}

/** The workers of a process that serves alone. */
export const alone: Workers = {
  index: 1,
  count: 1,
  ask: () => Promise.resolve([]),
  tell: () => undefined,
  answer: () => () => undefined,
  gone: () => () => undefined,
};
