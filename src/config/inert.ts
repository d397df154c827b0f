import type { Inert } from './table.ts';

/** Names of nginx and its media modules that no table of ours acts on. A row of the same name wins. */
export const inertNames: readonly Inert[] = [];
