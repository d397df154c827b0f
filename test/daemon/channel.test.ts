import { expect, test } from 'vitest';
import { alone } from '../../src/core/workers/workers.ts';
import { NoAnswer } from '../../src/daemon/channel.ts';
import { makeCrew } from '../core/workers.ts';

test('a worker asks all others and gets each one’s answer', async () => {
  const { workers } = makeCrew(3);
  for (const worker of workers) worker.answer('double', async (body) => (body as number) * 2 + worker.index);
  expect(await workers[1]!.ask('double', 10)).toEqual([
    { worker: 1, answer: 21 },
    { worker: 3, answer: 23 },
  ]);
});

test('who is told knows by whom, and messages keep their order', async () => {
  const { workers } = makeCrew(2);
  const heard: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    workers[0]!.answer('news', (body, from) => {
      heard.push([from, body]);
      if (body === 'c') resolve();
    });
  });
  for (const text of ['a', 'b', 'c']) workers[1]!.tell('news', text);
  await done;
  expect(heard).toEqual([
    [2, 'a'],
    [2, 'b'],
    [2, 'c'],
  ]);
});

test('a worker that knows nothing of a topic, throws, or is gone is left out', async () => {
  const { workers, exchange, failures } = makeCrew(4);
  workers[1]!.answer('size', () => 2);
  workers[2]!.answer('size', () => {
    throw new Error('broken');
  });
  workers[3]!.answer('size', () => new Promise(() => undefined));
  const asked = workers[0]!.ask<number>('size');
  await new Promise((resolve) => setImmediate(resolve));
  exchange.leave(4);
  // A letter is from whoever sent it, whatever it says, and a topic that nobody knows harms nobody.
  exchange.receive(1, { kind: 'tell', from: 9, to: 2, topic: 'nothing', body: null });
  expect(await asked).toEqual([{ worker: 2, answer: 2 }]);
  expect(failures).toEqual(['size']);
});

test('a question to one that does not answer fails after its patience', async () => {
  const { exchange, workers } = makeCrew(1);
  workers[0]!.answer('slow', () => new Promise(() => undefined));
  await expect(exchange.channel.ask(1, 'slow', null, 20)).rejects.toThrow(NoAnswer);
  await expect(exchange.channel.ask(2, 'slow', null, 20)).rejects.toThrow('worker 2 has no answer');
});

test('a topic has one handler, until it is taken back', async () => {
  const { workers } = makeCrew(2);
  const undo = workers[0]!.answer('one', () => 1);
  expect(() => workers[0]!.answer('one', () => 2)).toThrow('has a handler already');
  undo();
  workers[0]!.answer('one', () => 3);
  expect(await workers[1]!.ask('one')).toEqual([{ worker: 1, answer: 3 }]);
});

test('a process alone has nobody to ask', async () => {
  expect(await alone.ask('anything')).toEqual([]);
  expect(alone.count).toBe(1);
});
