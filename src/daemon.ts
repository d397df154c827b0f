import { settingsOf } from './config/block.ts';
import { type Config, type ConfigOptions, LoadError } from './config/config.ts';
import { ConfigError, type Diagnostic } from './config/errors.ts';
import { printLine } from './config/print.ts';
import type { Host, Prepared } from './core/host.ts';
import { Listeners, type Protocol } from './core/listeners.ts';
import { type MainSettings, mainTable, RESTART_SETTINGS } from './core/main.ts';
import { Report } from './core/report.ts';
import { Runtime } from './core/runtime.ts';
import { changedSettings } from './core/services.ts';
import { crossCheck, placed } from './daemon/check.ts';
import { diagnose } from './daemon/failures.ts';
import { ErrorLog, type Pretty } from './daemon/logging.ts';
import {
  isNothing,
  noticedLines,
  type Outcome,
  outcomeData,
  outcomeLines,
  summary,
} from './daemon/outcome.ts';
import { Presence } from './daemon/presence.ts';
import { dropRights, logTargets, pidPath, setEnvironment, startNotes } from './daemon/process.ts';
import { countSessions, type Sessions, sessionsOf } from './daemon/sessions.ts';
import { type ReadConfig, readConfig, readSources, saysNothing } from './daemon/sources.ts';
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
  readonly #watch: ConfigWatch;
  /** Resolves once the server has stopped and everything it held has been let go. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #config: Config;
  #appliedAt = Date.now();
  #sweep: NodeJS.Timeout | undefined;
  #reloading: Promise<Outcome> | undefined;
  #nextReload: Promise<Outcome> | undefined;
  /** The last change that was applied because a file changed. */
  #noticed: { readonly outcome: Outcome & { readonly kind: 'applied' }; readonly at: number } | undefined;
  #stopping: Promise<void> | undefined;
  /** Nothing new is taken or applied any more. */
  #leaving = false;

  private constructor(options: DaemonOptions, config: Config, log: ErrorLog) {
    this.#options = options;
    this.#config = config;
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
      () => readSources(options.config.file),
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
    const { commit, warnings } = await this.#prepare(config, async () => {
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
    if (this.#reloading === undefined) return this.#startReload(reason);
    this.#nextReload = this.#reloading.then(() => {
      this.#nextReload = undefined;
      return this.#startReload(reason);
    });
    return this.#nextReload;
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
    while (this.#reloading !== undefined) await this.#reloading;
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

  #startReload(reason: string): Promise<Outcome> {
    const reloading = this.#reload(reason).finally(() => {
      if (this.#reloading === reloading) this.#reloading = undefined;
    });
    this.#reloading = reloading;
    return reloading;
  }

  async #reload(reason: string): Promise<Outcome> {
    const started = performance.now();
    const read = readConfig(this.#options.config);
    let outcome: Outcome;
    try {
      if (this.#leaving) throw new ConfigError([LEAVING]);
      if (read.result instanceof LoadError) throw read.result;
      if (saysNothing(read)) throw new ConfigError([emptied(this.#options.config.file)]);
      outcome = await this.#apply(read.result, started);
    } catch (error) {
      const diagnostics = diagnose(error) ?? [this.#fault(error)];
      outcome = { kind: 'refused', diagnostics, files: read.files, since: this.#appliedAt };
    }
    this.#tell(outcome, reason);
    this.runtime.reloads.note(
      outcome.kind === 'applied' ? this.#config.tree : undefined,
      outcomeData(outcome),
    );
    this.runtime.hub.events.tell('reload', () => ({ reason, report: outcomeData(outcome) }));
    this.#follow(read);
    return outcome;
  }

  async #apply(config: Config, started: number): Promise<Outcome> {
    const { commit, warnings } = await this.#prepare(config);
    const before = sessionsOf(this.runtime.hub);
    const report = new Report();
    this.#reportMain(config, report);
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
   * configuration in one turn and cannot fail.
   */
  async #prepare(
    config: Config,
    last: () => Promise<void> = async () => undefined,
  ): Promise<{ readonly commit: (report: Report) => void; readonly warnings: readonly Diagnostic[] }> {
    const hosts = Object.values(this.#hosts);
    const { tree, prefix } = config;
    const wanted = placed(hosts.flatMap((host) => host.listens(tree)));
    const findings = [...hosts.flatMap((host) => host.check(tree)), ...crossCheck(tree, wanted)];
    if (findings.some(({ severity }) => severity === 'error')) throw new ConfigError(findings);
    const prepared: Prepared[] = [];
    try {
      const targets = logTargets(settingsOf(tree, mainTable), prefix, this.#options);
      prepared.push(this.#log.prepare(targets));
      for (const host of hosts) prepared.push(await host.prepare(tree));
      // Sockets come last and their commit first: a connection must find the configuration that it was bound for.
      prepared.unshift(await this.#listeners.prepare(wanted));
      await last();
    } catch (error) {
      for (const part of prepared.reverse()) await part.undo();
      throw error;
    }
    return {
      warnings: findings,
      commit: (report) => {
        for (const part of prepared) part.commit(report);
      },
    };
  }

  #reportMain(config: Config, report: Report): void {
    const before = settingsOf(this.#config.tree, mainTable);
    const changed = changedSettings(before, settingsOf(config.tree, mainTable));
    const restart: readonly string[] = RESTART_SETTINGS;
    report.restartNeeded.push(...changed.filter((name) => restart.includes(name)));
    const now = changed.filter((name) => !restart.includes(name));
    if (now.length > 0) report.add({ kind: 'setting', name: 'main', outcome: 'updated', changed: now });
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
    while (this.#reloading !== undefined) await this.#reloading;
    clearInterval(this.#sweep);
    this.#listeners.close();
    this.runtime.hub.close('the server stops');
    for (const host of Object.values(this.#hosts)) host.close();
    await Promise.all([this.#emptied(GOODBYE_MS, () => false), this.runtime.hub.settled()]);
    this.#log.notice('stopped');
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

/** A file that is being written may be found empty, and nobody empties it to end everything. */
function emptied(file: string): Diagnostic {
  return { severity: 'error', code: 'empty', message: `configuration ${file} is empty` };
}

function keptOf(
  before: Sessions,
  after: Sessions,
): { readonly publishers: number; readonly viewers: number } {
  return {
    publishers: [...after.publications].filter((one) => before.publications.has(one)).length,
    viewers: [...after.subscriptions].filter((one) => before.subscriptions.has(one)).length,
  };
}
