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
  /**
   * Holds a name for a publisher whose gates are asked from now on. Throws Refused where somebody else has it, unless
   * `takeover` says that he may be sent away.
   */
  claim(application: Application, name: string, takeover: boolean): Promise<Claim>;
  /** The publisher has left and may return to any worker. */
  vacant(application: Application, name: string): void;
  /** Nobody publishes the name here any more. */
  ended(application: Application, name: string): void;
  /** Brings the stream of another worker here, for as long as somebody plays it; false where none has it. */
  fetch(application: Application, name: string): Promise<boolean>;
  /** A player waits for a stream that nobody publishes. */
  awaited(application: Application, name: string): void;
  /** A player of a stream has left. */
  unplayed(application: Application, name: string): void;
}
