import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Step } from '../core/reload/plan.ts';
import type { Report } from '../core/reload/report.ts';
import type { ReadConfig } from './sources.ts';

/** Everybody at one moment. */
export interface Census {
  readonly connections: number;
  readonly publishers: number;
  readonly viewers: number;
}

/** What applying a configuration came to: what was done, and who was there before and still is. */
export interface Committed {
  readonly report: Report;
  readonly publishers: number;
  readonly viewers: number;
}

/** A configuration that may be applied: `commit` or `undo` is called, once. */
export interface Ready {
  readonly warnings: readonly Diagnostic[];
  /** What applying it would do. */
  plan(): Promise<readonly Step[]>;
  /** Applies it, which cannot fail. */
  commit(): Promise<Committed>;
  undo(): Promise<void>;
}

/** What the end of a reload is told to those who show it. */
export interface ReloadNote {
  readonly reason: string;
  readonly applied: boolean;
  /** As `outcomeData` gives it. */
  readonly data: unknown;
}

/** Whatever carries configurations out: this process by itself, or a primary with its workers. */
export interface Carrier {
  /** The addresses that are listened on. */
  readonly addresses: readonly string[];
  /** Settings of the process as a whole that it cannot change while it runs. */
  readonly fixed: readonly string[];
  /**
   * Does all that may fail, `last` after everything else, and leaves everything as it was where it does. On trial, to be
   * undone in any case, nobody notices.
   */
  prepare(read: ReadConfig, config: Config, trial: boolean, last?: () => Promise<void>): Promise<Ready>;
  /** Gives root's rights up where the configuration says so; the files given go along. */
  dropRights(config: Config, files: readonly string[]): void;
  /** A reload is over. */
  note(note: ReloadNote): void;
  census(): Promise<Census>;
  /** What `status` tells beyond what is the same for all. */
  status(): Promise<object>;
  /** Goes on in new access logs of the same names. */
  reopen(): void;
  /** Takes nobody new, and lets those who only listen to answers go as they end. */
  drain(): void;
  /** Ends everything; resolves when that is done. Also after a start that failed. */
  stop(): Promise<void>;
}
