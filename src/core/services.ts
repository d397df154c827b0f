import { isDeepStrictEqual } from 'node:util';
import { type Block, childrenOf, settingsOf, settingsWithin, type Within } from '../config/block.ts';
import type { Settings, Table } from '../config/table.ts';
import type { Logger } from './logs/log.ts';
import type { LogFiles } from './logs/log-files.ts';
import type { Module, Service, ServiceContext, ServiceSpec } from './module.ts';
import type { Step } from './reload/plan.ts';
import type { Outcome } from './reload/report.ts';
import type { MemoryFiles } from './workers/memory-files.ts';

/** One service that runs, with what it registered. */
interface Running {
  conf: Settings<Table>;
  service: Service<never>;
  readonly undo: (() => void)[];
}

/** What services of every owner share. */
export interface ServiceGround {
  readonly files: MemoryFiles;
  readonly logFiles: LogFiles;
  readonly prefix: string;
}

/** A service to run, with its module's name and place in the list of modules. */
export interface Listed {
  readonly name: string;
  readonly order: number;
  readonly spec: ServiceSpec;
}

/** Who services belong to: an application or a server. */
export interface ServiceOwner<Context> {
  readonly log: Logger;
  /** Adds the owner's own means to those of every service. */
  context(base: ServiceContext, order: number): Context;
}

/** The services of one kind that the modules offer. */
export function listed(modules: readonly Module[], kind: 'application' | 'server'): readonly Listed[] {
  return modules.flatMap((module, order) => {
    const spec = module[kind];
    return spec === undefined ? [] : [{ name: module.name, order, spec }];
  });
}

/**
 * The services of one owner, kept in step with its block: equal settings → untouched; changed → updated, or closed
 * and started again; no longer enabled → closed. Comparison is by value, so no setting can be forgotten.
 */
export class Services<Context> {
  readonly #owner: ServiceOwner<Context>;
  readonly #running = new Map<string, Running>();
  /** Those that could not start, and may the next time. */
  readonly #failed = new Set<string>();

  constructor(owner: ServiceOwner<Context>) {
    this.#owner = owner;
  }

  /**
   * The steps from the block that they are in step with, undefined for none, to what another says; `label` names the
   * owner in reports.
   */
  plan(
    before: Block | undefined,
    block: Block,
    label: string,
    wanted: readonly Listed[],
    ground: ServiceGround,
  ): readonly Step[] {
    const steps: Step[] = [];
    for (const one of wanted) {
      const step = this.#planOne(one, before, block, label, ground);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }

  #planOne(
    one: Listed,
    before: Block | undefined,
    block: Block,
    label: string,
    ground: ServiceGround,
  ): Step | undefined {
    const { name, spec } = one;
    const running = this.#running.get(name);
    if (hasSameSettings(before, block, spec.within) && !this.#failed.has(name)) {
      return running === undefined ? undefined : keptStep(name, label);
    }
    const conf =
      spec.within === undefined
        ? settingsOf(block, spec.table)
        : settingsWithin(block, spec.table, spec.within);
    const step = (outcome: Outcome, take?: Step['take'], changed?: readonly string[]): Step => ({
      entry: {
        kind: 'service',
        name: `${name} of ${label}`,
        outcome,
        ...(changed === undefined ? {} : { changed }),
      },
      ...(changed === undefined || before === undefined ? {} : { before, after: block }),
      ...(take === undefined ? {} : { take }),
    });
    const start = (): Outcome | undefined => (this.#start(one, conf, ground) ? undefined : 'failed');
    if (running === undefined) return spec.enabled(conf as never) ? step('started', start) : undefined;
    const close = (): undefined => void this.#close(name, running);
    if (!spec.enabled(conf as never)) return step('closed', close);
    const changed = changedSettings(running.conf, conf);
    if (changed.length === 0) return keptStep(name, label);
    const restart = (): Outcome => {
      close();
      return start() ?? 'restarted';
    };
    if (!this.#fits(running, conf)) return step('restarted', restart, changed);
    const update = (): Outcome | undefined => {
      if (!this.#update(name, running, conf)) return restart();
      running.conf = conf;
      return undefined;
    };
    return step('updated', update, changed);
  }

  close(): void {
    for (const [name, running] of [...this.#running].reverse()) this.#close(name, running);
  }

  #start({ name, order, spec }: Listed, conf: Settings<Table>, ground: ServiceGround): boolean {
    const undo: (() => void)[] = [];
    const own = (action: () => void): void => void undo.push(action);
    const base: ServiceContext = { ...ground, log: this.#owner.log.child({ module: name }), own };
    const context = this.#owner.context(base, order);
    try {
      const service = spec.start(conf as never, context as never);
      this.#running.set(name, { conf, service, undo });
      this.#failed.delete(name);
      return true;
    } catch (error) {
      this.#owner.log.error({ module: name, err: error }, 'a service could not start');
      this.#undo(name, undo);
      this.#failed.add(name);
      return false;
    }
  }

  #fits({ service }: Running, conf: Settings<Table>): boolean {
    return service.update !== undefined && (service.fits?.(conf as never) ?? true);
  }

  #update(name: string, running: Running, conf: Settings<Table>): boolean {
    try {
      return running.service.update?.(conf as never) ?? false;
    } catch (error) {
      this.#owner.log.error({ module: name, err: error }, 'a service could not take its new settings');
      return false;
    }
  }

  #close(name: string, running: Running): void {
    this.#running.delete(name);
    this.#undo(name, running.undo);
    try {
      running.service.close?.();
    } catch (error) {
      this.#owner.log.error({ module: name, err: error }, 'a service did not close cleanly');
    }
  }

  #undo(name: string, undo: readonly (() => void)[]): void {
    for (const action of [...undo].reverse()) {
      try {
        action();
      } catch (error) {
        this.#owner.log.error({ module: name, err: error }, 'a service did not close cleanly');
      }
    }
  }
}

function keptStep(name: string, label: string): Step {
  return { entry: { kind: 'service', name: `${name} of ${label}`, outcome: 'kept' } };
}

/** The names of the settings whose values differ. */
export function changedSettings(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  if (before === after) return [];
  const changed = Object.keys(before).filter((name) => !isEqual(before[name], after[name]));
  for (const name of Object.keys(after))
    if (!(name in before) && after[name] !== undefined) changed.push(name);
  return changed;
}

function isEqual(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || isDeepStrictEqual(a, b);
}

/** Whether it can be told at a glance that two blocks give a service the same settings: see `Inheritance`. */
function hasSameSettings(before: Block | undefined, after: Block, within: Within | undefined): boolean {
  if (before?.settings !== after.settings) return false;
  if (within === undefined) return true;
  const [old, now] = [childrenOf(before, within.name), childrenOf(after, within.name)];
  return (
    old.length === now.length &&
    old.every(({ key, settings }, index) => key === now[index]!.key && settings === now[index]!.settings)
  );
}
