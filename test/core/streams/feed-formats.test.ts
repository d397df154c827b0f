import { describe, expect, test } from 'vitest';
import type { Sink } from '../../../src/core/connections/sink.ts';
import { Feed, type FeedSource } from '../../../src/core/streams/feed.ts';
import type { Framing } from '../../../src/core/streams/framing.ts';
import { Seat } from '../../../src/core/streams/seat.ts';
import type { Format } from '../../../src/media/format.ts';
import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from '../../../src/media/packet.ts';
import { flvFormat, flvHeader } from '../../../src/wire/flv/format.ts';
import { rtmpFormat } from '../../../src/wire/rtmp/format.ts';

class Collected implements Sink {
  written: Buffer[] = [];
  backlog = 0;
  sent = 0;

  write(bytes: Buffer): void {
    this.written.push(Buffer.from(bytes));
  }

  writeAll(buffers: readonly Buffer[]): void {
    for (const buffer of buffers) this.write(buffer);
  }

  abort(): void {
    throw new Error('cut off');
  }

  lend(): null {
    return null;
  }

  unfinished(): void {
    throw new Error('it was never lent');
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.written);
    this.written = [];
    return bytes;
  }
}

function packet(kind: Kind, time: number, key = false): MediaPacket {
  return { kind, time, key, config: false, body: Buffer.from(key ? '17010000' : '2701', 'hex') };
}

function setUp(format: Format, framing: Framing) {
  const opening: Opening = { version: 1, metadata: null, headers: [], hasAudio: true, hasVideo: true };
  const source = {
    opening,
    settled: true,
    cached: [] as MediaPacket[],
    early: [],
    waitKey: true,
    waitVideo: false,
  } satisfies FeedSource;
  const feed = new Feed(format, source, { delay: () => 0, patience: () => 0, flushed: () => undefined });
  const sink = new Collected();
  feed.join(new Seat(sink, framing, { bytes: 100, stall: 1000 }, true));
  const send = (entry: boolean, ...packets: MediaPacket[]): void => {
    for (const one of packets) feed.push(one, entry, 0);
    feed.endOfRead(0);
  };
  return { source, feed, sink, send };
}

describe('a batch with nothing for its players', () => {
  test.each<Framing>(['plain', 'chunked'])('is not written, but players enter with it (%s)', (framing) => {
    const format = rtmpFormat(4096, 'audio');
    const { sink, send } = setUp(format, framing);
    send(true, packet(VIDEO, 0, true));
    expect(sink.written).toEqual([]);
    const audio = packet(AUDIO, 10);
    send(false, audio);
    const bytes = format.muxer().encode([audio], 0, 0);
    const written = sink.take();
    if (framing === 'plain') expect(written).toEqual(bytes);
    else expect(written.toString('latin1')).toBe(`0000000e\r\n${bytes.toString('latin1')}\r\n`);
    send(false, packet(VIDEO, 20));
    expect(sink.written).toEqual([]);
  });

  test('in the cached group is left out for players that join', () => {
    const format = rtmpFormat(4096, 'audio');
    const { source, feed, send } = setUp(format, 'chunked');
    source.cached = [packet(VIDEO, 0, true)];
    send(true, packet(VIDEO, 0, true));
    send(false, packet(AUDIO, 10));
    const late = new Collected();
    feed.join(new Seat(late, 'chunked', { bytes: 100, stall: 1000 }, true));
    expect(late.written).toHaveLength(1);
  });
});

test('a player that missed a change of the opening gets it without the file header', () => {
  const { source, sink, send } = setUp(flvFormat(), 'plain');
  send(true, packet(VIDEO, 0, true));
  expect(sink.take().subarray(0, 13)).toEqual(flvHeader(true, true));
  sink.backlog = 101;
  send(false, packet(VIDEO, 40));
  const header: MediaPacket = { ...packet(VIDEO, 40), config: true, body: Buffer.from('1700', 'hex') };
  source.opening = { ...source.opening, version: 2, headers: [header] };
  sink.backlog = 0;
  const key = packet(VIDEO, 80, true);
  send(true, key);
  const muxer = flvFormat().muxer();
  expect(sink.take()).toEqual(muxer.encode([{ ...header, time: 80 }, key], 0, 0));
});
