import { describe, expect, test } from 'vitest';
import { Board } from '../../../src/core/workers/board.ts';
import { MemoryFiles } from '../../../src/core/workers/memory-files.ts';
import { Tallies } from '../../../src/core/workers/tallies.ts';
import type { Workers } from '../../../src/core/workers/workers.ts';
import { workersOf } from '../../../src/daemon/channel.ts';
import { until } from '../../rtmp/server.ts';
import { makeCrew } from '../workers.ts';

/** What has been sent has arrived, and what that led to. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('a board', () => {
  test('shows every worker what the others have written', async () => {
    const boards = makeCrew(3).workers.map((workers) => new Board<number>(workers, 'x'));
    boards[0]!.set('a', 1);
    boards[0]!.set('a', 2);
    boards[1]!.set('a', 5);
    await settled();
    expect(boards.map((board) => [...board.others('a')])).toEqual([[5], [2], [2, 5]]);
    boards[0]!.delete('a');
    await settled();
    expect(boards.map((board) => [...board.others('a')])).toEqual([[5], [], [5]]);
  });

  test('what is written in one turn comes in order', async () => {
    const heard: unknown[] = [];
    const [one, two] = makeCrew(2).workers as [Workers, Workers];
    const board = new Board<number>(one, 'x');
    void new Board<number>(two, 'x', (...change) => heard.push(change));
    await settled();
    board.set('segment', 1);
    board.set('list', 1);
    board.set('segment', 2);
    board.delete('list');
    await settled();
    expect(heard).toEqual([
      [1, 'segment', 2],
      [1, 'list', undefined],
    ]);
  });

  test('what a worker wrote that has died is forgotten', async () => {
    const { exchange, workers } = makeCrew(2);
    const heard: unknown[] = [];
    const one = new Board<number>(workers[0]!, 'x', (...change) => heard.push(change));
    const two = new Board<number>(workers[1]!, 'x');
    await settled();
    two.set('b', 2);
    await settled();
    expect([...one.others('b')]).toEqual([2]);
    exchange.leave(2);
    await settled();
    expect([...one.others('b')]).toEqual([]);
    expect(heard).toEqual([
      [2, 'b', 2],
      [2, 'b', undefined],
    ]);
  });

  test('a worker that begins again learns of all, and what it wrote before is void', async () => {
    const { channels, workers } = makeCrew(2);
    const one = new Board<number>(workers[0]!, 'x');
    const handlers: (() => void)[] = [];
    // The handlers of a process go with it.
    const mortal: Workers = {
      ...workersOf(channels[1]!, () => [1, 2]),
      answer: (topic, handler) => {
        for (const undo of handlers.splice(0)) undo();
        handlers.push(channels[1]!.answer(topic, handler));
        return () => undefined;
      },
    };
    const before = new Board<number>(mortal, 'x');
    one.set('a', 1);
    before.set('b', 2);
    await settled();
    expect([...one.others('b')]).toEqual([2]);
    const again = new Board<number>(mortal, 'x');
    await settled();
    expect([...one.others('b')]).toEqual([]);
    expect([...again.others('a')]).toEqual([1]);
  });
});

describe('tallies', () => {
  test('count over all workers', async () => {
    const [one, two] = makeCrew(2).workers.map((workers) => new Tallies(workers).open('players'));
    one!.add('cam');
    one!.add('cam');
    two!.add('cam');
    two!.add('other');
    await settled();
    expect([one!.of('cam'), two!.of('cam'), one!.of('other')]).toEqual([3, 3, 1]);
    one!.remove('cam');
    two!.close();
    await settled();
    expect([one!.of('cam'), two!.of('cam'), one!.of('other')]).toEqual([1, 1, 0]);
  });

  test('those who open the same ones count together and give back what they counted', () => {
    const tallies = new Tallies(makeCrew(1).workers[0]!);
    const [first, second] = [tallies.open('clients'), tallies.open('clients')];
    first.add('');
    second.add('');
    expect(first.of('')).toBe(2);
    second.close();
    expect(first.of('')).toBe(1);
    expect(tallies.open('others').of('')).toBe(0);
  });
});

describe('memory files', () => {
  const file = (text: string, visited?: (who: string, bytes: number) => void) => ({
    body: Buffer.from(text),
    type: 'video/mp2t',
    mtime: 1,
    ...(visited === undefined ? {} : { visited }),
  });
  const long = 'x'.repeat(100_000);

  test('are had by every worker, long ones when somebody asks', async () => {
    const [one, two, three] = makeCrew(3).workers.map((workers) => new MemoryFiles(workers));
    one!.put('/hls/a.m3u8', file('list'));
    one!.put('/hls/a-1.ts', file(long));
    await settled();
    expect(two!.get('/hls/a.m3u8')?.body.toString()).toBe('list');
    expect(two!.get('/hls/a-1.ts')).toBeUndefined();
    expect([two!.has('/hls/a-1.ts'), two!.has('/hls/b.ts')]).toEqual([true, false]);
    const fetched = await Promise.all([two!.fetch('/hls/a-1.ts'), two!.fetch('/hls/a-1.ts')]);
    expect(fetched.map((one) => one?.body.length)).toEqual([100_000, 100_000]);
    expect(fetched[0]).toBe(fetched[1]);
    expect(two!.get('/hls/a-1.ts')).toBe(fetched[0]);
    expect(three!.get('/hls/a-1.ts')).toBeUndefined();
    expect(three!.fetch('/hls/b.ts')).toBeUndefined();
    one!.delete('/hls/a-1.ts');
    await settled();
    expect([two!.has('/hls/a-1.ts'), three!.has('/hls/a-1.ts')]).toEqual([false, false]);
    expect(await three!.search('/hls/a-1.ts')).toBeUndefined();
  });

  test('whoever makes a file last has it', async () => {
    const [one, two] = makeCrew(2).workers.map((workers) => new MemoryFiles(workers));
    one!.put('/a', file('old'));
    await settled();
    two!.put('/a', file('new'));
    await settled();
    expect([one!, two!].map((files) => files.get('/a')?.body.toString())).toEqual(['new', 'new']);
    expect([one!.isForeign('/a'), two!.isForeign('/a')]).toEqual([true, false]);
    one!.delete('/a');
    await settled();
    expect(two!.get('/a')?.body.toString()).toBe('new');
    two!.delete('/a');
    await settled();
    expect([one!.has('/a'), two!.has('/a')]).toEqual([false, false]);
  });

  test('one that has not been told of yet is searched for, but not in folders that nobody has files in', async () => {
    const [one, two] = makeCrew(2).workers.map((workers) => new MemoryFiles(workers));
    one!.put('/hls/a.m3u8', file('list'));
    await settled();
    one!.put('/hls/a-2.ts', file(long));
    const searched = [two!.search('/hls/a-2.ts'), two!.search('/else/a-2.ts')];
    expect((await searched[0])?.body.length).toBe(100_000);
    expect(await searched[1]).toBeUndefined();
  });

  test('who was given a file elsewhere is told to its worker', async () => {
    const [one, two] = makeCrew(2).workers.map((workers) => new MemoryFiles(workers));
    const visits: unknown[] = [];
    one!.put(
      '/a',
      file('list', (...visit) => visits.push(visit)),
    );
    await settled();
    two!.get('/a')!.visited!('viewer', 4);
    two!.get('/a')!.visited!('other', 0);
    await until(() => visits.length === 2);
    expect(visits).toEqual([
      ['viewer', 4],
      ['other', 0],
    ]);
  });
});
