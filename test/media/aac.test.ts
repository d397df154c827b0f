import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aacCodecString, aacRateIndex, readAacConfig, writeAdtsHeader } from '../../src/media/aac.ts';
import { MediaError } from '../../src/media/bits.ts';
import { readMp3Header } from '../../src/media/mp3.ts';
import { AAC_CONFIGS, AAC_LC } from './records.ts';

describe('AudioSpecificConfig', () => {
  test.each(AAC_CONFIGS)('%s', (_, hex, differs, codec) => {
    const config = readAacConfig(Buffer.from(hex, 'hex'));
    expect(config).toEqual({ ...AAC_LC, ...differs });
    expect(aacCodecString(config)).toBe(codec);
  });

  test('an object type beyond 31', () => {
    // 11111, 001010: 32 + 10; rate index 4; channels 2
    expect(readAacConfig(Buffer.from([0b11111_001, 0b010_0100_0, 0b010_00000])).objectType).toBe(42);
  });

  test.each(['', '12', '1f', 'f8', '1680', '16ff'])('cut short or reserved: %s', (hex) => {
    expect(() => readAacConfig(Buffer.from(hex, 'hex'))).toThrow(MediaError);
  });

  test('rubbish gives MediaError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const config = readAacConfig(bytes);
          writeAdtsHeader(Buffer.alloc(7), 0, config, 100);
          expect(config.sampleRate).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }),
      { seed: 9, numRuns: 3000 },
    );
  });
});

describe('ADTS headers', () => {
  test.each([
    [AAC_LC, 0, 'fff15080' + '00fffc'],
    [AAC_LC, 100, 'fff150800d7ffc'],
    [AAC_LC, 8184, 'fff15083fffffc'],
    [{ ...AAC_LC, sampleRate: 22_050, sbr: true }, 1, 'fff15c80011ffc'],
    [{ ...AAC_LC, channelConfiguration: 7, channels: 8 }, 1, 'fff151c0011ffc'],
    [{ ...AAC_LC, channelConfiguration: 0, channels: 6 }, 1, 'fff15180011ffc'],
    [{ ...AAC_LC, objectType: 1 }, 1, 'fff11080011ffc'],
    [{ ...AAC_LC, objectType: 23 }, 1, 'fff15080011ffc'],
  ] as const)('%o of %i bytes', (config, size, hex) => {
    const target = Buffer.alloc(9, 0xee);
    writeAdtsHeader(target, 1, config, size);
    expect(target.toString('hex')).toBe(`ee${hex}ee`);
  });

  test.each([
    [96_000, 0],
    [44_100, 4],
    [7350, 12],
    [44_056, 4],
    [100_000, 0],
    [50_000, 3],
    [1, 11],
  ])('%i Hz has index %i', (rate, index) => {
    expect(aacRateIndex(rate)).toBe(index);
  });
});

describe('MPEG audio headers', () => {
  test.each([
    ['fffb9064', 1, 3, 128_000, 44_100, 2, 1152, 417],
    ['fffb9264', 1, 3, 128_000, 44_100, 2, 1152, 418],
    ['fffb54c4', 1, 3, 64_000, 48_000, 1, 1152, 192],
    ['fff340c4', 2, 3, 32_000, 22_050, 1, 576, 104],
    ['ffe328c4', 2.5, 3, 16_000, 8000, 1, 576, 144],
    ['fffda004', 1, 2, 192_000, 44_100, 2, 1152, 626],
    ['ffff9004', 1, 1, 288_000, 44_100, 2, 384, 312],
    ['fffb0064', 1, 3, 0, 44_100, 2, 1152, 0],
  ])('%s', (hex, version, layer, bitrate, sampleRate, channels, samples, size) => {
    expect(readMp3Header(Buffer.from(hex, 'hex'))).toEqual({
      version,
      layer,
      bitrate,
      sampleRate,
      channels,
      samples,
      size,
    });
  });

  test.each(['', 'fffb90', '00fb9064', 'ff1b9064', 'ffeb9064', 'fff99064', 'fffbf064', 'fffb9c64'])(
    'none in %s',
    (hex) => {
      expect(readMp3Header(Buffer.from(hex, 'hex'))).toBeNull();
    },
  );
});
