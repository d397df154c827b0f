import type { Application } from './application.ts';

/** A hold of a name in the whole server, from the moment its publisher asks for it. */
export interface Claim {
  /** The publisher may have it: whoever else had it gives it up. Throws Refused where that has changed meanwhile. */
  take(): Promise<void>;
  /** The publisher does not get it after all. */
  release(): void;
}

/** The streams of the other workers, as the applications of one see them. There is none where one process serves. */
export interface Elsewhere {
  /** Tells this server, all its workers alike, from all others. */
  readonly identity: string;
  /**
   * Holds a name for a publisher whose gates are asked from now on. Throws Refused where somebody else has it and
   * has not left by now, unless `takeover` says that he may be sent away.
   */
  claim(application: Application, name: string, takeover: boolean): Promise<Claim>;
  /** The publisher has left and may return to any worker. */
  vacant(application: Application, name: string): void;
  /** Nobody publishes the name here any more. */
  ended(application: Application, name: string): void;
  /**
   * Brings a stream here that this worker does not have: from the worker that has it, for as long as somebody plays it
   * here, else by `ours`, which is asked in one worker at a time. As `Origins.fetch`.
   */
  bring(application: Application, name: string, ours: () => Promise<boolean>): Promise<boolean>;
  /** A player waits for a stream that nobody publishes. */
  awaited(application: Application, name: string): void;
  /** A player of a stream has left. */
  unplayed(application: Application, name: string): void;
}
