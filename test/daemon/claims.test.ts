import { afterEach, expect, test, vi } from 'vitest';
import type { StreamKey } from '../../src/core/stream-key.ts';
import { Claims } from '../../src/daemon/claims.ts';
import { CLAIMS, type Moved } from '../../src/workers/topics.ts';
import { type Crew, makeCrew } from '../core/workers.ts';

const key: StreamKey = { place: 'p', app: 'live', name: 'cam' };

afterEach(() => vi.useRealTimers());

/** A primary with its claims, and what each worker was told. */
function make(
  count: number,
): Crew & { readonly claims: Claims; readonly told: Moved[][]; readonly yields: number[] } {
  const crew = makeCrew(count);
  const claims = new Claims(crew.exchange.channel, () => crew.channels.map(({ index }) => index));
  const told: Moved[][] = crew.channels.map(() => []);
  const yields: number[] = [];
  for (const [at, channel] of crew.channels.entries()) {
    channel.answer(CLAIMS.moved, (body) => void told[at]!.push(body as Moved));
    channel.answer(CLAIMS.yield, () => void yields.push(channel.index));
  }
  return { ...crew, claims, told, yields };
}

const claim = ({ channels }: Crew, worker: number, takeover = false): Promise<boolean> =>
  channels[worker - 1]!.ask(0, CLAIMS.claim, { key, takeover });
const take = ({ channels }: Crew, worker: number): Promise<boolean> =>
  channels[worker - 1]!.ask(0, CLAIMS.take, key);
const tell = ({ channels }: Crew, worker: number, topic: string): void =>
  channels[worker - 1]!.tell(0, topic, key);
const owner = ({ channels }: Crew): Promise<number> => channels[0]!.ask(0, CLAIMS.owner, key);

test('of two publishers at the same moment one has the name', async () => {
  const crew = make(2);
  expect(await Promise.all([claim(crew, 1), claim(crew, 2)])).toEqual([true, false]);
  expect(await take(crew, 2)).toBe(false);
  expect(await take(crew, 1)).toBe(true);
  expect(await owner(crew)).toBe(1);
  expect(crew.told).toEqual([[], [{ key, owner: 1, mayReturn: false }]]);
});

test('a name that its publisher did not get is free', async () => {
  const crew = make(2);
  await claim(crew, 1);
  tell(crew, 1, CLAIMS.release);
  expect(await claim(crew, 2)).toBe(true);
  expect(await owner(crew)).toBe(0);
});

test('a publisher is sent away for another only where takeovers are wanted, and only once that one may have it', async () => {
  const crew = make(2);
  await claim(crew, 1);
  await take(crew, 1);
  expect(await claim(crew, 2)).toBe(false);
  expect(await claim(crew, 2, true)).toBe(true);
  expect(crew.yields).toEqual([]);
  expect(await take(crew, 2)).toBe(true);
  expect(crew.yields).toEqual([1]);
  // What the old owner says of the end of its stream no longer counts.
  tell(crew, 1, CLAIMS.ended);
  expect(await owner(crew)).toBe(2);
});

test('a publisher that may return comes to any worker', async () => {
  const crew = make(2);
  await claim(crew, 1);
  await take(crew, 1);
  tell(crew, 1, CLAIMS.vacant);
  expect(await claim(crew, 2)).toBe(true);
  expect(await take(crew, 2)).toBe(true);
  expect(crew.yields).toEqual([1]);
});

test('a publisher that its worker has not seen leave is not in the way of the next', async () => {
  const crew = make(2);
  await claim(crew, 1);
  await take(crew, 1);
  let heard = 0;
  crew.channels[0]!.answer(CLAIMS.hearOut, () => {
    heard += 1;
    tell(crew, 1, CLAIMS.ended);
  });
  expect(await claim(crew, 2, true)).toBe(true);
  expect(heard).toBe(0);
  tell(crew, 2, CLAIMS.release);
  expect(await claim(crew, 2)).toBe(true);
  expect(heard).toBe(1);
});

test('of two that wait for a publisher to be heard out one has the name', async () => {
  const crew = make(3);
  await claim(crew, 1);
  await take(crew, 1);
  crew.channels[0]!.answer(CLAIMS.hearOut, () => tell(crew, 1, CLAIMS.vacant));
  expect(await Promise.all([claim(crew, 2), claim(crew, 3)])).toEqual([true, false]);
});

test('one that is there keeps its name, and after a second also where its worker hangs', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const crew = make(2);
  await claim(crew, 1);
  await take(crew, 1);
  const undo = crew.channels[0]!.answer(CLAIMS.hearOut, () => undefined);
  expect(await claim(crew, 2)).toBe(false);
  undo();
  let refused: Promise<boolean> = Promise.resolve(true);
  await new Promise<void>((resolve) => {
    crew.channels[0]!.answer(CLAIMS.hearOut, () => {
      resolve();
      return new Promise(() => undefined);
    });
    refused = claim(crew, 2);
  });
  vi.advanceTimersByTime(1000);
  expect(await refused).toBe(false);
  expect(await owner(crew)).toBe(1);
});

test('an owner that hangs does not keep a name', async () => {
  const crew = make(2);
  const { exchange } = crew;
  await claim(crew, 1);
  await take(crew, 1);
  exchange.leave(1);
  expect(await claim(crew, 2, true)).toBe(true);
  expect(await take(crew, 2)).toBe(true);
});

test('what a worker had that died is free, and its publisher may return', async () => {
  const crew = make(3);
  await claim(crew, 1);
  await take(crew, 1);
  await claim(crew, 2, true);
  crew.claims.left(1);
  expect(await claim(crew, 3)).toBe(false);
  crew.claims.left(2);
  expect(await claim(crew, 3)).toBe(true);
  expect(crew.told[2]).toEqual([
    { key, owner: 1, mayReturn: false },
    { key, owner: 0, mayReturn: true },
  ]);
});

test('after a reload a worker has what it says', async () => {
  const crew = make(2);
  await claim(crew, 1);
  await take(crew, 1);
  const moved = { ...key, place: 'q' };
  crew.channels[0]!.tell(0, CLAIMS.owned, [moved]);
  expect(await owner(crew)).toBe(0);
  expect(crew.claims.ownerOf(moved)).toBe(1);
});

test('one worker at a time brings a stream; the others wait for what comes of it', async () => {
  const crew = make(3);
  const locate = (worker: number): Promise<number> =>
    crew.channels[worker - 1]!.ask(0, CLAIMS.locate, key, 20_000);
  expect(await locate(1)).toBe(0);
  const second = locate(2);
  const third = locate(3);
  let over = false;
  void second.then(() => {
    over = true;
  });
  await claim(crew, 1);
  expect(over).toBe(false);
  await take(crew, 1);
  expect(await Promise.all([second, third])).toEqual([1, 1]);
});

test('where it cannot, the next one tries', async () => {
  const crew = make(3);
  const locate = (worker: number): Promise<number> =>
    crew.channels[worker - 1]!.ask(0, CLAIMS.locate, key, 20_000);
  expect(await locate(1)).toBe(0);
  const second = locate(2);
  const third = locate(3);
  // Only whose turn it is can end it.
  tell(crew, 3, CLAIMS.missed);
  tell(crew, 1, CLAIMS.missed);
  expect(await second).toBe(0);
  crew.claims.left(2);
  expect(await third).toBe(0);
});
