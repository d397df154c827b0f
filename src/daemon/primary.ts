import { type Block, settingsOf } from '../config/block.ts';
import type { Config, ConfigOptions } from '../config/config.ts';
import { ConfigError, type Diagnostic } from '../config/errors.ts';
import { Listeners } from '../core/connections/listeners.ts';
import type { Logger } from '../core/logs/log.ts';
import { mainTable, type UserSetting, workerCount } from '../core/main.ts';
import type { Step } from '../core/reload/plan.ts';
import { type ReloadHistory, Reloads } from '../core/reload/reloads.ts';
import { Report } from '../core/reload/report.ts';
import { TicketSecret } from '../core/workers/tickets.ts';
import type { Carrier, Census, Committed, Ready, ReloadNote } from './carrier.ts';
import { checkTree, wantedOf } from './check.ts';
import { Claims } from './claims.ts';
import { Distribution } from './distribution.ts';
import { type CommittedData, mergeCommitted, mergeSteps } from './merge.ts';
import { ORDERS, type Prepared, type PrepareOrder } from './orders.ts';
import { makeLogs } from './process.ts';
import { retirementPatience } from './retirement.ts';
import { SocketFolder } from './socket-folder.ts';
import type { ReadConfig } from './sources.ts';
import { type Staffing, staffEntries, staffing } from './staffing.ts';
import { asNamed, textsOf } from './texts.ts';
import type { StartWorker } from './worker-process.ts';
import { type Said, Workforce } from './workforce.ts';

/** What the primary was started with. */
export interface PrimaryOptions {
  readonly config: ConfigOptions;
  readonly errorLog?: string;
  readonly detached?: boolean;
  readonly start: StartWorker;
}

/** How long workers may take to make a configuration ready or to apply it, ms. */
const ORDER_MS = 10_000;
/** How long they may take to end, ms: what is told to endpoints at the last moment has seconds of its own. */
const STOP_MS = 15_000;

/** A primary: it listens and hands connections to its workers, which serve. A reload reaches all of them or none. */
export class Primary implements Carrier {
  readonly fixed = [];
  readonly #options: PrimaryOptions;
  readonly #log: Logger;
  readonly #listeners: Listeners;
  readonly #distribution = new Distribution();
  readonly #workforce: Workforce;
  readonly #claims: Claims;
  readonly #folder = new SocketFolder();
  /** What runs, for workers that are started again; undefined before the first configuration is applied. */
  #order: PrepareOrder | undefined;
  readonly #reloads = new Reloads();
  readonly #tickets = new TicketSecret();
  readonly #endRotation: () => void;
  #user: UserSetting | null = null;
  /** A configuration is made ready or applied, so that a worker that returns has to wait. */
  #changing = false;
  /** Workers that were started for a configuration which is not in force yet. */
  #fresh: readonly number[] = [];
  /** Workers that have returned and not got the configuration yet. */
  readonly #returned = new Set<number>();
  #bringing: Promise<void> = Promise.resolve();

  constructor(options: PrimaryOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#listeners = new Listeners((socket, door) => this.#distribution.add(socket, door), log, true);
    this.#workforce = new Workforce(
      options.start,
      {
        returned: (index) => {
          this.#returned.add(index);
          this.#bring();
        },
        taken: (index) => this.#distribution.taken(index),
        left: (index) => {
          this.#returned.delete(index);
          this.#distribution.leave(index);
          this.#claims.left(index);
        },
      },
      log,
    );
    const { channel } = this.#workforce.exchange;
    this.#tickets.watch(() => this.#workforce.tellAll(ORDERS.tickets, this.#tickets.value));
    this.#endRotation = this.#tickets.rotate();
    channel.answer(ORDERS.retired, (_, from) => this.#retired(from));
    this.#claims = new Claims(channel, () => this.#workforce.present);
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  async prepare(
    read: ReadConfig,
    config: Config,
    trial: boolean,
    last: () => Promise<void> = async () => undefined,
  ): Promise<Ready> {
    const { tree } = config;
    const warnings = checkTree(tree);
    if (warnings.some(({ severity }) => severity === 'error')) throw new ConfigError(warnings);
    await this.#bringing;
    this.#changing = true;
    try {
      await this.#workforce.dismissed();
      const order = this.#orderOf(read, config, trial);
      const { members, leaving } = this.#workforce;
      const staff = staffing(workerCount(settingsOf(tree, mainTable)), members, leaving);
      if (!trial) {
        this.#fresh = staff.start;
        await this.#workforce.open(staff.start);
      }
      for (const index of this.#fresh) this.#tellTickets(index);
      await this.#prepareWorkers(order, read);
      const listeners = await this.#listeners.prepare(wantedOf(tree), trial);
      try {
        await last();
      } catch (error) {
        await listeners.undo();
        throw error;
      }
      return {
        warnings,
        plan: async () =>
          mergeSteps([listeners.plan(), await this.#staffSteps(staff, tree), ...(await this.#plans())]),
        commit: () => {
          const report = new Report();
          // Letters keep their order: a worker has the configuration before it gets connections that need it.
          const answers = this.#commitWorkers();
          listeners.commit(report);
          this.#order = order;
          this.#reloads.start(tree);
          return this.#committed(report, answers, staff, retirementPatience(tree));
        },
        undo: async () => {
          await listeners.undo();
          await this.#undo();
        },
      };
    } catch (error) {
      await this.#undo();
      throw error;
    }
  }

  /** Workers give their rights up by themselves; who listens for them keeps them, as a reload may ask for low ports. */
  dropRights(config: Config): void {
    this.#user = settingsOf(config.tree, mainTable).user;
  }

  note(note: ReloadNote): void {
    this.#reloads.note(note.applied, note.data);
    this.#workforce.tellAll(ORDERS.note, note);
  }

  async census(): Promise<Census> {
    const { connections, publishers, viewers } = await this.status();
    return { connections, publishers, viewers };
  }

  async status(): Promise<Census & { readonly workers: readonly object[] }> {
    const { leaving, present } = this.#workforce;
    const serving = present.filter((index) => !this.#fresh.includes(index));
    const said = await this.#workforce.askAll<Census>(ORDERS.census, undefined, undefined, serving);
    const total = { connections: this.#distribution.waiting, publishers: 0, viewers: 0 };
    const workers = said.map((one) => {
      const pid = this.#workforce.process(one.worker)?.pid;
      const retiring = leaving.includes(one.worker) ? { retiring: true } : {};
      if (!('answer' in one)) return { worker: one.worker, pid, ...retiring, error: one.lost };
      for (const key of ['connections', 'publishers', 'viewers'] as const) total[key] += one.answer[key];
      return { worker: one.worker, pid, ...retiring, ...one.answer };
    });
    return { ...total, workers };
  }

  reopen(): void {
    void this.#reopen();
  }

  async #reopen(): Promise<void> {
    const said = await this.#workforce.askAll<readonly string[]>(ORDERS.logs);
    makeLogs(this.#user, [...new Set(said.flatMap((one) => ('answer' in one ? one.answer : [])))]);
    this.#workforce.tellAll(ORDERS.reopen);
  }

  drain(): void {
    this.#listeners.close();
    this.#workforce.tellAll(ORDERS.drain);
  }

  async stop(): Promise<void> {
    this.#endRotation();
    this.#listeners.close();
    this.#distribution.close();
    this.#workforce.tellAll(ORDERS.stop);
    await this.#workforce.close(STOP_MS);
    this.#folder.remove();
  }

  #orderOf(read: ReadConfig, config: Config, trial: boolean): PrepareOrder {
    const { config: options, errorLog, detached = false } = this.#options;
    if (this.#order === undefined) this.#folder.make(config);
    const texts = textsOf(read, config, options);
    return { texts, trial, errorLog, detached, sockets: this.#folder.path };
  }

  async #prepareWorkers(order: PrepareOrder, read: ReadConfig): Promise<void> {
    const said = await this.#workforce.askAll<Prepared>(ORDERS.prepare, order, ORDER_MS);
    const findings = said.flatMap((one): readonly Diagnostic[] => {
      if ('answer' in one) return one.answer.ok ? [] : asNamed(one.answer.findings, read);
      // One that has died meanwhile gets what is applied when it returns.
      const needed = this.#fresh.includes(one.worker) || this.#workforce.present.includes(one.worker);
      return needed ? [{ severity: 'error', code: 'worker-silent', message: one.lost }] : [];
    });
    if (findings.length > 0) throw new ConfigError(distinct(findings));
  }

  async #plans(): Promise<readonly (readonly Step[])[]> {
    const said = await this.#workforce.askAll<readonly Step[]>(ORDERS.plan, undefined, ORDER_MS);
    return said.flatMap((one) => ('answer' in one ? [one.answer] : []));
  }

  /** What others have had all along is no news of those that have just begun. */
  #commitWorkers(): Promise<readonly Said<CommittedData>[]> {
    const { present } = this.#workforce;
    const fresh = this.#fresh;
    this.#fresh = [];
    const commit = (among: readonly number[], before: ReloadHistory | undefined) =>
      this.#workforce.askAll<CommittedData>(ORDERS.commit, before, ORDER_MS, among);
    if (this.#order === undefined) return commit(present, undefined);
    void commit(fresh, this.#reloads.history);
    return commit(
      present.filter((index) => !fresh.includes(index)),
      undefined,
    );
  }

  /** Lets those go that are not wanted any more, and takes back those that are; gives how many connections they have. */
  #turnOver({ recall, retire }: Staffing): Promise<readonly Said<number>[]> {
    for (const index of recall) this.#workforce.keep(index, true);
    for (const index of retire) {
      this.#workforce.keep(index, false);
      this.#distribution.leave(index);
    }
    const { present, leaving } = this.#workforce;
    // Nobody is at one that is just being started again.
    const served = (index: number): boolean => present.includes(index) && !this.#returned.has(index);
    const idle = leaving.filter((index) => !served(index));
    for (const index of idle) this.#returned.delete(index);
    void this.#workforce.drop(idle);
    return Promise.all([
      ...leaving.filter(served).map((one) => this.#workforce.ask<number>(one, ORDERS.retire)),
      ...recall.map((one) => this.#workforce.ask<number>(one, ORDERS.recall)),
    ]);
  }

  /** A worker has nobody left. One that a reload may just be taking back tells it again. */
  #retired(index: number): void {
    if (this.#changing || !this.#workforce.leaving.includes(index)) return;
    this.#workforce.dismiss(index, STOP_MS);
  }

  async #staffSteps(staff: Staffing, tree: Block): Promise<readonly Step[]> {
    const said = await this.#workforce.askAll<Census>(ORDERS.census);
    const held = new Map(said.map((one) => [one.worker, 'answer' in one ? one.answer.connections : 0]));
    const patience = retirementPatience(tree);
    return staffEntries(staff, (worker) => held.get(worker) ?? 0, patience).map((entry) => ({ entry }));
  }

  async #committed(
    report: Report,
    answers: Promise<readonly Said<CommittedData>[]>,
    staff: Staffing,
    patience: number,
  ): Promise<Committed> {
    const turned = this.#turnOver(staff);
    const { present, leaving } = this.#workforce;
    for (const index of present) {
      if (!this.#returned.has(index) && !leaving.includes(index)) this.#join(index);
    }
    this.#changed();
    const parts = (await answers).flatMap((one) => ('answer' in one ? [one.answer] : []));
    const held = new Map((await turned).map((one) => [one.worker, 'answer' in one ? one.answer : 0]));
    for (const entry of staffEntries(staff, (worker) => held.get(worker) ?? 0, patience)) report.add(entry);
    const own = { entries: report.entries, restartNeeded: report.restartNeeded, publishers: 0, viewers: 0 };
    return mergeCommitted([own, ...parts]);
  }

  async #undo(): Promise<void> {
    await this.#workforce.drop(this.#fresh);
    this.#fresh = [];
    await this.#workforce.askAll(ORDERS.undo, undefined, ORDER_MS);
    this.#changed();
  }

  #changed(): void {
    this.#changing = false;
    this.#bring();
  }

  #join(index: number): void {
    const process = this.#workforce.process(index);
    if (process !== undefined) this.#distribution.join(index, (arrival) => process.hand(arrival));
  }

  /** Gives those that have returned the configuration, one after another. */
  #bring(): void {
    const order = this.#order;
    if (this.#changing || order === undefined) return;
    for (const index of this.#returned) {
      this.#returned.delete(index);
      this.#bringing = this.#bringing.then(() => this.#bringOne(index, order));
    }
  }

  #tellTickets(index: number): void {
    this.#workforce.exchange.channel.tell(index, ORDERS.tickets, this.#tickets.value);
  }

  async #bringOne(index: number, order: PrepareOrder): Promise<void> {
    this.#tellTickets(index);
    const prepared = await this.#workforce.ask<Prepared>(index, ORDERS.prepare, order, ORDER_MS);
    if ('answer' in prepared && prepared.answer.ok) {
      const { history } = this.#reloads;
      const done = await this.#workforce.ask(index, ORDERS.commit, history, ORDER_MS);
      if ('answer' in done) {
        this.#log.warn({ worker: index, pid: this.#workforce.process(index)?.pid }, 'a worker serves again');
        this.#join(index);
        return;
      }
    }
    const findings = 'answer' in prepared && !prepared.answer.ok ? prepared.answer.findings : [];
    const reasons = findings.map(({ message }) => message);
    this.#log.error({ worker: index, reasons }, 'a worker cannot take the configuration');
    this.#workforce.process(index)?.kill();
  }
}

/** All workers find the same, so each finding is told once. */
function distinct(findings: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(findings.map((one) => [JSON.stringify(one), one])).values()];
}
