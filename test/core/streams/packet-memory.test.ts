import { describe, expect, test } from 'vitest';
import type { Framing } from '../../../src/core/streams/framing.ts';
import { type MediaPacket, VIDEO } from '../../../src/media/packet.ts';
import { flvFormat } from '../../../src/wire/flv/format.ts';
import { aHeader, audio, FakeSink, setUpStream, vHeader } from '../fixtures.ts';

const GROUPS = 12;
const FRAMES = 20;

/** A picture that says in all its bytes which it is. */
function picture(stream: number, group: number, frame: number): Buffer {
  const size = frame === 0 ? 90_000 + 7000 * (group % 5) : 9000;
  const body = Buffer.alloc(size, (stream * 97 + group * 31 + frame) & 0xff);
  body.set([frame === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
  return body;
}

const timeOf = (group: number, frame: number): number => (group * FRAMES + frame) * 40;

/** Has several streams send groups in turn; `between` runs after each frame. */
function run(
  streams: readonly ReturnType<typeof setUpStream>[],
  between: (group: number, frame: number) => void = () => undefined,
): void {
  // What comes is on loan: it is written over as soon as it has been handed on.
  const loan = Buffer.alloc(200_000);
  for (let group = 0; group < GROUPS; group++) {
    for (let frame = 0; frame < FRAMES; frame++) {
      for (const [index, { send }] of streams.entries()) {
        const body = picture(index, group, frame);
        body.copy(loan);
        send([VIDEO, timeOf(group, frame), loan.subarray(0, body.length)]);
        loan.fill(0xdd, 0, body.length);
      }
      between(group, frame);
    }
  }
}

function started(count: number): ReturnType<typeof setUpStream>[] {
  return Array.from({ length: count }, () => {
    const set = setUpStream();
    set.send(vHeader(), aHeader(), audio(0));
    return set;
  });
}

/** Which of the packets are not what was sent. */
function wrong(packets: readonly MediaPacket[], stream: number): MediaPacket[] {
  return packets.filter(({ kind, config, time, body }) => {
    if (kind !== VIDEO || config) return false;
    const number = Math.round(time / 40);
    return !picture(stream, Math.floor(number / FRAMES), number % FRAMES).equals(body);
  });
}

describe('the memory of packets', () => {
  test('is used again where nobody can have kept any: the cached group stays what it is', () => {
    const streams = started(4);
    const memory = new Set<ArrayBufferLike>();
    run(streams, () => {
      for (const [index, { stream }] of streams.entries()) {
        expect(wrong(stream.cached, index)).toEqual([]);
        for (const { body } of stream.cached) memory.add(body.buffer);
      }
    });
    // A group takes three pieces, and the next begins before it is over.
    expect(memory.size).toBeLessThanOrEqual(6 * streams.length);
  });

  test('is not used again while readers may keep packets, whenever they come and go', () => {
    const streams = started(4);
    const kept: MediaPacket[][] = streams.map(() => []);
    const undo: (() => void)[] = [];
    run(streams, (group, frame) => {
      for (const [index, { stream }] of streams.entries()) {
        if ((group * FRAMES + frame) % 53 === 11 * index) {
          undo[index] = stream.tap({ packet: (packet) => void kept[index]!.push(packet) });
        } else if ((group * FRAMES + frame) % 53 === 11 * index + 7) undo[index]?.();
      }
    });
    for (const [index, packets] of kept.entries()) {
      expect(packets.length).toBeGreaterThan(20);
      expect(wrong(packets, index)).toEqual([]);
    }
  });

  test('is used again under readers that keep nothing', () => {
    const streams = started(2);
    const memory = new Set<ArrayBufferLike>();
    for (const [index, { stream }] of streams.entries()) {
      stream.tap({
        keeps: false,
        packet: (packet) => {
          expect(wrong([packet], index)).toEqual([]);
          if (packet.kind === VIDEO && !packet.config) memory.add(packet.body.buffer);
        },
      });
    }
    run(streams);
    expect(memory.size).toBeLessThanOrEqual(6 * streams.length);
  });

  test('of streams that are watched is used again once it was packed', () => {
    const streams = started(2);
    const framing: Framing = 'plain';
    const sinks = streams.map(({ stream, live }, index) => {
      live.settings = { ...live.settings, out_merge: index === 0 ? 0 : 200 };
      const sink = new FakeSink();
      stream.join(flvFormat(), sink, framing, { bytes: 1e9, stall: 1000 });
      return sink;
    });
    run(streams);
    for (const [index, { stream }] of streams.entries()) {
      for (const feed of stream.feeds) feed.flush();
      const bytes = Buffer.from(sinks[index]!.text, 'latin1');
      let at = 0;
      for (let group = 0; group < GROUPS; group++) {
        for (let frame = 0; frame < FRAMES; frame++) {
          at = bytes.indexOf(picture(index, group, frame), at);
          expect(at).toBeGreaterThan(0);
        }
      }
    }
  });
});
