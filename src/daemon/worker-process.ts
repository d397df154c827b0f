import { type ChildProcess, fork } from 'node:child_process';
import type { Door } from '../core/connections/listeners.ts';
import type { Letter } from './channel.ts';
import type { Arrival } from './distribution.ts';
import { WORKER_MARK } from './worker-mark.ts';

/** What the primary sends to a worker; a door comes with the socket of its connection. */
export type ToWorker = { readonly letter: Letter } | { readonly door: Door };

/** What a worker sends to the primary. */
export type FromWorker =
  | { readonly letter: Letter }
  /** It listens to letters. */
  | { readonly hello: true }
  /** It has the last connection it was sent. */
  | { readonly taken: true };

/** What a process can be asked to do as a worker; the real ones are forked, tests have their own. */
export interface WorkerProcess {
  readonly pid: number;
  send(letter: Letter): void;
  /** Hands a connection over; false where the process is gone. */
  hand(arrival: Arrival): boolean;
  kill(): void;
}

/** Told what a worker does. */
export interface WorkerEvents {
  message(message: FromWorker): void;
  /** Once: it has ended, `how` in words. */
  ended(how: string): void;
}

/** Starts a worker. */
export type StartWorker = (index: number, events: WorkerEvents) => WorkerProcess;

/** Starts the program that runs here once more, as a worker. */
export const forkWorker: StartWorker = (index, events) => {
  const child = fork(process.argv[1]!, process.argv.slice(2), {
    // Letters hold what structured clones take.
    serialization: 'advanced',
    env: { ...process.env, [WORKER_MARK]: String(index) },
  });
  let over = false;
  const ended = (how: string): void => {
    if (over) return;
    over = true;
    events.ended(how);
  };
  child.on('message', (message) => events.message(message as FromWorker));
  child.on('error', (error) => ended(error.message));
  child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  return {
    pid: child.pid ?? 0,
    send: (letter) => {
      if (child.connected) child.send({ letter } satisfies ToWorker, () => undefined);
    },
    hand: (arrival) => handOver(child, arrival),
    kill: () => void child.kill('SIGKILL'),
  };
};

function handOver(child: ChildProcess, { socket, door }: Arrival): boolean {
  if (!child.connected) return false;
  child.send({ door } satisfies ToWorker, socket, {}, (error) => {
    // The worker died with it.
    if (error !== null) socket.destroy();
  });
  return true;
}
