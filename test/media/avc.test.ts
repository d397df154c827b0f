import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avcCodecString, readAvcConfig, readAvcSps } from '../../src/media/avc.ts';
import { BitReader, MediaError, unescapeNal } from '../../src/media/bits.ts';
import { AVC_RECORDS } from './records.ts';

/** Bits to bytes, with Exp-Golomb codes. */
class BitWriter {
  readonly #bits: number[] = [];

  put(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i -= 1) this.#bits.push(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  ue(value: number): this {
    const length = (value + 1).toString(2).length;
    return this.put(0, length - 1).put(value + 1, length);
  }

  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** The bytes after a header byte, stop bit and start code protection added. */
  nal(header: number): Buffer {
    const bits = [...this.#bits, 1];
    while (bits.length % 8 !== 0) bits.push(0);
    const out = [header];
    let zeros = 0;
    for (let i = 0; i < bits.length; i += 8) {
      const byte = Number.parseInt(bits.slice(i, i + 8).join(''), 2);
      if (zeros >= 2 && byte <= 3) {
        out.push(3);
        zeros = 0;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      out.push(byte);
    }
    return Buffer.from(out);
  }
}

describe('AVC configuration', () => {
  test.each(AVC_RECORDS)('%s', (_, hex, width, height, fps, interlaced, codec) => {
    const config = readAvcConfig(Buffer.from(hex, 'hex'));
    expect(config.lengthSize).toBe(4);
    expect(config.pps.length).toBe(1);
    expect(avcCodecString(config)).toBe(codec);
    const picture = readAvcSps(config.sps[0]!);
    expect(picture).toMatchObject({ width, height, interlaced });
    expect(picture.fps).toBeCloseTo(fps, 6);
  });

  test.each([0, 1, 2, 3])('NAL length size field %i', (field) => {
    const record = Buffer.from(AVC_RECORDS[0]![1], 'hex');
    record[4] = 0xfc | field;
    expect(readAvcConfig(record).lengthSize).toBe(field + 1);
  });

  test('several parameter sets', () => {
    const record = Buffer.from('01640028ffe2000267aa000267bb020001680002680f', 'hex');
    const { sps, pps } = readAvcConfig(record);
    expect(sps.map((set) => set.toString('hex'))).toEqual(['67aa', '67bb']);
    expect(pps.map((set) => set.toString('hex'))).toEqual(['68', '680f']);
  });

  test('every truncation throws MediaError or leaves out whole optional parts', () => {
    for (const [, hex] of AVC_RECORDS) {
      const record = Buffer.from(hex, 'hex');
      const end = record.length - 4; // profile extensions of High profiles
      const sets = hex.startsWith('0142') ? record.length : end;
      for (let length = 0; length < sets; length += 1) {
        expect(() => readAvcConfig(record.subarray(0, length)), `${hex} at ${length}`).toThrow(MediaError);
      }
    }
  });
});

describe('sequence parameter sets', () => {
  test('scaling lists do not shift what follows', () => {
    const list = (bits: BitWriter, size: number, stopAt: number): void => {
      let last = 8;
      for (let i = 0; i < size; i += 1) {
        if (i === stopAt) {
          bits.se(-last);
          return;
        }
        const delta = i % 2 === 0 ? 3 : -2;
        bits.se(delta);
        last += delta;
      }
    };
    for (const stopAt of [0, 1, 5, 64]) {
      const bits = new BitWriter()
        .put(100, 8)
        .put(0, 8)
        .put(40, 8)
        .ue(0)
        .ue(1)
        .ue(0)
        .ue(0)
        .put(0, 1)
        .put(1, 1);
      for (let i = 0; i < 8; i += 1) {
        if (i % 3 === 1) bits.put(0, 1);
        else list(bits.put(1, 1), i < 6 ? 16 : 64, stopAt);
      }
      bits.ue(0).ue(2).ue(4).put(0, 1).ue(79).ue(44).put(1, 1).put(1, 1).put(0, 1).put(0, 1);
      expect(readAvcSps(bits.nal(0x67))).toMatchObject({ width: 1280, height: 720, fps: null });
    }
  });

  test('picture order by type 1', () => {
    const bits = new BitWriter().put(66, 8).put(0, 8).put(30, 8).ue(0).ue(0);
    bits.ue(1).put(0, 1).se(-4).se(5).ue(3).se(1).se(-1).se(2);
    bits.ue(1).put(0, 1).ue(19).ue(14).put(1, 1).put(1, 1).put(0, 1).put(0, 1);
    expect(readAvcSps(bits.nal(0x67))).toMatchObject({ width: 320, height: 240 });
  });

  test('any size and cropping', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.tuple(fc.nat(3), fc.nat(3), fc.nat(1), fc.nat(1)),
        fc.boolean(),
        (columns, rows, [left, right, top, bottom], framesOnly) => {
          const bits = new BitWriter().put(77, 8).put(0, 8).put(51, 8).ue(0).ue(0).ue(2).ue(1).put(0, 1);
          bits
            .ue(columns - 1)
            .ue(rows - 1)
            .put(framesOnly ? 1 : 0, 1);
          if (!framesOnly) bits.put(0, 1);
          bits.put(1, 1).put(1, 1).ue(left).ue(right).ue(top).ue(bottom).put(0, 1);
          const fields = framesOnly ? 1 : 2;
          const width = columns * 16 - 2 * (left + right);
          const height = rows * 16 * fields - 2 * fields * (top + bottom);
          expect(readAvcSps(bits.nal(0x67))).toMatchObject({ width, height, interlaced: !framesOnly });
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  test('rubbish gives MediaError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [
          () => readAvcSps(Buffer.concat([Buffer.from([0x67]), bytes])),
          () => readAvcConfig(Buffer.concat([Buffer.from([1]), bytes])),
        ]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(MediaError);
          }
        }
      }),
      { seed: 8, numRuns: 3000 },
    );
  });
});

describe('bits', () => {
  test('numbers of every width at every offset', () => {
    const value = 0x123456789abc;
    for (let offset = 0; offset < 8; offset += 1) {
      const nal = new BitWriter().put(0, offset).put(value, 48).nal(0);
      const bits = new BitReader(unescapeNal(nal.subarray(1)));
      bits.skip(offset);
      expect(bits.bits(48)).toBe(value);
    }
  });

  test('Exp-Golomb codes', () => {
    for (const code of [0, 1, 2, 7, 254, 65_535, 2 ** 31]) {
      expect(new BitReader(unescapeNal(new BitWriter().ue(code).nal(0).subarray(1))).ue()).toBe(code);
    }
    for (const code of [0, 1, -1, 5, -300]) {
      expect(new BitReader(unescapeNal(new BitWriter().se(code).nal(0).subarray(1))).se()).toBe(code);
    }
    expect(() => new BitReader(new Uint8Array(20)).ue()).toThrow(MediaError);
  });

  test('reading past the end', () => {
    expect(() => new BitReader(new Uint8Array(1)).bits(9)).toThrow(MediaError);
    expect(() => new BitReader(new Uint8Array(1)).skip(9)).toThrow(MediaError);
    expect(() => new BitReader(new Uint8Array(0)).bit()).toThrow(MediaError);
  });

  test('emulation prevention', () => {
    const cases: readonly [string, string][] = [
      ['000003', '0000'],
      ['00000301', '000001'],
      ['0000030000030000', '000000000000'],
      ['00000000', '00000000'],
      ['0003', '0003'],
    ];
    for (const [escaped, plain] of cases) {
      expect(Buffer.from(unescapeNal(Buffer.from(escaped, 'hex'))).toString('hex')).toBe(plain);
    }
  });
});
