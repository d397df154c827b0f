import { isDeepStrictEqual } from 'node:util';
import { type Block, settingsOf } from '../config/block.ts';
import type { Settings, Table } from '../config/table.ts';
import type { Application } from './application.ts';
import type { MemoryFiles } from './memory-files.ts';
import type { ApplicationService, Module, Service, ServiceContext } from './module.ts';
import type { Report } from './report.ts';

/** One service that runs, with what it registered. */
interface Running {
  conf: Settings<Table>;
  service: Service<never>;
  readonly undo: (() => void)[];
}

/** What services of every application share. */
export interface ServiceGround {
  readonly files: MemoryFiles;
  readonly prefix: string;
}

/**
 * The services of one application, kept in step with its block: equal settings → untouched; changed → updated, or
 * closed and started again; no longer enabled → closed. Comparison is by value, so no setting can be forgotten.
 */
export class Services {
  readonly #application: Application;
  readonly #running = new Map<string, Running>();

  constructor(application: Application) {
    this.#application = application;
  }

  reconcile(block: Block, modules: readonly Module[], ground: ServiceGround, report: Report): void {
    modules.forEach((module, order) => {
      if (module.application === undefined) return;
      this.#reconcileOne(module.name, module.application, order, block, ground, report);
    });
  }

  #reconcileOne(
    name: string,
    spec: ApplicationService,
    order: number,
    block: Block,
    ground: ServiceGround,
    report: Report,
  ): void {
    const conf = settingsOf(block, spec.table);
    const running = this.#running.get(name);
    const wanted = spec.enabled(conf as never);
    const label = `${name} of ${this.#application.server}/${this.#application.name}`;
    if (running === undefined) {
      if (!wanted) return;
      const started = this.#start(name, spec, order, conf, ground);
      report.add({ kind: 'service', name: label, outcome: started ? 'started' : 'failed' });
      return;
    }
    if (!wanted) {
      this.#close(name, running);
      report.add({ kind: 'service', name: label, outcome: 'closed' });
      return;
    }
    const changed = changedSettings(running.conf, conf);
    if (changed.length === 0) {
      report.add({ kind: 'service', name: label, outcome: 'kept' });
      return;
    }
    if (this.#update(name, running, conf)) {
      running.conf = conf;
      report.add({ kind: 'service', name: label, outcome: 'updated', changed });
      return;
    }
    this.#close(name, running);
    const started = this.#start(name, spec, order, conf, ground);
    report.add({ kind: 'service', name: label, outcome: started ? 'restarted' : 'failed', changed });
  }

  close(): void {
    for (const [name, running] of [...this.#running].reverse()) this.#close(name, running);
  }

  #start(
    name: string,
    spec: ApplicationService,
    order: number,
    conf: Settings<Table>,
    ground: ServiceGround,
  ): boolean {
    const application = this.#application;
    const undo: (() => void)[] = [];
    const context: ServiceContext = {
      application,
      log: application.log.child({ module: name }),
      ...ground,
      own: (action) => void undo.push(action),
      gate: (gate) => void undo.push(application.addGate(order, gate)),
      observe: (observer) => void undo.push(application.observe(observer)),
      forEachStream: (task) => void undo.push(application.forEachStream(task)),
    };
    try {
      const service = spec.start(conf as never, context);
      this.#running.set(name, { conf, service, undo });
      return true;
    } catch (error) {
      application.log.error({ module: name, err: error }, 'a service of the application could not start');
      this.#undo(name, undo);
      return false;
    }
  }

  #update(name: string, running: Running, conf: Settings<Table>): boolean {
    try {
      return running.service.update?.(conf as never) ?? false;
    } catch (error) {
      this.#application.log.error({ module: name, err: error }, 'a service could not take its new settings');
      return false;
    }
  }

  #close(name: string, running: Running): void {
    this.#running.delete(name);
    this.#undo(name, running.undo);
    try {
      running.service.close?.();
    } catch (error) {
      this.#application.log.error({ module: name, err: error }, 'a service did not close cleanly');
    }
  }

  #undo(name: string, undo: readonly (() => void)[]): void {
    for (const action of [...undo].reverse()) {
      try {
        action();
      } catch (error) {
        this.#application.log.error({ module: name, err: error }, 'a service did not close cleanly');
      }
    }
  }
}

/** The names of the settings whose values differ. */
export function changedSettings(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}
