import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Logger } from '../../core/logs/log.ts';
import type { Command } from './command.ts';
import { findProgram } from './lookup.ts';
import { maskUrls } from './mask.ts';
import { openStreams } from './streams.ts';
import { Tail } from './tail.ts';

/** Of what a program says last, so many bytes are logged when it fails. */
const TAIL_BYTES = 4096;
/** How long the last words of a program that has ended may take to come, ms. */
const LAST_WORDS_MS = 100;

/** How a program ended: `exit code 1`, `signal SIGTERM`, or why it could not be run. */
export interface Exit {
  readonly how: string;
  readonly failed: boolean;
  /** What it said last; keys and queries in URLs are masked. */
  readonly stderr: string;
}

/** A program that runs, the leader of a session and process group of its own. */
export interface Launched {
  readonly process: ChildProcess;
  readonly pid: number;
}

/**
 * Runs a program without a shell, in the directory and with the environment of this process. Undefined where it cannot
 * be run. `exited` is told once, later, when it has ended or could not be run; others that it started may go on.
 */
export function launch(command: Command, log: Logger, exited: (exit: Exit) => void): Launched | undefined {
  const fail = (how: string): undefined => {
    setImmediate(() => exited({ how, failed: true, stderr: '' }));
    return undefined;
  };
  const found = findProgram(command.program, process.env['PATH']);
  if (found === 'missing') return fail(`${command.program} is not found`);
  if (found === 'not-executable') return fail(`${command.program} is not executable`);
  const streams = openStreams(command.redirections);
  for (const { file, err } of streams.problems) log.warn({ file, err }, 'a redirection cannot be had');
  let child: ChildProcess;
  try {
    child = spawn(found.file, [...command.args], {
      argv0: command.program,
      stdio: streams.stdio,
      detached: true,
    });
  } catch (error) {
    return fail((error as Error).message);
  } finally {
    streams.close();
  }
  const tail = new Tail(TAIL_BYTES);
  for (const stream of child.stdio.slice(1)) {
    // A program that others go on from may hold it for long; that must not keep this process alive.
    if (stream !== null && stream !== undefined) listen(stream as Readable, tail);
  }
  child.on('error', (error) => void (child.pid === undefined && fail(error.message)));
  child.on('exit', (code, signal) => {
    let told = false;
    const tell = (): void => {
      if (told) return;
      told = true;
      clearTimeout(timer);
      exited({
        how: signal === null ? `exit code ${code}` : `signal ${signal}`,
        failed: code !== 0,
        stderr: maskUrls(tail.text),
      });
    };
    const timer = setTimeout(tell, LAST_WORDS_MS);
    child.on('close', tell);
  });
  return child.pid === undefined ? undefined : { process: child, pid: child.pid };
}

function listen(stream: Readable, tail: Tail): void {
  stream.on('data', (chunk: Buffer) => tail.add(chunk));
  stream.on('error', () => undefined);
  (stream as Readable & { unref?(): void }).unref?.();
}
