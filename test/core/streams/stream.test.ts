import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MediaPacket } from '../../../src/media/packet.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { aHeader, audio, data, inter, key, setUpStream, textFormat, vHeader } from '../fixtures.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('a player that was there before the publisher', () => {
  test.each([
    ['each message in a read of its own', 'send'],
    ['all in one read', 'sendTogether'],
  ] as const)('gets every part of the opening once, then the first key frame: %s', (_, how) => {
    const set = setUpStream();
    const { sink } = set.join();
    set.stream.describe(Buffer.from('meta'), 0);
    set[how](vHeader(), aHeader(), key(0), audio(5), inter(40));
    expect(sink.take()).toBe('<mmeta hV1 hA1> K0 a5 v40');
  });

  test('gets no frame before a key frame', () => {
    const set = setUpStream();
    const { sink } = set.join();
    set.send(vHeader(), inter(0), audio(10), aHeader(), inter(40), key(80), audio(90));
    expect(sink.take()).toBe('<hV1 hA1> K80 a90');
  });

  test('with wait_key off begins with any frame', () => {
    const set = setUpStream({ wait_key: false });
    const { sink } = set.join();
    set.send(vHeader(), audio(0), inter(40));
    expect(sink.take()).toBe('<hV1> a0 v40');
  });

  test('with wait_video on gets no audio before a frame', () => {
    const set = setUpStream({ wait_key: false, wait_video: true, out_merge: 50 });
    const { sink } = set.join();
    set.sendTogether(vHeader(), audio(0), inter(40), audio(50));
    vi.advanceTimersByTime(100);
    expect(sink.take()).toBe('<hV1> v40 a50');
  });

  test('of audio alone begins with the first frame', () => {
    const set = setUpStream({ wait_video: true });
    const { sink } = set.join();
    set.send(aHeader(), audio(0), audio(23));
    expect(sink.take()).toBe('<hA1> a0 a23');
  });

  test('whose format states the tracks waits until they are known, and misses nothing', () => {
    const set = setUpStream({ gop_cache: false });
    const { sink } = set.join(textFormat(true));
    set.send(vHeader(), key(0), inter(40));
    expect(sink.take()).toBe('');
    set.send(aHeader(), audio(41), inter(80));
    expect(sink.take()).toBe('<AV:hV1 hA1> K0 v40 a41 v80');
    expect(set.stream.cached).toEqual([]);
  });

  test('whose format states the tracks waits 300 ms for a second one', () => {
    const set = setUpStream();
    const { sink } = set.join(textFormat(true));
    set.send(vHeader(), key(0), inter(40));
    vi.advanceTimersByTime(299);
    expect(sink.take()).toBe('');
    vi.advanceTimersByTime(1);
    expect(sink.take()).toBe('<V:hV1> K0 v40');
  });

  test('whose format states the tracks misses nothing of a single one that comes faster than it plays', () => {
    const set = setUpStream();
    const { sink } = set.join(textFormat(true));
    set.send(vHeader(), key(0), inter(40), key(1000), inter(1040), key(2000));
    vi.advanceTimersByTime(300);
    expect(sink.take()).toBe('<V:hV1> K0 v40 K1000 v1040 K2000');
    set.send(inter(2040), key(3000));
    expect(sink.take()).toBe('v2040 K3000');
    expect(set.join(textFormat(true)).sink.take()).toBe('<V:hV1> K3000');
    const sound = setUpStream({ gop_cache: false });
    const listener = sound.join(textFormat(true)).sink;
    sound.send(aHeader(), audio(0), audio(23), audio(46));
    vi.advanceTimersByTime(300);
    expect(listener.take()).toBe('<A:hA1> a0 a23 a46');
    sound.send(audio(70));
    expect(listener.take()).toBe('a70');
    expect(sound.stream.cached).toEqual([]);
  });

  test('whose format states the tracks gets no sound of before the picture', () => {
    const set = setUpStream();
    const { sink } = set.join(textFormat(true));
    set.send(aHeader(), audio(0), audio(23), vHeader(), inter(40), key(80), audio(90));
    vi.advanceTimersByTime(300);
    expect(sink.take()).toBe('<AV:hV1 hA1> K80 a90');
  });
});

describe('a player that joins in the middle', () => {
  test('gets opening and group at once in one write, then the live edge', () => {
    const set = setUpStream();
    set.stream.describe(Buffer.from('meta'), 0);
    set.send(vHeader(), aHeader(), key(0), inter(40), audio(45), key(1000), inter(1040), audio(1050));
    const { sink } = set.join();
    expect(sink.writes).toBe(1);
    expect(sink.take()).toBe('<mmeta hV1 hA1> K1000 v1040 a1050');
    set.send(inter(1080));
    expect(sink.take()).toBe('v1080');
  });

  test('gets the group that another player of the format has already had packed', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const first = set.join();
    set.send(inter(40), inter(80));
    const second = set.join();
    expect(second.sink.take()).toBe(first.sink.take());
  });

  test('waits for a key frame with gop_cache off', () => {
    const set = setUpStream({ gop_cache: false });
    set.send(vHeader(), aHeader(), key(0), audio(10));
    const { sink } = set.join();
    set.send(inter(40), audio(50), key(80));
    expect(sink.take()).toBe('<hV1 hA1> K80');
  });

  test('does not go back to what it has had on another seat', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0), inter(40), inter(80));
    const { sink } = set.join(textFormat(), { bytes: 1000, stall: 1000 }, 40);
    expect(sink.take()).toBe('');
    set.send(inter(120), key(160));
    expect(sink.take()).toBe('<hV1> K160');
    expect(set.join(textFormat(), { bytes: 1000, stall: 1000 }, 120).sink.take()).toBe('<hV1> K160');
  });

  test('gets audio where the video has stopped for long', () => {
    const set = setUpStream();
    set.send(vHeader(), aHeader(), key(0), audio(0), audio(5000));
    const early = set.join();
    expect(early.sink.take()).toBe('<hV1 hA1> K0 a0 a5000');
    set.send(audio(9000), audio(11_000));
    const { sink } = set.join();
    set.send(audio(11_020));
    expect(sink.take()).toBe('<hV1 hA1> a11020');
    expect(early.sink.take()).toBe('a9000 a11000 a11020');
  });
});

describe('the cached group', () => {
  test('is never cut: over a bound it is emptied until the next key frame', () => {
    const set = setUpStream({ gop_max_frame_count: 3 });
    set.send(vHeader(), key(0), inter(40), inter(80));
    expect(set.stream.cached).toHaveLength(3);
    const before = set.join();
    set.send(inter(120), inter(160));
    expect(set.stream.cached).toEqual([]);
    const { sink } = set.join();
    expect(sink.take()).toBe('');
    set.send(key(200));
    expect(sink.take()).toBe('<hV1> K200');
    expect(before.sink.take()).toBe('<hV1> K0 v40 v80 v120 v160 K200');
    expect(set.stream.cached).toHaveLength(1);
  });

  test.each([
    ['video', { gop_max_video_count: 2 }, [inter(40), inter(80)]],
    ['audio', { gop_max_audio_count: 1 }, [audio(40), audio(80)]],
    ['bytes', { gop_max_size: 40 }, [inter(40, 40)]],
  ])('is bounded in %s', (_, bounds, messages) => {
    const set = setUpStream(bounds);
    set.send(vHeader(), key(0));
    expect(set.stream.cached).toHaveLength(1);
    set.send(...messages);
    expect(set.stream.cached).toEqual([]);
  });

  test('follows a reload: off within a sweep, on from the next key frame', () => {
    const set = setUpStream();
    set.send(vHeader(), aHeader(), key(0), audio(0));
    set.live.settings = { ...set.live.settings, gop_cache: false };
    set.stream.sweep(0);
    expect(set.stream.cached).toEqual([]);
    set.live.settings = { ...set.live.settings, gop_cache: true };
    set.send(inter(40));
    expect(set.stream.cached).toEqual([]);
    set.send(key(80));
    expect(set.join().sink.take()).toBe('<hV1 hA1> K80');
  });

  test('is dropped where the decoder changes', () => {
    const set = setUpStream();
    set.send(vHeader('V1'), key(0), vHeader('V2'));
    expect(set.stream.cached).toEqual([]);
    const { sink } = set.join();
    set.send(inter(40), key(80));
    expect(sink.take()).toBe('<hV2> K80');
  });
});

describe('a player that cannot keep up', () => {
  test('is skipped to a key frame once it has drained, and its skips are counted', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink, seat } = set.join(textFormat(), { bytes: 8, stall: 1000 });
    sink.stuck = true;
    set.send(inter(40), inter(80), inter(120), inter(160));
    expect(sink.take()).toBe('<hV1> K0 v40 v80 v120');
    set.send(key(200));
    expect(sink.take()).toBe('');
    sink.drain();
    set.send(inter(240), audio(241), key(280), inter(320));
    expect(sink.take()).toBe('K280 v320');
    expect(seat.skips).toBe(1);
    expect(seat.skippedBytes).toBeGreaterThan(0);
  });

  test('gets a header that changed meanwhile before the key frame', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink } = set.join(textFormat(), { bytes: 4, stall: 1000 });
    sink.stuck = true;
    set.send(inter(40), inter(80));
    sink.take();
    set.send(vHeader('V2'));
    sink.drain();
    set.send(key(120), inter(160));
    expect(sink.take()).toBe('(hV2> K120 v160');
  });

  test('gets a header whose own write was skipped, though what was pending before it was not', () => {
    const set = setUpStream({ out_merge: 50 });
    set.send(vHeader(), key(0));
    const { sink } = set.join(textFormat(), { bytes: 3, stall: 1000 });
    sink.take();
    sink.stuck = true;
    set.sendTogether(inter(40), vHeader('V2'));
    vi.advanceTimersByTime(100);
    expect(sink.take()).toBe('v40');
    sink.drain();
    set.send(key(120));
    vi.advanceTimersByTime(100);
    expect(sink.take()).toBe('(hV2> K120');
  });

  test('has the cached group it began with on top of its patience', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0), inter(40), inter(80), inter(120));
    const sink = set.join(textFormat(), { bytes: 8, stall: 1000 }).sink;
    sink.backlog = 20;
    set.send(inter(160));
    expect(sink.take()).toBe('<hV1> K0 v40 v80 v120 v160');
    sink.backlog = 8;
    set.send(inter(200));
    sink.backlog = 20;
    sink.take();
    set.send(inter(240));
    expect(sink.take()).toBe('');
  });

  test('is cut off where it takes nothing for longer than its patience', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink } = set.join(textFormat(), { bytes: 1000, stall: 1000 });
    sink.stuck = true;
    set.send(inter(40));
    set.stream.sweep(1000);
    sink.sent += 1;
    set.stream.sweep(1900);
    set.stream.sweep(2900);
    expect(sink.aborted).toBeUndefined();
    set.stream.sweep(2901);
    expect(sink.aborted).toBe('the player stopped reading');
  });
});

describe('headers', () => {
  test('that change go to players on the spot, and again with every later join', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink } = set.join();
    sink.take();
    set.send(vHeader('V2'), key(40));
    expect(sink.take()).toBe('hV2 K40');
    expect(set.join().sink.take()).toBe('<hV2> K40');
  });

  test('that are repeated go on as they came, and drop no group', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink } = set.join();
    sink.take();
    set.send(vHeader(), inter(40));
    expect(sink.take()).toBe('hV1 v40');
    expect(set.stream.cached).toHaveLength(2);
  });

  test('that come late are sent, and known to later players', () => {
    const set = setUpStream();
    set.send(vHeader(), key(0));
    const { sink } = set.join();
    set.send(aHeader(), audio(10));
    expect(sink.take()).toBe('<hV1> K0 hA1 a10');
    expect(set.join().sink.take()).toBe('<hV1 hA1> K0 a10');
  });

  test('are kept within bounds, however many tracks a publisher invents', () => {
    const set = setUpStream();
    for (let track = 0; track < 256; track++) {
      const body = Buffer.concat([
        Buffer.from([0x96, 0x00]),
        Buffer.from('hvc1'),
        Buffer.from([track]),
        Buffer.alloc(4000),
      ]);
      set.send([VIDEO, 0, body]);
    }
    expect(set.stream.opening.headers).toHaveLength(32);
    const large = setUpStream();
    large.send([VIDEO, 0, Buffer.concat([Buffer.from('1700', 'hex'), Buffer.alloc(1024 * 1024)])]);
    expect(large.stream.opening.headers).toEqual([]);
  });

  test('kept own their memory', () => {
    const set = setUpStream();
    const slab = Buffer.from('\x17\x00slab', 'latin1');
    set.send([VIDEO, 0, slab.subarray(0, 4)]);
    slab.fill(0);
    expect(set.stream.opening.headers[0]!.body.toString('latin1')).toBe('\x17\x00sl');
  });
});

describe('a publisher that comes back', () => {
  const first = [vHeader(), aHeader(), key(0), audio(0), inter(40)] as const;

  test('with the same headers: players go on at a key frame on the same time line, told nothing twice', () => {
    const set = setUpStream();
    set.stream.describe(Buffer.from('meta'), 0);
    set.send(...first);
    const { sink } = set.join();
    sink.take();
    set.stream.end();
    set.stream.begin();
    set.stream.describe(Buffer.from('meta'), 0);
    set.send(vHeader(), aHeader(), inter(9000), key(9040), audio(9045));
    expect(sink.take()).toBe('K120 a125');
  });

  test('with other headers or metadata: players are told before the key frame', () => {
    const set = setUpStream();
    set.stream.describe(Buffer.from('meta'), 0);
    set.send(...first);
    const { sink } = set.join();
    sink.take();
    set.stream.end();
    set.stream.begin();
    set.stream.describe(Buffer.from('other'), 0);
    set.send(vHeader(), aHeader('A2'), key(0), audio(0));
    expect(sink.take()).toBe('(mother hV1 hA2> K80 a80');
  });

  test('a player that joins between its headers misses none', () => {
    const set = setUpStream();
    set.send(...first);
    set.join();
    set.stream.end();
    set.stream.begin();
    set.send(vHeader(), key(0));
    const { sink } = set.join();
    set.send(aHeader(), audio(10));
    expect(sink.take()).toBe('<hV1> K80 hA1 a90');
  });

  test('has its own tracks stated to players that waited', () => {
    const set = setUpStream({ gop_cache: false });
    set.send(...first);
    const { sink } = set.join(textFormat(true));
    set.stream.end();
    set.stream.begin();
    set.send(vHeader(), key(0), inter(40));
    expect(sink.take()).toBe('');
    vi.advanceTimersByTime(300);
    expect(sink.take()).toBe('<V:hV1> K80 v120');
  });

  test('without an end between, as in a takeover', () => {
    const set = setUpStream();
    set.send(...first);
    const { sink } = set.join();
    sink.take();
    const stopped = vi.fn();
    set.stream.listen({ stopped });
    set.stream.begin();
    set.send(vHeader('V9'), key(700));
    expect(sink.take()).toBe('(hV9> K80');
    expect(stopped).not.toHaveBeenCalled();
  });

  test('a player that is behind stays so until its queue has drained', () => {
    const set = setUpStream();
    set.send(...first);
    const { sink } = set.join(textFormat(), { bytes: 4, stall: 1000 });
    sink.stuck = true;
    set.send(inter(80), inter(120));
    sink.take();
    set.stream.end();
    set.stream.begin();
    set.send(vHeader(), aHeader(), key(0));
    expect(sink.take()).toBe('');
    sink.drain();
    set.send(key(40));
    expect(sink.take()).toBe('K200');
  });
});

test('a crowd that comes in while packets gather is not written to with each newcomer', () => {
  const set = setUpStream({ out_merge: 100 });
  set.send(vHeader(), aHeader(), audio(0), key(0));
  const first = set.join();
  set.send(inter(40));
  const { writes } = first.sink;
  const crowd = Array.from({ length: 20 }, () => set.join());
  set.send(inter(80));
  expect(first.sink.writes).toBe(writes);
  for (const feed of set.stream.feeds) feed.flush();
  expect(first.sink.writes).toBe(writes + 1);
  const whole = first.sink.take();
  expect(whole).toMatch(/K0 v40 v80$/);
  for (const { sink } of crowd) expect(sink.take()).toBe(whole);
});

describe('taps', () => {
  function collect(set: ReturnType<typeof setUpStream>) {
    const got: string[] = [];
    const muxer = textFormat().muxer();
    const undo = set.stream.tap({
      packet: (packet: MediaPacket) => void got.push(muxer.encode([packet], 0, 0).toString().trim()),
    });
    return { got, undo };
  }

  test('get the opening and the group, then every packet once, until undone', () => {
    const set = setUpStream();
    set.stream.describe(Buffer.from('meta'), 0);
    set.send(vHeader(), key(0));
    const { got, undo } = collect(set);
    set.send(inter(40), data('cue'), aHeader());
    undo();
    set.send(inter(80));
    expect(got).toEqual(['mmeta', 'hV1', 'K0', 'v40', 'mcue', 'hA1']);
  });

  test('attached as the stream starts get its first packet once', () => {
    const set = setUpStream();
    const got: string[][] = [];
    set.stream.listen({ started: () => void got.push(collect(set).got) });
    set.send(vHeader(), key(0));
    expect(got).toEqual([['hV1', 'K0']]);
  });

  test('that throw are told of and let go; nobody else notices', () => {
    const set = setUpStream();
    const failure = new Error('disk');
    set.stream.tap({
      packet: () => {
        throw failure;
      },
    });
    const { got } = collect(set);
    const { sink } = set.join();
    set.send(vHeader(), key(0), inter(40));
    expect(set.live.errors).toEqual([failure]);
    expect(got).toEqual(['hV1', 'K0', 'v40']);
    expect(sink.take()).toBe('<hV1> K0 v40');
  });
});

test('data goes to players that have begun, in its place', () => {
  const set = setUpStream();
  const waiting = set.join();
  set.send(data('early'), vHeader(), key(0), data('cue'), inter(40));
  expect(waiting.sink.take()).toBe('<hV1> K0 mcue v40');
});

test('metadata that changes under way goes to players once', () => {
  const set = setUpStream();
  set.send(vHeader(), key(0));
  const { sink } = set.join();
  sink.take();
  set.stream.describe(Buffer.from('new'), 0);
  set.stream.describe(Buffer.from('new'), 0);
  set.send(inter(40));
  expect(sink.take()).toBe('mnew v40');
  expect(set.join().sink.take()).toBe('<mnew hV1> K0 v40');
});

test('started and stopped are told once for each publisher that sent media', () => {
  const set = setUpStream();
  const told: string[] = [];
  set.stream.listen({ started: () => told.push('started'), stopped: () => told.push('stopped') });
  set.stream.end();
  set.stream.begin();
  set.send(vHeader(), key(0));
  set.stream.end();
  set.stream.begin();
  set.stream.end();
  expect(told).toEqual(['started', 'stopped']);
});

test('packets gather for as long as the policy says, but never across a key frame', () => {
  const set = setUpStream({ out_merge: 50 });
  const { sink } = set.join();
  set.send(vHeader(), key(0));
  vi.advanceTimersByTime(50);
  sink.take();
  set.send(inter(40), inter(80));
  expect(sink.take()).toBe('');
  set.send(key(120));
  expect(sink.take()).toBe('v40 v80');
  vi.advanceTimersByTime(50);
  expect(sink.take()).toBe('K120');
});

test('players are counted, and the last one takes the feed along', () => {
  const set = setUpStream();
  const a = set.join();
  const b = set.join(textFormat(false, 'other'));
  expect([set.stream.players, set.audience.players]).toEqual([2, 2]);
  set.stream.leave(a.format, a.seat);
  set.stream.leave(a.format, a.seat);
  set.stream.leave(b.format, b.seat);
  expect([set.stream.players, set.audience.players, [...set.stream.feeds].length]).toEqual([0, 0, 0]);
});

test('counts what came', () => {
  const set = setUpStream();
  set.send(key(0), inter(40), audio(41), data('x'));
  expect(set.stream.counters).toMatchObject({
    videoPackets: 2,
    audioPackets: 1,
    keyFrames: 1,
    dataPackets: 1,
  });
  expect(set.stream.counters.bytesIn).toBe(
    set.stream.counters.videoBytes + set.stream.counters.audioBytes + 1,
  );
  expect(set.stream.opening).toMatchObject({ hasAudio: true, hasVideo: true });
});

test('an empty audio message, which means silence, says nothing of the codec', () => {
  const set = setUpStream();
  set.send([AUDIO, 0, Buffer.from('2ffffb9064', 'hex')]);
  const before = set.stream.facts;
  set.send([AUDIO, 20, Buffer.alloc(0)]);
  expect(set.stream.facts).toEqual(before);
  expect(before.audio).not.toBeNull();
});
