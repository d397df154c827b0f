import { describe, expect, test } from 'vitest';
import { folderOf, readCorpus } from './corpus.ts';
import { megabytes, run, type Target, take } from './target.ts';
import { shareOf, targets } from './targets.ts';

const SEED = 20_261_121;
const INPUTS = 20_000;

const byName = new Map(targets.map((target) => [target.name, target]));

describe('damaged input', () => {
  test.each(targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    const outcome = await run(target, SEED, shareOf(target, INPUTS));
    expect(outcome.faults.map(({ what, input }) => `${what}\n${input?.toString('hex')}`)).toEqual([]);
    expect(outcome.inputs).toBe(shareOf(target, INPUTS));
    expect(Number(megabytes(outcome.held))).toBeLessThan(24);
  });

  test('all that is kept of former faults', async () => {
    const kept = readCorpus(new Map(targets.map(({ name }) => [name, folderOf(name)])));
    for (const { target, file, input } of kept) {
      const known = byName.get(target)!;
      await known.ready?.();
      await expect(take(known, input), `${target} ${file}`).resolves.toSatisfy(
        (error) => error === null || error instanceof Error,
      );
    }
  });

  test('undamaged seeds are taken', async () => {
    const refused: string[] = [];
    for (const target of targets) {
      await target.ready?.();
      const outcomes = await Promise.all(target.seeds.slice(0, 1).map((seed) => take(target, seed)));
      if (outcomes.some((error) => error !== null)) refused.push(target.name);
    }
    expect(refused).toEqual([]);
  });
});

describe('the run itself', () => {
  const target = (feed: Target['feed']): Target => {
    return { name: 'x', seeds: [Buffer.from('seed of some length')], share: 1, errors: [RangeError], feed };
  };

  test('counts named errors and finds others', async () => {
    const { faults, errors, inputs } = await run(
      target((input) => {
        if (input.length > 19) throw new RangeError('named');
        if (input.length < 5) throw new TypeError('not named');
      }),
      1,
      1000,
    );
    expect(errors.get('RangeError')).toBeGreaterThan(10);
    expect(faults).toHaveLength(5);
    expect(faults[0]!.what).toContain('TypeError: not named');
    expect(inputs).toBeLessThan(1000);
  });

  test('finds what takes long, what is held, and what writes to its input', async () => {
    const slow = await run(
      target(() => {
        // As it is judged: by the work done, however busy the machine is.
        const from = process.cpuUsage();
        while (process.cpuUsage(from).user < 400_000);
      }),
      1,
      1,
    );
    expect(slow.faults[0]!.what).toMatch(/^took \d+ ms$/);
    const all: Buffer[] = [];
    const held = await run(
      target(() => void all.push(Buffer.alloc(1024 * 1024))),
      1,
      40,
    );
    expect(held.faults[0]!.what).toContain('still held');
    const written = await run(
      target((input) => void input.fill(0)),
      1,
      3,
    );
    expect(written.faults[0]!.what).toBe('the input was written to');
  });

  test('gives the same inputs for the same seed', async () => {
    const seen: string[][] = [[], [], []];
    for (const [index, seed] of [7, 7, 8].entries()) {
      await run(
        target((input) => void seen[index]!.push(input.toString('hex'))),
        seed,
        100,
      );
    }
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]).not.toEqual(seen[2]);
  });
});
