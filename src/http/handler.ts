import type { Settings, Table } from '../config/table.ts';
import type { Module } from '../core/module.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Answer, Exchange } from './requests/exchange.ts';

/** A handler's answer; `declined`: somebody else's; `taken`: it writes to the socket itself. */
export type Handled = Answer | 'declined' | 'taken';

/** Answers requests of the places (servers, locations) whose settings enable it. */
export interface ContentHandler {
  readonly table: Table;
  enabled(conf: never): boolean;
  handle(exchange: Exchange, conf: never): Handled | Promise<Handled>;
}

/** Declares a content handler; the types of its settings follow from the table. */
export function contentHandler<T extends Table>(
  table: T,
  handler: {
    enabled(conf: Settings<T>): boolean;
    handle(exchange: Exchange, conf: Settings<T>): Handled | Promise<Handled>;
  },
): ContentHandler {
  return { table, ...handler } as unknown as ContentHandler;
}

/** A module that answers HTTP requests as well. Content handlers are asked in the order of the modules, files last. */
export interface HttpModule extends Module {
  readonly content?: ContentHandler;
  /** What it answers to other workers that were asked by a client, by topic. */
  readonly answers?: Readonly<Record<string, (runtime: Runtime, body: never) => unknown>>;
}
