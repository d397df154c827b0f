import { expect } from 'vitest';
import { crc32 } from '../../../src/wire/mpegts/crc.ts';
import { AUDIO_PID, PACKET, PMT_PID, VIDEO_PID } from '../../../src/wire/mpegts/tables.ts';

interface Pes {
  readonly pid: number;
  readonly pts: number;
  readonly dts: number;
  /** The length field. */
  readonly length: number;
  readonly payload: Buffer;
}

export interface TransportStream {
  readonly pes: readonly Pes[];
  readonly clocks: readonly { readonly pid: number; readonly time: number }[];
  /** Version and program map of the last PMT. */
  readonly version: number;
  readonly streams: ReadonlyMap<number, number>;
  readonly clockPid: number;
}

/** Takes a transport stream apart, failing where a packet, section, counter or PES header is wrong. */
export function readTransportStream(bytes: Buffer): TransportStream {
  expect(bytes.length % PACKET).toBe(0);
  const counters = new Map<number, number>();
  const open = new Map<number, Buffer[]>();
  const pes: Pes[] = [];
  const order: { pid: number; parts: Buffer[] }[] = [];
  const clocks: { pid: number; time: number }[] = [];
  let version = -1;
  let clockPid = -1;
  const streams = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += PACKET) {
    expect(bytes[at]).toBe(0x47);
    const start = (bytes[at + 1]! & 0x40) !== 0;
    const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
    const control = bytes[at + 3]! >> 4;
    expect([1, 2, 3]).toContain(control);
    const counter = bytes[at + 3]! & 15;
    const before = counters.get(pid);
    if (before !== undefined) expect(counter).toBe((control & 1) === 1 ? (before + 1) & 15 : before);
    counters.set(pid, counter);
    let payload = at + 4;
    if ((control & 2) !== 0) {
      const length = bytes[at + 4]!;
      payload += 1 + length;
      expect(length).toBeLessThanOrEqual(183);
      if (control === 2) expect(length).toBe(183);
      const flags = length > 0 ? bytes[at + 5]! : 0;
      let used = length > 0 ? 1 : 0;
      if ((flags & 0x10) !== 0) {
        clocks.push({ pid, time: bytes.readUInt32BE(at + 6) * 2 + (bytes[at + 10]! >> 7) });
        expect(bytes[at + 10]! & 0x7e).toBe(0x7e);
        used += 6;
      }
      expect(used).toBeLessThanOrEqual(length);
      expect(stuffed(bytes.subarray(at + 5 + used, payload))).toBe(true);
    }
    if ((control & 1) === 0) continue;
    const data = bytes.subarray(payload, at + PACKET);
    expect(data.length).toBeGreaterThan(0);
    if (pid === 0 || pid === PMT_PID) {
      const section = data.subarray(1 + data[0]!);
      const length = (section.readUInt16BE(1) & 0xfff) + 3;
      expect(crc32(section, 0, length)).toBe(0);
      expect(stuffed(section.subarray(length))).toBe(true);
      if (pid === 0) expect(section.readUInt16BE(10) & 0x1fff).toBe(PMT_PID);
      else {
        version = (section[5]! >> 1) & 31;
        clockPid = section.readUInt16BE(8) & 0x1fff;
        streams.clear();
        for (let i = 12; i + 5 <= length - 4; i += 5) {
          streams.set(section.readUInt16BE(i + 1) & 0x1fff, section[i]!);
        }
      }
      continue;
    }
    expect(streams.has(pid)).toBe(true);
    if (start) {
      const parts: Buffer[] = [];
      open.set(pid, parts);
      order.push({ pid, parts });
    }
    const parts = open.get(pid);
    expect(parts).toBeDefined();
    parts!.push(data);
  }
  for (const { pid, parts } of order) pes.push(readPes(pid, Buffer.concat(parts)));
  return { pes, clocks, version, streams, clockPid };
}

function stuffed(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0xff);
}

function readPes(pid: number, bytes: Buffer): Pes {
  expect(bytes.readUIntBE(0, 3)).toBe(1);
  expect(bytes[3]).toBe(pid === VIDEO_PID ? 0xe0 : 0xc0);
  const length = bytes.readUInt16BE(4);
  if (length !== 0) expect(bytes.length).toBe(length + 6);
  const head = 9 + bytes[8]!;
  const pts = readTime(bytes, 9, bytes[7]! >> 6);
  const dts = (bytes[7]! & 0x40) !== 0 ? readTime(bytes, 14, 1) : pts;
  return { pid, pts, dts, length, payload: bytes.subarray(head) };
}

function readTime(bytes: Buffer, at: number, mark: number): number {
  expect(bytes[at]! >> 4).toBe(mark);
  expect([bytes[at]! & 1, bytes[at + 2]! & 1, bytes[at + 4]! & 1]).toEqual([1, 1, 1]);
  const high = (bytes[at]! >> 1) & 7;
  const low =
    (bytes[at + 1]! << 22) | ((bytes[at + 2]! >> 1) << 15) | (bytes[at + 3]! << 7) | (bytes[at + 4]! >> 1);
  return high * 2 ** 30 + low;
}

/** Checks a whole transport stream: tables first, one clock that only goes forward and never passes a decoding time. */
export function checkTransportStream(bytes: Buffer): TransportStream {
  expect(bytes.readUInt16BE(1) & 0x1fff).toBe(0);
  expect(bytes.readUInt16BE(PACKET + 1) & 0x1fff).toBe(PMT_PID);
  const stream = readTransportStream(bytes);
  const last = stream.clocks.at(-1);
  expect(last).toBeDefined();
  stream.clocks.forEach((clock, i) => {
    if (i > 0) expect(clock.time).toBeGreaterThan(stream.clocks[i - 1]!.time);
  });
  for (const pid of stream.streams.keys()) expect([VIDEO_PID, AUDIO_PID]).toContain(pid);
  return stream;
}
