import { spawn } from 'node:child_process';
import { complain } from './output.ts';

/** Marks the process that `daemon on;` leaves behind. */
const MARK = 'MEDIAD_DETACHED';

/** What the process left behind tells the one that was started. */
export interface Started {
  readonly ok: boolean;
  readonly text: string;
}

/** Whether this process was left behind by `daemon on;`. */
export function isDetached(): boolean {
  return process.env[MARK] === '1' && process.send !== undefined;
}

/** Starts the server as a process of its own, waits until it serves or fails, and gives the exit code. */
export function detach(): Promise<number> {
  const [program, ...args] = process.argv as [string, ...string[]];
  const child = spawn(program, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  return new Promise((resolve) => {
    child.once('message', (message) => {
      const { ok, text } = message as Started;
      complain(text);
      if (child.connected) child.disconnect();
      child.unref();
      resolve(ok ? 0 : 1);
    });
    child.once('error', (error) => {
      complain(`mediad: [emerg] the server could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code, signal) => {
      complain(`mediad: [emerg] the server ended at once (${signal ?? `exit code ${code}`})\n`);
      resolve(1);
    });
  });
}

/** Answers `detach`, once. */
export function tellParent(started: Started): void {
  process.send?.(started, () => {
    if (process.connected) process.disconnect();
  });
}
