import type { Inert } from './table.ts';

/** Directives of one third-party module, known by how their names begin or end. */
export interface Family extends Pick<Inert, 'disposition' | 'later' | 'reason'> {
  readonly names: RegExp;
}

/** The family that a name belongs to which no table knows. */
export function familyOf(name: string): Family | undefined {
  return FAMILIES.find((family) => family.names.test(name));
}

const FAMILIES: readonly Family[] = [];
