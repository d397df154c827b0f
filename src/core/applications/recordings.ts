import { Registry } from '../measures/registry.ts';
import type { PublishRequest } from './request.ts';

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

/** A recorder of an application as statistics show it: plain data. */
export interface RecorderStatus {
  /** Empty for the one that has no name. */
  readonly name: string;
  /** `video`, `audio`, `keyframes`, `data`, `manual`; `off` alone. */
  readonly flags: readonly string[];
  readonly unique: boolean;
  readonly append: boolean;
  /** Whether `record_lock` and `record_notify` are on. */
  readonly lock: boolean;
  readonly notify: boolean;
  readonly path: string;
  /** Bytes and frames; 0: any number. */
  readonly maxSize: number;
  readonly maxFrames: number;
  /** ms; null: none. */
  readonly interval: number | null;
  readonly suffix: string;
}

/** A file that is being written, as statistics show it: plain data. */
export interface RecordingStatus {
  readonly recorder: string;
  /** The stream's name. */
  readonly stream: string;
  /** Absolute. */
  readonly file: string;
  /** Wall clock, ms, of its beginning. */
  readonly since: number;
  /** Time of its first frame on the stream's time line, ms. */
  readonly epoch: number;
  /** ms of media that were in the file before, where it is gone on with. */
  readonly shift: number;
  /** Bytes of the file, with those on their way to the disk. */
  readonly bytes: number;
  readonly frames: number;
}

/** A recorder that can be told to start and stop, by the name of a stream. */
export interface RecorderSwitch {
  status(): RecorderStatus;
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

/** The recorders of an application by name, what they write, and those who are told of it. */
export class Recorders {
  readonly #switches = new Map<string, RecorderSwitch>();
  readonly #observers = new Set<RecordingObserver>();
  readonly #files = new Registry<RecordingStatus>();
  #finished = 0;

  get(name: string): RecorderSwitch | undefined {
    return this.#switches.get(name);
  }

  /** All there are. */
  list(): readonly RecorderStatus[] {
    return [...this.#switches.values()].map((recorder) => recorder.status());
  }

  /** The files that are being written, in the order they were begun. */
  files(): readonly RecordingStatus[] {
    return this.#files.list();
  }

  /** Files there have been that are no longer written. */
  get finished(): number {
    return this.#finished;
  }

  /** Enters a file that is being written; what it returns is called once, when no more goes into it. */
  write(status: () => RecordingStatus): () => void {
    const remove = this.#files.add(status);
    return () => {
      remove();
      this.#finished += 1;
    };
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
