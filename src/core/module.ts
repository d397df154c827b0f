import type { Block, SettingsWithin, Within } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import type { Inert, Scope, Settings, Table } from '../config/table.ts';
import type { Application } from './applications/application.ts';
import type { Observer } from './applications/observer.ts';
import type { Origin } from './applications/origins.ts';
import type { Gate, Request } from './applications/request.ts';
import type { StreamTask } from './applications/stream-tasks.ts';
import type { Hub } from './hub.ts';
import type { Logger } from './logs/log.ts';
import type { LogFiles } from './logs/log-files.ts';
import type { ConnectGate, ConnectionObserver, ConnectRequest, RtmpServer } from './server.ts';
import type { MemoryFiles } from './workers/memory-files.ts';

/**
 * A module: its directives by the scope they configure, and what it runs for an application. The order of modules in
 * `modules/index.ts` is the order in which their gates are asked.
 */
export interface Module {
  readonly name: string;
  readonly tables: Partial<Readonly<Record<Scope, Table>>>;
  readonly inert?: readonly Inert[];
  /** What a resolved tree still has wrong for it. */
  readonly check?: (tree: Block) => readonly Diagnostic[];
  /** What it runs for each `application`. */
  readonly application?: ServiceSpec;
  /** What it runs for each `server` of `rtmp`. */
  readonly server?: ServiceSpec;
}

/** What any service may use. Everything registered is undone when the service closes. */
export interface ServiceContext {
  readonly log: Logger;
  readonly files: MemoryFiles;
  /** Files that sessions are logged to. */
  readonly logFiles: LogFiles;
  /** The installation prefix, for relative paths. */
  readonly prefix: string;
  /** Runs when the service closes, last registered first. */
  own(undo: () => void): void;
}

/** What a service of an RTMP server may use. */
export interface ServerContext extends ServiceContext {
  readonly server: RtmpServer;
  /** All applications of the process. */
  readonly hub: Hub;
  gate(gate: ConnectGate): void;
  /** A gate that counts what there is; asked again at the moment a client is let in. */
  limit(limit: (request: ConnectRequest) => void): void;
  observe(observer: ConnectionObserver): void;
}

/** What a service of an application may use. */
export interface ApplicationContext extends ServiceContext {
  readonly application: Application;
  /** All applications of the process. */
  readonly hub: Hub;
  gate(gate: Gate): void;
  /** A gate that counts what there is; asked again at the moment a request is granted. */
  limit(limit: (request: Request) => void): void;
  /** Adds a source of streams that nobody publishes here. */
  origin(origin: Origin): void;
  observe(observer: Observer): void;
  forEachStream(task: StreamTask): void;
}

/** A running service. */
export interface Service<Conf> {
  /** Whether `update` would take these settings; changes nothing. Without it, it takes all of them. */
  fits?(conf: Conf): boolean;
  /** Takes new settings in mid-stream; false asks to be closed and started again with them. */
  update?(conf: Conf): boolean;
  close?(): void;
}

/** The erased form of a service, as the list of modules holds it. */
export interface ServiceSpec {
  readonly table: Table;
  /** What it takes from blocks inside its own: see `settingsWithin`. */
  readonly within?: Within;
  enabled(conf: never): boolean;
  start(conf: never, context: never): Service<never>;
}

/** What a module says of a service: when it runs, and how it starts. Types follow from the table. */
interface Declaration<T extends Table, Context, Conf = Settings<T>> {
  enabled(conf: Conf): boolean;
  start(conf: Conf, context: Context): Service<Conf>;
}

/** Declares what a module runs for each application whose settings enable it. */
export function applicationService<T extends Table>(
  table: T,
  declaration: Declaration<T, ApplicationContext>,
): ServiceSpec {
  return { table, ...declaration } as unknown as ServiceSpec;
}

/** The same, for a module that also looks into the blocks inside an application which `name` opens. */
export function serviceWithin<T extends Table, Inner extends Table>(
  table: T,
  within: Within<Inner>,
  declaration: Declaration<T, ApplicationContext, SettingsWithin<T, Inner>>,
): ServiceSpec {
  return { table, within, ...declaration } as unknown as ServiceSpec;
}

/** Declares what a module runs for each RTMP server whose settings enable it. */
export function serverService<T extends Table>(
  table: T,
  declaration: Declaration<T, ServerContext>,
): ServiceSpec {
  return { table, ...declaration } as unknown as ServiceSpec;
}
