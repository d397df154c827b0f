import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll } from 'vitest';
import { CHILD_VARIABLE, RUN_VARIABLE } from './run-mark.ts';

/** How long a process may take to end after a signal that asks for it, ms. */
const END_MS = 5000;
/** Of what a process prints, the last characters that are kept. */
const KEPT = 200_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that a test has started. It ends with the test file at the latest. */
export interface Child {
  readonly pid: number;
  /** What it has printed on stdout and stderr so far. */
  output(): string;
  readonly running: boolean;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<Exit>;
  /** Sends a signal (TERM) and waits for the end; after 5 s it is killed and this rejects. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

const children = new Set<ChildProcess>();
const cleanups: (() => unknown)[] = [];

afterAll(async () => {
  await endChildren();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test file and after the end of its children, last registered first. */
export function afterFile(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** The environment for a process that a test starts: with the mark by which leftovers are found. */
export function childEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, [CHILD_VARIABLE]: process.env[RUN_VARIABLE], ...more };
}

/** Starts a program; `cwd` and `env` as for spawn. Rejects where it cannot be started. */
export async function start(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Child> {
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: childEnvironment(options.env),
  });
  let output = '';
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-KEPT);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  await once(child, 'spawn');
  children.add(child);
  let exit: Exit | undefined;
  const ended = new Promise<Exit>((resolve) => {
    child.on('close', (code, signal) => {
      children.delete(child);
      exit = { code, signal };
      resolve(exit);
    });
  });
  return {
    pid: child.pid!,
    output: () => output,
    get running() {
      return exit === undefined;
    },
    ended,
    async stop(signal = 'SIGTERM') {
      if (exit !== undefined) return exit;
      child.kill(signal);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, END_MS);
      const result = await ended;
      clearTimeout(timer);
      if (late)
        throw new Error(`${command} did not end within ${END_MS} ms of ${signal}:\n${output.slice(-2000)}`);
      return result;
    },
  };
}

/** Runs a program to its end, which must come within `limit` ms. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  limit = 60_000,
): Promise<Exit & { readonly output: string }> {
  const child = await start(command, args);
  const timer = setTimeout(() => void child.stop('SIGKILL'), limit);
  const exit = await child.ended;
  clearTimeout(timer);
  return { ...exit, output: child.output() };
}

/** Waits until `condition` gives something other than undefined or false; looks every 20 ms. Rejects after `limit` ms. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 10_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function endChildren(): Promise<void> {
  const all = [...children];
  for (const child of all) child.kill('SIGKILL');
  await Promise.all(all.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'close')));
}
