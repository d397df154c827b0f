import { eventsTable, mainTable } from '../../core/main.ts';
import type { Module } from '../../core/module.ts';

/** The directives of the process: where it logs, who it is, how it stops. What they do is up to the daemon. */
export const mainModule: Module = {
  name: 'main',
  tables: { main: { ...mainTable, ...eventsTable } },
  inert: [
    {
      names: 'error_log',
      contexts: ['http', 'server', 'location'],
      min: 1,
      max: 9,
      block: false,
      disposition: 'ignored',
      reason: 'all lines go to the error_log of the main context',
    },
  ],
};
