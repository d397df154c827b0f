import type { PublishRequest } from './application.ts';

/** What came of a recording that has ended. */
export interface RecordingEnd {
  /** Bytes of the file. */
  readonly size: number;
  /** ms of media in it. */
  readonly duration: number;
}

/** One file that a stream is recorded to. */
export interface Recording {
  /** Empty for the recorder that has no name. */
  readonly recorder: string;
  /** Absolute. */
  readonly path: string;
  /** Who published when it began. */
  readonly request: PublishRequest;
  /** Settles when the file is closed; null where there is none, since the disk would not have it. Never rejects. */
  readonly finished: Promise<RecordingEnd | null>;
}

/** A recorder that can be told to start and stop, by the name of a stream. */
export interface RecorderSwitch {
  /** The path that it records to from now on; null where it does already, or cannot. */
  start(stream: string): string | null;
  /** The path that it has recorded to; null where it did not. */
  stop(stream: string): string | null;
}

/** Told of recordings; must not throw. */
export interface RecordingObserver {
  /** The first frame of a file is on its way to the disk. */
  started(recording: Recording): void;
  /** No more goes into a file; `recording.finished` tells when it is whole. */
  ended(recording: Recording): void;
}

/** The recorders of an application by name, and those who are told of what they do. */
export class Recorders {
  readonly #switches = new Map<string, RecorderSwitch>();
  readonly #observers = new Set<RecordingObserver>();

  get(name: string): RecorderSwitch | undefined {
    return this.#switches.get(name);
  }

  observe(observer: RecordingObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  started(recording: Recording): void {
    for (const observer of this.#observers) observer.started(recording);
  }

  ended(recording: Recording): void {
    for (const observer of this.#observers) observer.ended(recording);
  }

  /** Enters a recorder; what it returns takes it out. */
  add(name: string, recorder: RecorderSwitch): () => void {
    this.#switches.set(name, recorder);
    return () => {
      if (this.#switches.get(name) === recorder) this.#switches.delete(name);
    };
  }
}
