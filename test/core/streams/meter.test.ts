import { describe, expect, test } from 'vitest';
import { Traffic } from '../../../src/core/applications/traffic.ts';
import { Meter, noCounters } from '../../../src/core/streams/meter.ts';
import { Visitors } from '../../../src/core/streams/visitors.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { aHeader, audio, inter, key, setUpStream, vHeader } from '../fixtures.ts';

const totals = (bytesIn: number, videoPackets = 0) => ({
  ...noCounters(),
  bytesIn,
  bytesOut: 0,
  videoPackets,
});

describe('a meter', () => {
  test('gives averages from its first moment on, and later those of ten seconds', () => {
    const meter = new Meter(totals(0), 0);
    expect(meter.rates(totals(0), 0)).toEqual({ in: 0, out: 0, audio: 0, video: 0, frameRate: 0 });
    expect(meter.rates(totals(100, 5), 200)).toMatchObject({ in: 4000, frameRate: 25 });
    for (let second = 1; second <= 60; second += 1) {
      // 1000 bytes and 25 frames a second, from the 31st on twice as much.
      const bytes = second * 1000 + Math.max(second - 30, 0) * 1000;
      meter.sample(totals(bytes, second * 25), second * 1000);
      const { in: rate, frameRate } = meter.rates(totals(bytes, second * 25), second * 1000);
      expect(frameRate).toBeCloseTo(25);
      if (second <= 30) expect(rate).toBe(8000);
      if (second >= 42) expect(rate).toBe(16_000);
    }
  });

  test('shows that nothing comes any more', () => {
    const meter = new Meter(totals(0), 0);
    for (let second = 1; second <= 12; second += 1) meter.sample(totals(5000), second * 1000);
    expect(meter.rates(totals(5000), 12_000).in).toBe(0);
  });

  test('is not misled by a pause of whoever calls it', () => {
    const meter = new Meter(totals(0), 0);
    meter.sample(totals(1000), 1000);
    expect(meter.rates(totals(61_000), 61_000).in).toBe(8000);
  });
});

test('a stream is measured: frames without headers, key frames, the gap between its tracks', () => {
  const { stream, send, join } = setUpStream();
  const { sink } = join();
  send(vHeader(), aHeader(), key(0), audio(20), inter(40), key(2000), vHeader(), inter(2040), audio(1900));
  expect(stream.counters).toMatchObject({ videoPackets: 4, audioPackets: 2, keyFrames: 2 });
  expect(stream.keyInterval).toBe(2000);
  expect(stream.timeline.gap).toBe(-140);
  expect(stream.bytesOut).toBe(sink.text.length);
  expect(stream.rates(performance.now() + 1000).video).toBeGreaterThan(0);
  const before = stream.bytesOut;
  const other = join();
  stream.leave(other.format, other.seat);
  expect(stream.bytesOut).toBe(before + other.sink.text.length);
});

test('what slow players miss is counted, also after they have gone', () => {
  const { stream, send, join } = setUpStream();
  send(vHeader(), key(0));
  const { sink, seat, format } = join(undefined, { bytes: 10, stall: 1000 });
  sink.stuck = true;
  send(inter(40), inter(80), inter(120), inter(160), inter(200), inter(240));
  expect(seat.skips).toBe(1);
  expect(seat.skippedPackets).toBe(3);
  expect(stream.feeds.skippedPackets).toBe(seat.skippedPackets);
  stream.leave(format, seat);
  expect(stream.feeds.skippedPackets).toBe(seat.skippedPackets);
});

test('facts of codecs without headers come from the first bytes', () => {
  const { stream, send } = setUpStream();
  send([VIDEO, 0, Buffer.from('12000000', 'hex')], [AUDIO, 0, Buffer.from('2f00', 'hex')]);
  expect(stream.facts).toMatchObject({
    video: { codec: 'Sorenson-H263', width: 0 },
    audio: { codec: 'MP3', channels: 2, sampleRate: 44_100 },
  });
  const nothing = setUpStream();
  expect(nothing.stream.facts).toEqual({ video: null, audio: null });
});

test('visitors count until they have not come for half a minute', () => {
  const visitors = new Visitors();
  visitors.saw('a', 0);
  visitors.saw('b', 10_000);
  visitors.saw('a', 20_000);
  expect(visitors.count(30_000)).toBe(2);
  expect(visitors.count(45_000)).toBe(1);
  expect(visitors.count(60_000)).toBe(0);
  visitors.saw('a', 61_000);
  expect([visitors.count(61_000), visitors.total]).toEqual([1, 3]);
});

test('visitors beyond any measure fill no memory', () => {
  const visitors = new Visitors();
  for (let i = 0; i < 100_100; i += 1) visitors.saw(`${i} ${'x'.repeat(300)}`, 0);
  expect(visitors.count(0)).toBe(100_000);
});

test('traffic adds up what open connections moved and what closed ones had', () => {
  const traffic = new Traffic();
  const one = { protocol: 'rtmp' as const, bytesIn: 10, bytesOut: 1 };
  const other = { protocol: 'http-flv' as const, bytesIn: 5, bytesOut: 100 };
  const end = traffic.add(one);
  traffic.add(other);
  expect(traffic.sum()).toEqual({ accepted: 2, open: 2, bytesIn: 15, bytesOut: 101 });
  one.bytesIn = 30;
  end();
  end();
  one.bytesIn = 1000;
  expect(traffic.sum()).toEqual({ accepted: 2, open: 1, bytesIn: 35, bytesOut: 101 });
  expect(traffic.byProtocol().get('rtmp')).toEqual({ accepted: 1, open: 0, bytesIn: 30, bytesOut: 1 });
});
