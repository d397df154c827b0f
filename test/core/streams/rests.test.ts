import { expect, test, vi } from 'vitest';
import { rest } from '../../../src/core/streams/rest.ts';
import { audio, inter, key, setUpStream, vHeader } from '../fixtures.ts';

/** A live stream with a window, a player in step, and what a read at a time brings; it returns how long one may rest. */
function setUp(merge: number | 'auto' = 50) {
  const set = setUpStream({ out_merge: merge });
  set.send(vHeader(), key(0));
  const player = set.join();
  set.stream.feeds.flush();
  player.sink.take();
  const read = (now: number, ...messages: ReturnType<typeof inter>[]): number => {
    for (const [kind, raw, body] of messages) set.stream.ingest(kind, raw, body, now);
    return set.stream.endOfRead(now, true);
  };
  return { ...set, ...player, read };
}

test('a stream that nobody takes may rest at its longest', () => {
  const { stream, send } = setUpStream();
  send(vHeader(), key(0));
  expect(stream.endOfRead(100, true)).toBe(80);
  expect(stream.endOfRead(100)).toBe(0);
});

test('what comes within a window is read at its end, and goes out then', () => {
  const { read, sink } = setUp();
  expect(read(1000, inter(40))).toBe(50);
  expect(sink.take()).toBe('');
  expect(read(1051, inter(80), audio(85))).toBe(0);
  expect(sink.take()).toBe('v40 v80 a85');
});

test('the first packet of a window is not waited for at rest', () => {
  const { read } = setUp();
  expect(read(1000)).toBe(0);
});

test('a key frame that came during a rest does not wait for a window of its own', () => {
  const { read, sink } = setUp();
  read(1000, inter(40));
  expect(read(1051, inter(80), key(120), inter(160))).toBe(0);
  expect([sink.take(), sink.writes]).toEqual(['v40 v80 K120 v160', 3]);
});

test('a rest that ends early lets the window go on', () => {
  const { read, sink } = setUp();
  read(1000, inter(40));
  expect(read(1020, inter(80))).toBe(30);
  expect(sink.take()).toBe('');
  read(1050);
  expect(sink.take()).toBe('v40 v80');
});

test('where little is left, the window ends by itself', () => {
  vi.useFakeTimers();
  try {
    const { read, sink } = setUp();
    read(1000, inter(40));
    expect(read(1047, inter(80))).toBe(0);
    vi.advanceTimersByTime(4);
    expect(sink.take()).toBe('v40 v80');
  } finally {
    vi.useRealTimers();
  }
});

test('a reader inside the server is waited for as long as it has patience', () => {
  const { stream, read } = setUp(0);
  const reader = { packet: () => undefined, patience: 80 };
  expect(read(1000, inter(40))).toBe(0);
  const leave = stream.tap(reader);
  expect(read(1100, inter(80))).toBe(0);
  leave();
  const { stream: other, send } = setUpStream();
  send(vHeader(), key(0));
  const untap = other.tap(reader);
  expect(other.endOfRead(100, true)).toBe(80);
  const untapHasty = other.tap({ packet: () => undefined });
  expect(other.endOfRead(200, true)).toBe(0);
  untapHasty();
  expect(other.endOfRead(300, true)).toBe(80);
  untap();
});

test('connections read on when their rest is over, and are heard after that', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
  try {
    const said: string[] = [];
    const resting = (name: string) => ({
      readOn: () => said.push(`${name} reads`),
      heard: () => said.push(`${name} is heard`),
    });
    rest(resting('short'), 1000, 19.2);
    rest(resting('one'), 1000, 80);
    rest(resting('other'), 1003, 80);
    vi.advanceTimersByTime(19);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(said).toEqual(['short reads', 'short is heard']);
    said.length = 0;
    vi.advanceTimersByTime(60);
    expect(said).toEqual(['one reads', 'other reads', 'one is heard', 'other is heard']);
  } finally {
    vi.useRealTimers();
  }
});
