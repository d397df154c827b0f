import type { Inert, Scope, Settings, Table } from '../config/table.ts';
import type { Application, Gate, Observer, StreamTask } from './application.ts';
import type { Logger } from './log.ts';
import type { MemoryFiles } from './memory-files.ts';

/**
 * A module: its directives by the scope they configure, and what it runs for an application. The order of modules in
 * `modules/index.ts` is the order in which their gates are asked.
 */
export interface Module {
  readonly name: string;
  readonly tables: Partial<Readonly<Record<Scope, Table>>>;
  readonly inert?: readonly Inert[];
  readonly application?: ApplicationService;
}

/** What a service of an application may use. Everything registered here is undone when the service closes. */
export interface ServiceContext {
  readonly application: Application;
  readonly log: Logger;
  readonly files: MemoryFiles;
  /** The installation prefix, for relative paths. */
  readonly prefix: string;
  /** Runs when the service closes, last registered first. */
  own(undo: () => void): void;
  gate(gate: Gate): void;
  observe(observer: Observer): void;
  forEachStream(task: StreamTask): void;
}

/** A running service of one application. */
export interface Service<Conf> {
  /** Takes new settings in mid-stream; false asks to be closed and started again with them. */
  update?(conf: Conf): boolean;
  close?(): void;
}

/** The erased form of a service, as the list of modules holds it. */
export interface ApplicationService {
  readonly table: Table;
  enabled(conf: never): boolean;
  start(conf: never, context: ServiceContext): Service<never>;
}

/** Declares what a module runs for each application whose settings enable it; types follow from the table. */
export function applicationService<T extends Table>(
  table: T,
  service: {
    enabled(conf: Settings<T>): boolean;
    start(conf: Settings<T>, context: ServiceContext): Service<Settings<T>>;
  },
): ApplicationService {
  return { table, ...service } as unknown as ApplicationService;
}
