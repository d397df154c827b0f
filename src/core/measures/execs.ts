/**
 * What a program is doing. `background`: what was started has ended, and left others running. `waiting`: it is started
 * again at `retryAt`. `ended`: it is not started again.
 */
export type ExecState = 'running' | 'background' | 'waiting' | 'stopping' | 'ended';

/** One program that the configuration runs, as statistics show it: plain data. */
export interface ExecStatus {
  /** The directive that runs it. */
  readonly directive: string;
  /** Empty where it belongs to none. */
  readonly application: string;
  readonly stream: string;
  /** The command line, with stream keys and queries masked. */
  readonly command: string;
  /** Of the last process; 0 where none could be started. */
  readonly pid: number;
  readonly state: ExecState;
  /** Wall clock, ms: since when it is in this state. */
  readonly since: number;
  /** Times it was started again. */
  readonly restarts: number;
  /** How the last process ended: `exit code 1`, `signal SIGTERM`, or why there was none; empty while the first one runs. */
  readonly lastExit: string;
  /** Wall clock, ms, of the next start; 0 where none is due. */
  readonly retryAt: number;
}
