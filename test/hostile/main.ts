import { attack, attacks, restOf } from './attacks.ts';
import type { Prey } from './prey.ts';
import { Witness } from './witness.ts';

/** A server that can be started as often as it is brought down. */
export interface Herd {
  readonly name: string;
  start(): Promise<{ readonly prey: Prey; stop(): Promise<void> }>;
}

/** Whether what a group came to leaves the server, or the witness, of no use for the next. */
const FATAL = /^(?:witness|the process)|descriptors are open|memory has grown/;

/** Runs all groups, or those whose name holds a word, against a server; gives the number that it failed. */
export async function hunt({ name, start }: Herd, word: string): Promise<number> {
  console.log(`\n${name}`);
  let failed = 0;
  let running:
    | { one: Awaited<ReturnType<Herd['start']>>; witness: Witness; rest: ReturnType<typeof restOf> }
    | undefined;
  const end = async (): Promise<void> => {
    running?.witness.stop();
    await running?.one.stop();
    running = undefined;
  };
  const chosen = attacks.filter((group) => group.name.includes(word));
  try {
    for (const group of chosen) {
      if (running === undefined) {
        const one = await start();
        const witness = await Witness.start(one.prey);
        running = { one, witness, rest: restOf(one.prey) };
      }
      const { one, witness, rest } = running;
      const from = performance.now();
      const problems = await attack(group, one.prey, witness, rest);
      const seconds = ((performance.now() - from) / 1000).toFixed(1);
      console.log(`  ${problems.length === 0 ? 'ok  ' : 'FAIL'} ${group.name} (${seconds} s)`);
      for (const problem of problems) console.log(`         ${problem}`);
      if (problems.length > 0) failed += 1;
      if (problems.some((problem) => FATAL.test(problem))) await end();
    }
  } finally {
    await end();
  }
  console.log(`  ${chosen.length - failed} of ${chosen.length} groups survived`);
  return failed;
}
