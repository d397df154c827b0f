import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { lookupsBy } from '../../../src/core/net/lookups.ts';

/** A resolver whose answers come when the test wants them, and a clock that the test moves. */
function resolver() {
  let time = 0;
  const open = new Map<string, (error: NodeJS.ErrnoException | null, to: readonly LookupAddress[]) => void>();
  const asked: string[] = [];
  const answers: string[] = [];
  const lookup = lookupsBy(
    (name, _options, answer) => {
      asked.push(name);
      open.set(name, answer);
    },
    () => time,
  );
  return {
    asked,
    answers,
    ask(name: string): void {
      lookup(name, { all: true }, (error, found) => {
        const shown =
          error === null ? (found as readonly LookupAddress[]).map(({ address }) => address) : error.code;
        answers.push(`${name} ${shown}`);
      });
    },
    answer(name: string, after: number, address?: string): void {
      time += after;
      const failed = Object.assign(new Error('x'), { code: 'EAI_AGAIN' });
      open.get(name)!(
        address === undefined ? failed : null,
        address === undefined ? [] : [{ address, family: 4 }],
      );
    },
  };
}

test('all who ask for one name share one question, and nothing is kept', () => {
  const { ask, answer, asked, answers } = resolver();
  ask('a');
  ask('a');
  ask('b');
  expect(asked).toEqual(['a', 'b']);
  answer('a', 5, '10.0.0.1');
  expect(answers).toEqual(['a 10.0.0.1', 'a 10.0.0.1']);
  ask('a');
  answer('a', 5, '10.0.0.2');
  expect(answers.at(-1)).toBe('a 10.0.0.2');
  expect(asked).toEqual(['a', 'b', 'a']);
});

test('names that nobody answers for hold one question at a time, and others pass them', () => {
  const { ask, answer, asked, answers } = resolver();
  const dead = ['dead1', 'dead2', 'dead3'];
  for (const name of dead) ask(name);
  for (const name of dead) answer(name, 10_000);
  expect(answers).toEqual(dead.map((name) => `${name} EAI_AGAIN`));
  for (const name of dead) ask(name);
  ask('alive');
  expect(asked.slice(3)).toEqual(['dead1', 'alive']);
  answer('alive', 1, '10.0.0.1');
  expect(answers.at(-1)).toBe('alive 10.0.0.1');
  answer('dead1', 10_000);
  answer('dead2', 10_000);
  expect(asked.slice(5)).toEqual(['dead2', 'dead3']);
  // Who is answered for again waits for nobody any more.
  answer('dead3', 10, '10.0.0.3');
  for (const name of dead) ask(name);
  expect(asked.slice(7)).toEqual(['dead1', 'dead3']);
});
