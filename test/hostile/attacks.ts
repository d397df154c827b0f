import { byteAttacks } from './byte-attacks.ts';
import { commandAttacks } from './command-attacks.ts';
import { floodAttacks } from './flood-attacks.ts';
import { httpAttacks } from './http-attacks.ts';
import { mediaAttacks } from './media-attacks.ts';
import { moduleAttacks } from './module-attacks.ts';
import { descriptorsOf, holds, type Prey, pause, processesOf, residentOf } from './prey.ts';
import type { Witness } from './witness.ts';
import type { Attack } from './wolf.ts';

/** All groups of attacks. */
export const attacks: readonly Attack[] = [
  ...byteAttacks,
  ...commandAttacks,
  ...mediaAttacks,
  ...httpAttacks,
  ...moduleAttacks,
  ...floodAttacks,
];

/** A server at rest. */
export interface Rest {
  readonly descriptors: number;
  readonly resident: number;
  readonly processes: string;
}

export function restOf(prey: Prey): Rest {
  return { descriptors: descriptorsOf(prey), resident: residentOf(prey), processes: processesOf(prey) };
}

/** A descriptor or two may come and go by themselves. */
const FEW_DESCRIPTORS = 3;
/** Resident memory that a server may have taken and not given back, bytes. */
const MOST_GROWTH = 250 * 1024 * 1024;
/** How long connections that are over may keep their descriptors, ms. */
const SETTLE_MS = 12_000;

/** Runs one group; gives what the server failed to do, its own end and losses of the witness included. */
export async function attack(
  group: Attack,
  prey: Prey,
  witness: Witness,
  rest: Rest,
): Promise<readonly string[]> {
  const failed = new Set<string>();
  const must = (did: boolean, what: string): void => {
    if (!did) failed.add(`does not: ${what}`);
  };
  try {
    await group.run(prey, must);
  } catch (error) {
    failed.add(`the attack was cut short: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { processes } = rest;
  if (processesOf(prey) !== processes)
    failed.add(`the process died or was replaced (${processes} → ${processesOf(prey)})`);
  for (const problem of await witness.problems()) failed.add(`witness: ${problem}`);
  const back = await holds(() => descriptorsOf(prey) <= rest.descriptors + FEW_DESCRIPTORS, SETTLE_MS);
  if (!back) failed.add(`${descriptorsOf(prey)} descriptors are open, ${rest.descriptors} before`);
  const growth = residentOf(prey) - rest.resident;
  if (growth > MOST_GROWTH) {
    await pause(1000);
    const later = residentOf(prey) - rest.resident;
    if (later > MOST_GROWTH) failed.add(`memory has grown by ${Math.round(later / 1024 / 1024)} MB`);
  }
  return [...failed];
}
