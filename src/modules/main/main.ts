import { eventsTable, mainTable } from '../../core/main.ts';
import type { Module } from '../../core/module.ts';

/** The directives of the process: where it logs, who it is, how it stops. What they do is up to the daemon. */
export const mainModule: Module = {
  name: 'main',
  tables: { main: { ...mainTable, ...eventsTable } },
};
