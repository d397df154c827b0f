import type { Diagnostic } from '../config/errors.ts';
import type { Texts } from './texts.ts';

/** What the primary asks workers to do, by topic; `plan`, `commit` and `undo` are of what was prepared last. */
export const ORDERS = {
  prepare: 'prepare',
  plan: 'plan',
  /** Comes with a `ReloadHistory` to a worker that was started again. */
  commit: 'commit',
  undo: 'undo',
  note: 'note',
  census: 'census',
  /** Gives the paths of its logs. */
  logs: 'logs',
  reopen: 'reopen',
  /** The numbers of all workers, the one that is told included. */
  members: 'members',
  /** The secret of TLS sessions: before a worker's first configuration, and whenever it changes. */
  tickets: 'tickets',
  /** No more connections come; answered with how many there are. Again after each reload. */
  retire: 'retire',
  /** Connections come again; answered in the same way. */
  recall: 'recall',
  /** From a worker that retires: nobody is left, or its time is over. */
  retired: 'retired',
  drain: 'drain',
  stop: 'stop',
} as const;

/** A configuration to make ready. */
export interface PrepareOrder {
  readonly texts: Texts;
  readonly trial: boolean;
  /** From `-e`. */
  readonly errorLog: string | undefined;
  readonly detached: boolean;
  /** The folder of the sockets that workers fetch streams from one another by. */
  readonly sockets: string;
}

/** Whether it is. */
export type Prepared =
  | { readonly ok: true }
  | { readonly ok: false; readonly findings: readonly Diagnostic[] };
