import { keep } from './corpus.ts';
import { megabytes, type Outcome, run } from './target.ts';
import { shareOf, targets } from './targets.ts';

/** Runs every target, or those whose name holds a word, and prints a table. Exit code 1 where there is any fault. */
export async function main(args: readonly string[]): Promise<number> {
  const [seed = '1', inputs = '1000000', only = ''] = args;
  if (!/^[0-9]+$/.test(seed) || !/^[0-9]+$/.test(inputs)) {
    console.error('usage: npm run fuzz -- [SEED [INPUTS [WORD]]]');
    return 2;
  }
  console.log(`seed ${seed}, ${inputs} inputs\n`);
  console.log(row('target', 'inputs', 'faults', 'peak MB', 'held MB', 'slowest', 'seconds', 'named errors'));
  const outcomes: Outcome[] = [];
  for (const target of targets.filter(({ name }) => name.includes(only))) {
    const outcome = await run(target, Number(seed), shareOf(target, Number(inputs)));
    outcomes.push(outcome);
    const errors = [...outcome.errors].map(([name, count]) => `${name} ${count}`).join(', ');
    console.log(
      row(
        outcome.target,
        String(outcome.inputs),
        String(outcome.faults.length),
        megabytes(outcome.peak),
        megabytes(outcome.held),
        `${outcome.slowest.toFixed(0)} ms`,
        outcome.seconds.toFixed(1),
        errors === '' ? '-' : errors,
      ),
    );
    for (const fault of outcome.faults) console.log(`\n  ${keep(fault)}: ${fault.what}\n`);
  }
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, one) => all + of(one), 0);
  const faults = sum(({ faults: found }) => found.length);
  const seconds = sum((outcome) => outcome.seconds);
  console.log(`\n${sum((one) => one.inputs)} inputs, ${faults} faults, ${seconds.toFixed(0)} s`);
  return faults === 0 ? 0 : 1;
}

function row(name: string, ...cells: readonly string[]): string {
  const [inputs, faults, peak, held, slowest, seconds, errors] = cells as [string, ...string[]];
  const numbers = [inputs, faults, peak, held, slowest, seconds].map((cell) => (cell ?? '').padStart(8));
  return `${name.padEnd(26)}${numbers.join('')}  ${errors ?? ''}`;
}
