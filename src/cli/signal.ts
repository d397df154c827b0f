import { resolve } from 'node:path';
import { settingsOf } from '../config/block.ts';
import { LoadError, prefixOf } from '../config/config.ts';
import { mainTable } from '../core/main.ts';
import { ask, type ControlRequest, controlPath } from '../daemon/control.ts';
import { isAlive, type PidState, readPid } from '../daemon/pid-file.ts';
import { defaultPidPath, pidPath } from '../daemon/process.ts';
import { readConfig } from '../daemon/sources.ts';
import { modules } from '../modules/index.ts';
import { locate } from './location.ts';
import { complain, print } from './output.ts';
import type { Invocation, SignalName } from './usage.ts';

const RELOAD_MS = 30_000;
const STOP_MS = 10_000;
const POLL_MS = 50;

/** Where the running server is, as far as a configuration tells that need not hold any more. */
interface Target {
  readonly pidPath: string;
  /** How long a graceful stop may take, ms; 0: without end. */
  readonly patience: number;
}

/** `-s`: tells the running server, waits for what comes of it, and gives the exit code. */
export async function signal(
  { signal: name, dryRun }: { readonly signal: SignalName; readonly dryRun: boolean },
  invocation: Invocation,
): Promise<number> {
  const target = targetOf(invocation);
  const state = readPid(target.pidPath);
  if (state.kind !== 'running') return notRunning(state, target.pidPath);
  if (dryRun) return plan(target.pidPath, { command: 'plan' }, invocation);
  if (name === 'reload') return reload(state.pid, target.pidPath);
  try {
    process.kill(state.pid, { stop: 'SIGTERM', quit: 'SIGQUIT', reopen: 'SIGUSR1' }[name]);
  } catch (error) {
    complain(`mediad: [alert] kill(${state.pid}) failed (${(error as Error).message})\n`);
    return 1;
  }
  if (name === 'reopen' || (name === 'quit' && target.patience === 0)) return 0;
  return gone(state.pid, STOP_MS + (name === 'quit' ? target.patience : 0));
}

/** `-t --diff`: prints what the running server would do with the file in a reload; gives the exit code. */
export async function difference(invocation: Invocation): Promise<number> {
  const { pidPath } = targetOf(invocation);
  const state = readPid(pidPath);
  if (state.kind !== 'running') return notRunning(state, pidPath);
  return plan(pidPath, { command: 'plan', file: resolve(locate(invocation).file) }, invocation);
}

async function plan(pidPath: string, request: ControlRequest, { format }: Invocation): Promise<number> {
  try {
    const { ok, text, data } = await ask(controlPath(pidPath), request, RELOAD_MS);
    if (format === 'json') print(`${JSON.stringify(data)}\n`);
    else (ok ? print : complain)(`${text.join('\n')}\n`);
    return ok ? 0 : 1;
  } catch (error) {
    complain(`mediad: [error] the server of ${pidPath} does not answer: ${(error as Error).message}\n`);
    return 1;
  }
}

/** `healthcheck`: 0 where the server answers. */
export async function healthcheck(invocation: Invocation): Promise<number> {
  const { pidPath } = targetOf(invocation);
  try {
    const { ok, data } = await ask(controlPath(pidPath), { command: 'status' }, 5000);
    print(`${JSON.stringify(data)}\n`);
    return ok ? 0 : 1;
  } catch (error) {
    complain(`mediad: [error] the server of ${pidPath} does not answer: ${(error as Error).message}\n`);
    return 1;
  }
}

async function reload(pid: number, pidPath: string): Promise<number> {
  try {
    const reply = await ask(controlPath(pidPath), { command: 'reload' }, RELOAD_MS);
    complain(`${reply.text.join('\n')}\n`);
    return reply.ok ? 0 : 1;
  } catch (error) {
    process.kill(pid, 'SIGHUP');
    complain(
      `mediad: [warn] pid ${pid} was told to reload, but does not tell what came of it (${(error as Error).message}); see its log\n`,
    );
    return 1;
  }
}

/** A server whose file is broken by now must still be stoppable, so the pid file is then found without reading the rest. */
function targetOf(invocation: Invocation): Target {
  const options = locate(invocation);
  const { result, files } = readConfig({ ...options, sources: modules });
  if (!(result instanceof LoadError)) {
    return {
      pidPath: pidPath(result),
      patience: settingsOf(result.tree, mainTable).worker_shutdown_timeout,
    };
  }
  const prefix = options.prefix === undefined ? prefixOf(options.file) : resolve(options.prefix);
  const texts = [invocation.globals, ...files.map(({ text }) => text)];
  const written = texts.flatMap(
    (text) => /(?:^|[;}\n])\s*pid\s+["']?([^\s;"']+)["']?\s*;/.exec(text)?.[1] ?? [],
  );
  const patience = mainTable.worker_shutdown_timeout.initial;
  return {
    pidPath: written[0] === undefined ? defaultPidPath(prefix) : resolve(prefix, written[0]),
    patience,
  };
}

function notRunning(state: Exclude<PidState, { kind: 'running' }>, path: string): number {
  switch (state.kind) {
    case 'invalid':
      complain(`mediad: [error] invalid PID number "${state.text}" in "${path}"\n`);
      break;
    case 'stale':
      complain(
        `mediad: [error] mediad is not running (pid file ${path} names process ${state.pid}, which is gone)\n`,
      );
      break;
    default:
      complain(`mediad: [error] mediad is not running (pid file ${path}: ${state.reason})\n`);
  }
  return 1;
}

async function gone(pid: number, patience: number): Promise<number> {
  const end = performance.now() + patience;
  while (isAlive(pid)) {
    if (performance.now() > end) {
      complain(`mediad: [error] pid ${pid} has not stopped in ${Math.round(patience / 1000)} s\n`);
      return 1;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return 0;
}
