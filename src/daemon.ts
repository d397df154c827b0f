import { settingsOf } from './config/block.ts';
import { type Config, type ConfigOptions, LoadError } from './config/config.ts';
import { ConfigError, type Diagnostic } from './config/errors.ts';
import { printLine } from './config/print.ts';
import type { Host, Prepared } from './core/host.ts';
import { Listeners, type Protocol } from './core/listeners.ts';
import { type MainSettings, mainTable } from './core/main.ts';
import { carryOut, type Step } from './core/plan.ts';
import { Report } from './core/report.ts';
import { Runtime } from './core/runtime.ts';
import { crossCheck, placed } from './daemon/check.ts';
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
  summary,
} from './daemon/outcome.ts';
import { endedBy } from './daemon/plan-lines.ts';
import { prepareAll } from './daemon/prepare.ts';
import { Presence } from './daemon/presence.ts';
import { dropRights, logTargets, pidPath, setEnvironment, startNotes } from './daemon/process.ts';
import { countSessions, keptOf, sessionsOf } from './daemon/sessions.ts';
import { type ReadConfig, RunningConfig, readConfig, soundConfig } from './daemon/sources.ts';
import { ConfigWatch, type WatchTimes } from './daemon/watch.ts';

/** The protocols' hosts of one process. */
export type Hosts = Readonly<Record<Protocol, Host>>;

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
}

const SWEEP_MS = 1000;
/** Who asks for a reload this soon after the file was saved, ms, wants to hear of what was done at once. */
const NOTICED_MS = 10_000;
/** How long the last bytes to those who are sent away may take at a stop, ms. */
const GOODBYE_MS = 500;

const LEAVING: Diagnostic = { severity: 'error', code: 'stopping', message: 'the server is stopping' };

/** A running server. Its life: start, any number of reloads, and one stop. */
export class Daemon {
  readonly runtime: Runtime;
  readonly #options: DaemonOptions;
  readonly #log: ErrorLog;
  readonly #hosts: Hosts;
  readonly #listeners: Listeners;
  readonly #presence: Presence;
  readonly #source: RunningConfig;
  readonly #watch: ConfigWatch;
  /** Resolves once the server has stopped and everything it held has been let go. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #config: Config;
  #appliedAt = Date.now();
  #sweep: NodeJS.Timeout | undefined;
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
    this.runtime = new Runtime(config.prefix, log.logger);
    this.#hosts = options.hosts(this.runtime);
    const { rtmp, http } = this.#hosts;
    this.#listeners = new Listeners(
      {
        rtmp: (socket, listen, peer) => rtmp.accept(socket, listen, peer),
        http: (socket, listen, peer) => http.accept(socket, listen, peer),
      },
      log.logger,
    );
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#presence = new Presence(pidPath(config));
    this.#watch = new ConfigWatch(
      () => this.#source.sources(),
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
      daemon.#presence.leave();
      throw error;
    }
    return daemon;
  }

  async #open(read: ReadConfig, config: Config, main: MainSettings): Promise<void> {
    const log = this.#log.logger;
    const unanswered = await this.#presence.claim(async (request) => {
      if (request.command === 'status') return { ok: true, text: [], data: this.status() };
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
    });
    if (unanswered !== null)
      log.warn({ err: unanswered }, 'there is no control socket, so a reload is not answered');
    const { commit, warnings } = await this.#prepare(config, false, async () => {
      this.#presence.announce();
      dropRights(config, [...this.#presence.files, ...this.#log.paths, ...this.runtime.logFiles.paths]);
    });
    const report = new Report();
    commit(report);
    this.runtime.reloads.start(config.tree);
    for (const warning of [...config.warnings, ...warnings]) log.warn(printLine(warning));
    for (const note of startNotes(main)) this.#log.notice(note);
    this.#sweep = setInterval(() => this.runtime.hub.sweep(performance.now()), SWEEP_MS);
    this.#follow(read);
    const { version } = this.#options;
    this.#log.notice('ready', {
      version,
      pid: process.pid,
      listen: this.#listeners.addresses,
      took: Math.round(performance.now()),
    });
  }

  get config(): Config {
    return this.#config;
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
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
    this.runtime.logFiles.reopen();
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
    this.#log.notice('stopping gracefully', { connections: this.#listeners.connections });
    this.#leaving = true;
    this.#watch.close();
    while (this.#busy !== undefined) await this.#busy;
    this.#listeners.close();
    for (const host of Object.values(this.#hosts)) host.drain();
    await this.#emptied(
      patience === 0 ? Number.POSITIVE_INFINITY : patience,
      () => this.#stopping !== undefined,
    );
    await this.stop();
  }

  /** What the server is doing, as plain data. */
  status(): unknown {
    const { publishers, viewers } = countSessions(this.runtime.hub);
    return {
      pid: process.pid,
      version: this.#options.version,
      startedAt: this.runtime.startedAt,
      config: { file: this.#options.config.file, appliedAt: this.#appliedAt },
      listen: this.#listeners.addresses,
      connections: this.#listeners.connections,
      publishers,
      viewers,
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
      const { plan, undo, warnings } = await this.#prepare(config, true);
      const steps = plan();
      await undo();
      const { publishers, viewers } = countSessions(this.runtime.hub);
      const ended = endedBy(steps);
      return {
        kind: 'planned',
        steps,
        warnings: [...config.warnings, ...warnings],
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
    const outcome = await this.#attempt(read, (config) => this.#apply(config, started));
    this.#tell(outcome, reason);
    this.runtime.reloads.note(
      outcome.kind === 'applied' ? this.#config.tree : undefined,
      outcomeData(outcome),
    );
    this.runtime.hub.events.tell('reload', () => ({ reason, report: outcomeData(outcome) }));
    this.#follow(read);
    return outcome;
  }

  async #apply(config: Config, started: number): Promise<Applied> {
    const { commit, warnings } = await this.#prepare(config, false);
    const before = sessionsOf(this.runtime.hub);
    const report = new Report();
    setEnvironment(settingsOf(config.tree, mainTable));
    commit(report);
    this.#config = config;
    this.#appliedAt = Date.now();
    const kept = keptOf(before, sessionsOf(this.runtime.hub));
    const took = performance.now() - started;
    const { ignored } = config;
    return { kind: 'applied', report, warnings: [...config.warnings, ...warnings], ignored, took, ...kept };
  }

  /**
   * Does everything that may fail and undoes it on a failure; `last` comes after all else. What it gives applies the
   * configuration in one turn and cannot fail. On trial it is to be undone, and nobody notices that it was tried.
   */
  async #prepare(
    config: Config,
    trial: boolean,
    last: () => Promise<void> = async () => undefined,
  ): Promise<Prepared & { readonly warnings: readonly Diagnostic[] }> {
    const hosts = Object.values(this.#hosts);
    const { tree } = config;
    const wanted = placed(hosts.flatMap((host) => host.listens(tree)));
    const findings = [...hosts.flatMap((host) => host.check(tree)), ...crossCheck(tree, wanted)];
    if (findings.some(({ severity }) => severity === 'error')) throw new ConfigError(findings);
    const ready = await prepareAll(
      [() => this.#prepareMain(config), ...hosts.map((host) => () => host.prepare(tree))],
      () => this.#listeners.prepare(wanted, trial),
      last,
    );
    return { ...ready, warnings: findings };
  }

  #prepareMain({ tree, prefix }: Config): Prepared {
    const log = this.#log.prepare(logTargets(settingsOf(tree, mainTable), prefix, this.#options));
    const plan = (): readonly Step[] => mainSteps(this.#config.tree, tree);
    const commit = (report: Report): void => {
      carryOut(plan(), report);
      log.commit();
    };
    return { plan, commit, undo: () => log.undo() };
  }

  /** A fault of the program during a reload is no reason to end what runs. */
  #fault(error: unknown): Diagnostic {
    this.#log.logger.error({ err: error }, 'a reload failed unexpectedly');
    return { severity: 'error', code: 'internal', message: `internal error: ${String(error)}` };
  }

  #tell(outcome: Outcome, reason: string): void {
    const log = this.#log.logger;
    if (outcome.kind === 'refused') {
      for (const diagnostic of outcome.diagnostics) {
        if (diagnostic.severity === 'error') log.error(printLine(diagnostic));
      }
      log.error({ reason }, 'reload refused, the running configuration is kept');
      return;
    }
    const { report, warnings } = outcome;
    for (const warning of warnings) log.warn(printLine(warning));
    if (isNothing(outcome)) this.#log.notice('configuration is unchanged', { reason });
    else this.#log.notice('reloaded', { reason, took: Math.round(outcome.took), changes: summary(outcome) });
    if (report.restartNeeded.length > 0) {
      log.warn({ settings: report.restartNeeded }, 'some changes only apply after a restart');
    }
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
    clearInterval(this.#sweep);
    this.#listeners.close();
    this.runtime.hub.close('the server stops');
    for (const host of Object.values(this.#hosts)) host.close();
    await Promise.all([this.#emptied(GOODBYE_MS, () => false), this.runtime.hub.settled()]);
    this.#log.end('stopped');
    await this.runtime.logFiles.flush();
    this.#presence.leave();
    this.#end();
  }

  /** Resolves when no connection is left, or after the time, ms, or as soon as nobody waits for that any more. */
  async #emptied(patience: number, over: () => boolean): Promise<void> {
    const end = performance.now() + patience;
    while (this.#listeners.connections > 0 && performance.now() < end && !over()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
