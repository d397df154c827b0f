import type { Hub } from '../../core/hub.ts';
import { type Logger, maskedName } from '../../core/logs/log.ts';
import type { ExecState, ExecStatus } from '../../core/measures/execs.ts';
import type { Command } from './command.ts';
import { type Exit, type Launched, launch } from './launch.ts';
import type { ExecSettings } from './table.ts';
import type { End, Warden } from './warden.ts';

/** What every program of an application, or of a server, is run with. */
export interface ExecGround {
  /** The application's name; empty for programs of a server. */
  readonly application: string;
  readonly hub: Hub;
  readonly log: Logger;
  readonly warden: Warden;
  /** As they are now. */
  conf(): ExecSettings;
}

/** A program that ran this long, ms, did not fail at once. */
const LASTED_MS = 10_000;
/** The longest time before a program is run again, ms, where `respawn_timeout` is not longer. */
const LONGEST_MS = 60_000;
/** What the time is at least once a program has failed twice at once, ms. */
const LEAST_MS = 250;
/** How long after the time for KILL a program is killed from here, and given up, should the warden not tell of its end, ms. */
const PATIENCE_MS = 4000;

/** ms before a program is run again that has ended at once so many times in a row. */
export function backOff(first: number, times: number): number {
  if (times <= 1) return first;
  return Math.max(first, Math.min(LONGEST_MS, Math.max(first, LEAST_MS) * 2 ** Math.min(times - 1, 20)));
}

/** One program that is kept running until it is closed. */
export class Child {
  /** Resolves when it has ended for good, with all that it started. */
  readonly gone: Promise<void>;
  readonly #ground: ExecGround;
  readonly #command: Command;
  readonly #again: () => boolean;
  readonly #unlist: () => void;
  readonly #finish: () => void;
  #launched: Launched | undefined;
  #exit: Exit | undefined;
  #state: ExecState = 'waiting';
  #since = Date.now();
  #pid = 0;
  #startedAt = 0;
  #starts = 0;
  #quick = 0;
  #lastExit = '';
  #retryAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `again` says whether it is run again when it ends; it is first run when `before` has settled. */
  constructor(
    ground: ExecGround,
    command: Command,
    again: () => boolean,
    before: Promise<unknown> | undefined,
  ) {
    this.#ground = ground;
    this.#command = command;
    this.#again = again;
    const { promise, resolve } = deferred();
    this.gone = promise;
    this.#unlist = ground.hub.execs.add(() => this.status());
    this.#finish = () => {
      clearTimeout(this.#timer);
      this.#unlist();
      resolve();
    };
    if (before === undefined) this.#start();
    else void before.then(() => this.#start());
  }

  status(): ExecStatus {
    return {
      directive: this.#command.directive,
      application: this.#ground.application,
      stream: this.#command.stream,
      command: this.#command.shown,
      pid: this.#pid,
      state: this.#state,
      since: this.#since,
      restarts: Math.max(0, this.#starts - 1),
      lastExit: this.#lastExit,
      retryAt: this.#retryAt,
    };
  }

  /** Ends it: by the signal, and what is left after the time by KILL. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#launched === undefined) {
      this.#finish();
      return;
    }
    this.#enter('stopping');
    this.#ground.hub.outlast(this.gone);
    const { exec_kill_signal: signal, exec_kill_timeout: grace } = this.#ground.conf();
    const { pid } = this.#launched;
    signalGroup(pid, signal);
    this.#ground.warden.end(pid, signal, grace, (how) => this.#stopped(how));
    this.#timer = setTimeout(() => {
      signalGroup(pid, 'SIGKILL');
      this.#stopped('stuck');
    }, grace + PATIENCE_MS);
  }

  #start(): void {
    if (this.#closed) return;
    this.#retryAt = 0;
    this.#starts += 1;
    const { hub, application: app } = this.#ground;
    const restarts = hub.measures.total('exec_restarts_total', 'Programs started again.', { app });
    if (this.#starts > 1) restarts.add();
    this.#startedAt = performance.now();
    this.#exit = undefined;
    const { log, warden, conf } = this.#ground;
    this.#launched = launch(this.#command, log, (exit) => this.#exited(exit));
    this.#pid = this.#launched?.pid ?? 0;
    if (this.#launched === undefined) return;
    const { exec_kill_signal: signal, exec_kill_timeout: grace } = conf();
    warden.watch(this.#pid, signal, grace);
    this.#enter('running');
    log.info({ ...this.#fields(), command: this.#command.shown }, 'program started');
  }

  #exited(exit: Exit): void {
    this.#exit = exit;
    this.#lastExit = exit.how;
    if (this.#closed) return;
    if (this.#launched === undefined) {
      this.#over();
      return;
    }
    this.#enter('background');
    this.#ground.warden.check(this.#pid, () => {
      if (!this.#closed) this.#over();
    });
  }

  /** Nothing of it runs any more, and it was not told to end. */
  #over(): void {
    this.#launched = undefined;
    const lasted = performance.now() - this.#startedAt;
    this.#quick = lasted < LASTED_MS ? this.#quick + 1 : 0;
    const { how, failed, stderr } = this.#exit!;
    const fields = { ...this.#fields(), exit: how, ...(stderr === '' ? {} : { stderr }) };
    const level = this.#pid === 0 ? 'error' : failed ? 'warn' : 'info';
    if (!this.#again()) {
      this.#enter('ended');
      this.#ground.log[level](fields, 'program ended');
      return;
    }
    const delay = backOff(this.#ground.conf().respawn_timeout, this.#quick);
    this.#enter('waiting');
    this.#retryAt = Date.now() + delay;
    this.#timer = setTimeout(() => this.#start(), delay);
    this.#ground.log[level]({ ...fields, retry: delay }, 'program ended, it is run again');
  }

  #stopped(how: End): void {
    if (this.#launched === undefined) return;
    this.#launched = undefined;
    this.#enter('ended');
    const { log } = this.#ground;
    if (how === 'stuck') log.error(this.#fields(), 'program could not be killed');
    else if (how === 'killed') log.warn(this.#fields(), 'program did not end by the signal and was killed');
    else log.info(this.#fields(), 'program stopped');
    this.#finish();
  }

  #fields(): object {
    const { directive, stream } = this.#command;
    return {
      directive,
      ...(stream === '' ? {} : { stream: maskedName(stream) }),
      ...(this.#pid === 0 ? {} : { pid: this.#pid }),
    };
  }

  #enter(state: ExecState): void {
    this.#state = state;
    this.#since = Date.now();
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing is left of it.
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
