import type { Stream } from '../streams/stream.ts';

/** Runs for every live stream, from its first media to its end; what it returns undoes it. */
export type StreamTask = (stream: Stream) => (() => void) | undefined;

/** The tasks of an application, and what each has running for which stream. */
export class StreamTasks {
  readonly #tasks = new Map<StreamTask, Map<Stream, () => void>>();

  /** Runs a task for the streams that are live now and for those that will be, until it is undone. */
  add(task: StreamTask, streams: Iterable<Stream>): () => void {
    const running = new Map<Stream, () => void>();
    this.#tasks.set(task, running);
    for (const stream of streams) if (stream.live) run(task, running, stream);
    return () => {
      this.#tasks.delete(task);
      for (const undo of running.values()) undo();
    };
  }

  started(stream: Stream): void {
    for (const [task, running] of this.#tasks) run(task, running, stream);
  }

  stopped(stream: Stream): void {
    for (const running of this.#tasks.values()) {
      const undo = running.get(stream);
      running.delete(stream);
      undo?.();
    }
  }
}

function run(task: StreamTask, running: Map<Stream, () => void>, stream: Stream): void {
  const undo = task(stream);
  if (undo !== undefined) running.set(stream, undo);
}
