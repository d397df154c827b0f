import { settingsOf } from './config/block.ts';
import { type Config, type ConfigOptions, LoadError } from './config/config.ts';
import { ConfigError, type Diagnostic } from './config/errors.ts';
import { printLine } from './config/print.ts';
import { inSlices } from './config/slices.ts';
import type { Logger } from './core/logs/log.ts';
import { type MainSettings, mainTable } from './core/main.ts';
import { carryOut } from './core/reload/plan.ts';
import { Report } from './core/reload/report.ts';
import { Runtime } from './core/runtime.ts';
import type { Carrier, Ready } from './daemon/carrier.ts';
import type { ControlReply, ControlRequest } from './daemon/control.ts';
import { diagnose } from './daemon/failures.ts';
import { ErrorLog, type Pretty } from './daemon/logging.ts';
import { mainSteps } from './daemon/main-steps.ts';
import {
  type Applied,
  isNothing,
  noticedLines,
  type Outcome,
  outcomeData,
  outcomeLines,
  type Planned,
  type Refused,
} from './daemon/outcome.ts';
import { endedBy } from './daemon/plan-lines.ts';
import { Presence } from './daemon/presence.ts';
import { logTargets, pidPath, setEnvironment, startNotes } from './daemon/process.ts';
import { type Hosts, Serving } from './daemon/serving.ts';
import { Single } from './daemon/single.ts';
import { type ReadConfig, RunningConfig, readConfig, soundConfig } from './daemon/sources.ts';
import { tellOutcome } from './daemon/tell-outcome.ts';
import { ConfigWatch, type WatchTimes } from './daemon/watch.ts';

export interface DaemonOptions {
  readonly config: ConfigOptions;
  readonly hosts: (runtime: Runtime) => Hosts;
  readonly version: string;
  /** Wins over the first `error_log` where none is written: `stderr` or a path, from `-e`. */
  readonly errorLog?: string;
  /** Without a terminal of its own: what is not told where to log goes to a file. */
  readonly detached?: boolean;
  readonly pretty?: Pretty;
  readonly watch?: Partial<WatchTimes>;
  /** What carries configurations out; without it this process does by itself. */
  readonly carrier?: (config: Config, log: ErrorLog) => Carrier;
}

/** Who asks for a reload this soon after the file was saved, ms, wants to hear of what was done at once. */
const NOTICED_MS = 10_000;
/** How often a graceful stop looks whether anybody is left, ms. */
const LOOK_MS = 50;

const LEAVING: Diagnostic = { severity: 'error', code: 'stopping', message: 'the server is stopping' };

/** A running server, as whoever starts it sees it. Its life: start, any number of reloads, and one stop. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: ErrorLog;
  readonly #carrier: Carrier;
  readonly #presence: Presence;
  readonly #source: RunningConfig;
  readonly #watch: ConfigWatch;
  /** Resolves once the server has stopped and everything it held has been let go. */
  readonly ended: Promise<void>;
  readonly #startedAt = Date.now();
  #end: () => void = () => undefined;
  #config: Config;
  #appliedAt = Date.now();
  /** A reload, or a look at one, that is under way. */
  #busy: Promise<unknown> | undefined;
  #nextReload: Promise<Outcome> | undefined;
  /** The last change that was applied because a file changed. */
  #noticed: { readonly outcome: Applied; readonly at: number } | undefined;
  #stopping: Promise<void> | undefined;
  /** Nothing new is taken or applied any more. */
  #leaving = false;

  private constructor(options: DaemonOptions, config: Config, log: ErrorLog) {
    this.#options = options;
    this.#config = config;
    this.#source = new RunningConfig(options.config);
    this.#log = log;
    this.#carrier = options.carrier?.(config, log) ?? single(options, config, log.logger);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#presence = new Presence(pidPath(config));
    this.#watch = new ConfigWatch(
      (known) => this.#source.sources(known),
      () => void this.#fileChanged(),
      log.logger,
      options.watch,
    );
  }

  /**
   * Takes the configuration as it was just read, binds, and serves. Throws, with nothing left running or bound: ConfigError with every
   * finding, AlreadyRunning, BindError, or the system's error.
   */
  static async start(options: DaemonOptions, read = readConfig(options.config)): Promise<Daemon> {
    if (read.result instanceof LoadError) throw read.result;
    const config = read.result;
    const main = settingsOf(config.tree, mainTable);
    setEnvironment(main);
    if (main.working_directory !== '') process.chdir(main.working_directory);
    const log = new ErrorLog(logTargets(main, config.prefix, options), config.prefix, options.pretty);
    const daemon = new Daemon(options, config, log);
    try {
      await daemon.#open(read, config, main);
    } catch (error) {
      await daemon.#carrier.stop();
      daemon.#presence.leave();
      throw error;
    }
    return daemon;
  }

  async #open(read: ReadConfig, config: Config, main: MainSettings): Promise<void> {
    const log = this.#log.logger;
    const unanswered = await this.#presence.claim((request) => this.#answer(request));
    if (unanswered !== null)
      log.warn({ err: unanswered }, 'there is no control socket, so a reload is not answered');
    const { commit, warnings } = await this.#prepare(read, config, false, async () => {
      this.#presence.announce();
      this.#carrier.dropRights(config, [...this.#presence.files, ...this.#log.paths]);
    });
    await commit();
    for (const warning of [...config.warnings, ...warnings]) log.warn(printLine(warning));
    for (const note of startNotes(main)) this.#log.notice(note);
    this.#follow(read);
    const { version } = this.#options;
    this.#log.notice('ready', {
      version,
      pid: process.pid,
      listen: this.addresses,
      took: Math.round(performance.now()),
    });
  }

  async #answer(request: ControlRequest): Promise<ControlReply> {
    if (request.command === 'status') return { ok: true, text: [], data: await this.status() };
    if (request.command === 'plan') {
      const outcome = await this.plan(request.file);
      return { ok: outcome.kind === 'planned', text: outcomeLines(outcome), data: outcomeData(outcome) };
    }
    const noticed = this.#noticed;
    const outcome = await this.reload('asked for');
    const text =
      noticed !== undefined && isNothing(outcome) && performance.now() - noticed.at < NOTICED_MS
        ? noticedLines(noticed.outcome)
        : outcomeLines(outcome);
    return { ok: outcome.kind === 'applied', text, data: outcomeData(outcome) };
  }

  get log(): Logger {
    return this.#log.logger;
  }

  get config(): Config {
    return this.#config;
  }

  get addresses(): readonly string[] {
    return this.#carrier.addresses;
  }

  /** Whether a change of the files is noticed. */
  get watches(): boolean {
    return settingsOf(this.#config.tree, mainTable).auto_reload;
  }

  /** Applies the files as they are now. One reload runs at a time; all that ask meanwhile share exactly one more. */
  reload(reason: string): Promise<Outcome> {
    if (this.#nextReload !== undefined) return this.#nextReload;
    if (this.#busy === undefined) return this.#begin(() => this.#reload(reason));
    this.#nextReload = this.#next(() => {
      this.#nextReload = undefined;
      return this.#reload(reason);
    });
    return this.#nextReload;
  }

  /** What a reload would do, of the file or of another one in its place; changes nothing. */
  plan(file = this.#options.config.file): Promise<Planned | Refused> {
    return this.#next(() => this.#plan(file));
  }

  /** Goes on in new log files of the same names. */
  reopen(): void {
    this.#log.reopen();
    this.#carrier.reopen();
    this.#log.notice('logs reopened');
  }

  /** Stops at once: everybody is sent away. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Stops accepting, and stops once all connections have ended or `worker_shutdown_timeout` is over. */
  async quit(): Promise<void> {
    const { worker_shutdown_timeout: patience } = settingsOf(this.#config.tree, mainTable);
    const { connections } = await this.#carrier.census();
    this.#log.notice('stopping gracefully', { connections });
    this.#leaving = true;
    this.#watch.close();
    while (this.#busy !== undefined) await this.#busy;
    this.#carrier.drain();
    const end = performance.now() + (patience === 0 ? Number.POSITIVE_INFINITY : patience);
    while (this.#stopping === undefined && performance.now() < end) {
      if ((await this.#carrier.census()).connections === 0) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    await this.stop();
  }

  /** What the server is doing, as plain data. */
  async status(): Promise<unknown> {
    return {
      pid: process.pid,
      version: this.#options.version,
      startedAt: this.#startedAt,
      config: { file: this.#options.config.file, appliedAt: this.#appliedAt },
      listen: this.addresses,
      ...(await this.#carrier.status()),
    };
  }

  async #fileChanged(): Promise<void> {
    const outcome = await this.reload('a file changed');
    if (outcome.kind === 'applied' && !isNothing(outcome)) this.#noticed = { outcome, at: performance.now() };
  }

  async #next<T>(work: () => Promise<T>): Promise<T> {
    while (this.#busy !== undefined) await this.#busy;
    return this.#begin(work);
  }

  #begin<T>(work: () => Promise<T>): Promise<T> {
    const busy = work().finally(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    this.#busy = busy;
    return busy;
  }

  async #plan(file: string): Promise<Planned | Refused> {
    const read = await this.#source.read(this.#config.tree, file);
    return this.#attempt(read, async (config): Promise<Planned> => {
      const ready = await this.#prepare(read, config, true);
      const steps = await ready.plan().finally(() => ready.undo());
      const { publishers, viewers } = await this.#carrier.census();
      const ended = endedBy(steps);
      return {
        kind: 'planned',
        steps,
        warnings: [...config.warnings, ...ready.warnings],
        ignored: config.ignored,
        publishers: publishers - ended.publishers,
        viewers: viewers - ended.players,
      };
    });
  }

  async #attempt<T>(read: ReadConfig, work: (config: Config) => Promise<T>): Promise<T | Refused> {
    try {
      if (this.#leaving) throw new ConfigError([LEAVING]);
      return await work(soundConfig(read, this.#options.config.file));
    } catch (error) {
      const diagnostics = diagnose(error) ?? [this.#fault(error)];
      return { kind: 'refused', diagnostics, files: read.files, since: this.#appliedAt };
    }
  }

  async #reload(reason: string): Promise<Outcome> {
    const started = performance.now();
    const read = await this.#source.read(this.#config.tree);
    const outcome = await this.#attempt(read, (config) => this.#apply(read, config, started));
    await inSlices(tellOutcome(this.#log, outcome, reason));
    this.#carrier.note({ reason, applied: outcome.kind === 'applied', data: outcomeData(outcome) });
    this.#follow(read);
    return outcome;
  }

  async #apply(read: ReadConfig, config: Config, started: number): Promise<Applied> {
    const { commit, warnings } = await this.#prepare(read, config, false);
    setEnvironment(settingsOf(config.tree, mainTable));
    const committed = await commit();
    this.#config = config;
    this.#appliedAt = Date.now();
    const took = performance.now() - started;
    const { ignored } = config;
    return { kind: 'applied', ...committed, warnings: [...config.warnings, ...warnings], ignored, took };
  }

  /** The carrier's part, and before it what this process does for itself: its log. */
  async #prepare(
    read: ReadConfig,
    config: Config,
    trial: boolean,
    last?: () => Promise<void>,
  ): Promise<Ready> {
    const log = this.#log.prepare(
      logTargets(settingsOf(config.tree, mainTable), config.prefix, this.#options),
    );
    const steps = mainSteps(this.#config.tree, config.tree, this.#carrier.fixed);
    try {
      const ready = await this.#carrier.prepare(read, config, trial, last);
      return {
        warnings: ready.warnings,
        plan: async () => [...steps, ...(await ready.plan())],
        commit: async () => {
          const report = new Report();
          carryOut(steps, report);
          log.commit();
          const committed = await ready.commit();
          report.entries.push(...committed.report.entries);
          report.restartNeeded.push(...committed.report.restartNeeded);
          return { ...committed, report };
        },
        undo: async () => {
          log.undo();
          await ready.undo();
        },
      };
    } catch (error) {
      log.undo();
      throw error;
    }
  }

  /** A fault of the program during a reload is no reason to end what runs. */
  #fault(error: unknown): Diagnostic {
    this.#log.logger.error({ err: error }, 'a reload failed unexpectedly');
    return { severity: 'error', code: 'internal', message: `internal error: ${String(error)}` };
  }

  #follow(read: ReadConfig): void {
    if (this.#leaving) return;
    if (this.watches) this.#watch.follow(read.sources);
    else this.#watch.rest();
  }

  async #stop(): Promise<void> {
    this.#leaving = true;
    this.#watch.close();
    while (this.#busy !== undefined) await this.#busy;
    await this.#carrier.stop();
    this.#log.end('stopped');
    this.#presence.leave();
    this.#end();
  }
}

function single({ hosts }: DaemonOptions, config: Config, log: Logger): Carrier {
  const runtime = new Runtime(config.prefix, log);
  return new Single(new Serving(runtime, hosts(runtime)));
}
