import type { Socket } from 'node:net';
import { settingsOf } from '../config/block.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import type { TableSource } from '../config/table.ts';
import type { Prepared as PreparedPart } from '../core/host.ts';
import { mainTable } from '../core/main.ts';
import type { ReloadHistory } from '../core/reload/reloads.ts';
import { Runtime } from '../core/runtime.ts';
import { bequeath } from '../core/statistics/estate.ts';
import { statisticsOf } from '../core/statistics/statistics.ts';
import { Links } from '../workers/links.ts';
import { OtherWorkers } from '../workers/other-workers.ts';
import type { Census, ReloadNote } from './carrier.ts';
import { Channel, PRIMARY, workersOf } from './channel.ts';
import { diagnose } from './failures.ts';
import { ErrorLog, type Pretty } from './logging.ts';
import { type CommittedData, stepOf } from './merge.ts';
import { ORDERS, type Prepared, type PrepareOrder } from './orders.ts';
import { prepareAll } from './prepare.ts';
import { dropRights, logTargets, setEnvironment } from './process.ts';
import { Retirement, retirementPatience } from './retirement.ts';
import { type Hosts, Serving } from './serving.ts';
import { workerSocket } from './socket-folder.ts';
import { loadTexts } from './texts.ts';
import type { FromWorker, ToWorker } from './worker-process.ts';

export interface WorkerOptions {
  readonly index: number;
  readonly sources: readonly TableSource[];
  readonly hosts: (runtime: Runtime) => Hosts;
  readonly pretty?: Pretty;
  readonly send: (message: FromWorker) => void;
  /** The process is not needed any more. */
  readonly ended: () => void;
}

/** What runs once the first configuration has come. */
interface Running {
  readonly serving: Serving;
  readonly log: ErrorLog;
  readonly others: OtherWorkers;
  readonly retirement: Retirement;
  /** From the end of the first preparation on. */
  links: Links | undefined;
}

/** One worker: it serves the connections it is handed, and does what the primary orders. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #channel: Channel;
  #running: Running | undefined;
  #ready: { readonly config: Config; readonly part: PreparedPart } | undefined;
  #stopping: Promise<void> | undefined;
  #members: readonly number[];
  #secret: Uint8Array | undefined;

  constructor(options: WorkerOptions) {
    const { index, send } = options;
    this.#options = options;
    this.#members = [index];
    this.#channel = new Channel(
      index,
      (letter) => send({ letter }),
      (topic, err) => this.#running?.log.logger.error({ topic, err }, 'a letter could not be answered'),
    );
    const on = (topic: string, handler: (body: never) => unknown): void => {
      this.#channel.answer(topic, (body, from) => (from === PRIMARY ? handler(body as never) : undefined));
    };
    on(ORDERS.prepare, (order: PrepareOrder) => this.#prepare(order));
    on(ORDERS.plan, () => this.#ready?.part.plan().map(stepOf) ?? []);
    on(ORDERS.commit, (before: ReloadHistory | undefined) => this.#commit(before));
    on(ORDERS.undo, () => this.#undo());
    on(ORDERS.note, (note: ReloadNote) => this.#running?.serving.note(note));
    on(ORDERS.census, (): Census => this.#running?.serving.census() ?? NOBODY);
    on(ORDERS.logs, () => [
      ...(this.#running?.log.paths ?? []),
      ...(this.#running?.serving.runtime.logFiles.paths ?? []),
    ]);
    on(ORDERS.reopen, () => this.#reopen());
    on(ORDERS.members, (members: readonly number[]) => {
      this.#members = members;
    });
    on(ORDERS.tickets, (secret: Uint8Array) => {
      this.#secret = secret;
      this.#running?.serving.runtime.tickets.set(secret);
    });
    on(ORDERS.retire, () => this.#retire());
    on(ORDERS.recall, () => this.#recall());
    on(ORDERS.drain, () => this.#running?.serving.drain());
    on(ORDERS.stop, () => this.stop());
    send({ hello: true });
  }

  /** A message of the primary; a connection comes with its socket, unless it is gone already. */
  receive(message: ToWorker, socket: Socket | undefined): void {
    if ('letter' in message) {
      this.#channel.receive(message.letter);
      return;
    }
    this.#options.send({ taken: true });
    if (socket === undefined) return;
    if (this.#running === undefined || this.#stopping !== undefined) socket.destroy();
    else this.#running.serving.take(socket, message.door, true);
  }

  /** Ends every session in order; also where the primary is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) await this.#close(running);
    this.#options.ended();
  }

  async #close({ serving, retirement, others, links }: Running): Promise<void> {
    const { retiring } = retirement;
    retirement.cancel();
    others.close();
    const servers = statisticsOf(serving.runtime.hub);
    await serving.stop();
    links?.close();
    if (retiring) await bequeath(serving.runtime, servers);
  }

  async #prepare(order: PrepareOrder): Promise<Prepared> {
    try {
      const before = this.#running?.serving.runtime.reloads.tree;
      const config = await loadTexts(order.texts, this.#options.sources, before);
      const running = this.#running ?? this.#begin(config, order);
      const { serving, log } = running;
      const targets = logTargets(settingsOf(config.tree, mainTable), config.prefix, given(order));
      const findings = serving.check(config.tree);
      if (findings.some(({ severity }) => severity === 'error')) throw new ConfigError(findings);
      const part = await prepareAll(
        serving.parts(config.tree),
        async () => {
          const { commit, undo } = log.prepare(targets);
          return { plan: () => [], commit, undo };
        },
        async () => {
          if (running.links !== undefined) return;
          dropRights(config, [...log.paths, ...serving.runtime.logFiles.paths]);
          const path = workerSocket(order.sockets, this.#options.index);
          running.links = await Links.open(serving.runtime.hub, path);
        },
      );
      this.#ready = { config, part };
      return { ok: true };
    } catch (error) {
      const findings = diagnose(error);
      if (findings === null) throw error;
      return { ok: false, findings };
    }
  }

  /** What lives as long as the process. */
  #begin(config: Config, order: PrepareOrder): Running {
    const { index, pretty, hosts } = this.#options;
    const main = settingsOf(config.tree, mainTable);
    setEnvironment(main);
    if (main.working_directory !== '') process.chdir(main.working_directory);
    const targets = logTargets(main, config.prefix, given(order));
    const log = new ErrorLog(targets, config.prefix, pretty, { worker: index });
    const workers = workersOf(this.#channel, () => this.#members);
    const channel = this.#channel;
    const others = new OtherWorkers(
      {
        index,
        ask: (topic, body, patience) => channel.ask(PRIMARY, topic, body, patience),
        tell: (topic, body) => channel.tell(PRIMARY, topic, body),
        answer: (topic, handler) => channel.answer(topic, handler),
      },
      (worker) => workerSocket(order.sockets, worker),
      order.sockets,
    );
    const runtime = new Runtime(config.prefix, log.logger, workers, others);
    others.attach(runtime);
    if (this.#secret !== undefined) runtime.tickets.set(this.#secret);
    const serving = new Serving(runtime, hosts(runtime));
    const retirement = new Retirement(
      () => serving.empty,
      () => channel.tell(PRIMARY, ORDERS.retired),
    );
    this.#running = { log, others, serving, retirement, links: undefined };
    return this.#running;
  }

  /** `before`: of a worker that was started again, the reloads that it has not seen. */
  #commit(before: ReloadHistory | undefined): CommittedData {
    if (this.#ready === undefined || this.#running === undefined) throw new Error('nothing is prepared');
    const { config, part } = this.#ready;
    this.#ready = undefined;
    setEnvironment(settingsOf(config.tree, mainTable));
    const { serving, others } = this.#running;
    const { report, publishers, viewers } = serving.commit(config.tree, part);
    if (before !== undefined) serving.runtime.reloads.adopt(before);
    others.reapplied();
    return { entries: report.entries, restartNeeded: report.restartNeeded, publishers, viewers };
  }

  /** Gives how many connections it holds. */
  #retire(): number {
    if (this.#running === undefined) return 0;
    const { serving, retirement } = this.#running;
    const { tree } = serving.runtime.reloads;
    serving.retire(true);
    retirement.begin(tree === undefined ? 0 : retirementPatience(tree));
    return serving.census().connections;
  }

  #recall(): number {
    if (this.#running === undefined) return 0;
    const { serving, retirement } = this.#running;
    retirement.cancel();
    serving.retire(false);
    return serving.census().connections;
  }

  async #undo(): Promise<void> {
    const ready = this.#ready;
    this.#ready = undefined;
    await ready?.part.undo();
  }

  #reopen(): void {
    this.#running?.log.reopen();
    this.#running?.serving.runtime.logFiles.reopen();
  }
}

const NOBODY: Census = { connections: 0, publishers: 0, viewers: 0 };

function given({ errorLog, detached }: PrepareOrder): {
  readonly errorLog?: string;
  readonly detached: boolean;
} {
  return { detached, ...(errorLog === undefined ? {} : { errorLog }) };
}
