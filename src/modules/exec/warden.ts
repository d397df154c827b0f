import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../../core/logs/log.ts';

/** How a program has ended that was to: by itself or by the signal, by KILL, or not at all. */
export type End = 'ended' | 'killed' | 'stuck';

/** Sees to the end of process groups, also after that of this process. */
export interface Warden {
  /** From now on the group ends by the signal, and after `grace` ms by KILL, should this process be gone. */
  watch(pid: number, signal: NodeJS.Signals, grace: number): void;
  /** Tells when nothing of a group is left. */
  check(pid: number, gone: (how: End) => void): void;
  /** Ends a group, and tells when nothing of it is left; asked for again, the time may only become shorter. */
  end(pid: number, signal: NodeJS.Signals, grace: number, gone: (how: End) => void): void;
}

const PROGRAM = fileURLToPath(new URL('./warden-process.js', import.meta.url));
/** It holds a few numbers only. */
const MEMORY = ['--max-old-space-size=16', '--max-semi-space-size=1'];
/** Time before a warden that has ended is replaced, ms. */
const AGAIN_MS = 500;
/** A warden that has nothing to watch over ends after this long, ms. */
const IDLE_MS = 10_000;

interface Watched {
  /** The lines that tell a new process of it. */
  readonly lines: string[];
  gone: ((how: End) => void) | undefined;
}

/** A warden in a process of its own, started when a group comes, and ended a while after the last one has gone. */
export class WardenProcess implements Warden {
  readonly #log: Logger;
  readonly #watched = new Map<number, Watched>();
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #idleMs: number;

  constructor(log: Logger, idleMs = IDLE_MS) {
    this.#log = log;
    this.#idleMs = idleMs;
  }

  watch(pid: number, signal: NodeJS.Signals, grace: number): void {
    clearTimeout(this.#idle);
    this.#watched.set(pid, { lines: [], gone: undefined });
    this.#say(pid, `watch ${pid} ${signal} ${grace}`);
  }

  check(pid: number, gone: (how: End) => void): void {
    this.#ask(pid, `check ${pid}`, gone);
  }

  end(pid: number, signal: NodeJS.Signals, grace: number, gone: (how: End) => void): void {
    this.#ask(pid, `end ${pid} ${signal} ${grace}`, gone);
  }

  #ask(pid: number, line: string, gone: (how: End) => void): void {
    const watched = this.#watched.get(pid);
    if (watched === undefined) return;
    watched.gone = gone;
    this.#say(pid, line);
  }

  #say(pid: number, line: string): void {
    this.#watched.get(pid)?.lines.push(line);
    if (this.#process !== undefined) this.#process.stdin?.write(`${line}\n`);
    else if (this.#timer === undefined) this.#start();
  }

  #start(): void {
    this.#timer = undefined;
    if (this.#watched.size === 0) return;
    const { NODE_OPTIONS: _options, ...env } = process.env;
    const started = spawn(process.execPath, [...MEMORY, PROGRAM], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      cwd: '/',
      env,
    });
    this.#process = started;
    started.on('error', (err) => this.#lost(started, { err }));
    started.on('exit', (code, signal) => this.#lost(started, { code, signal }));
    started.stdin.on('error', () => undefined);
    createInterface({ input: started.stdout }).on('line', (line) => this.#heard(line));
    // None of it keeps this process alive.
    started.unref();
    (started.stdin as Socket).unref();
    (started.stdout as Socket).unref();
    for (const { lines } of this.#watched.values()) {
      for (const line of lines) started.stdin.write(`${line}\n`);
    }
  }

  #lost(which: ChildProcess, fields: object): void {
    if (this.#process !== which) return;
    this.#process = undefined;
    this.#log.error({ ...fields }, 'the process that watches over programs has ended, it is started again');
    this.#timer = setTimeout(() => this.#start(), AGAIN_MS);
    this.#timer.unref();
  }

  #heard(line: string): void {
    const [, id, how] = line.split(' ');
    const pid = Number(id);
    const watched = this.#watched.get(pid);
    this.#watched.delete(pid);
    if (this.#watched.size === 0) this.#idle = setTimeout(() => this.#rest(), this.#idleMs).unref();
    watched?.gone?.(how as End);
  }

  #rest(): void {
    const resting = this.#process;
    this.#process = undefined;
    // It ends where its input does.
    resting?.stdin?.end();
  }
}
