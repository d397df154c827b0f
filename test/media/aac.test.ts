import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AacConfig,
  aacCodecString,
  aacRateIndex,
  readAacConfig,
  writeAdtsHeader,
} from '../../src/media/aac.ts';
import { MediaError } from '../../src/media/bits.ts';
import { readMp3Header } from '../../src/media/mp3.ts';

const LC: AacConfig = {
  objectType: 2,
  sampleRate: 44_100,
  channelConfiguration: 2,
  channels: 2,
  frameLength: 1024,
  sbr: false,
  ps: false,
  outputRate: 44_100,
};

const CONFIGS: readonly [string, string, Partial<AacConfig>, string][] = [
  ['LC stereo', '1210', {}, 'mp4a.40.2'],
  ['LC stereo, band replication denied', '121056e500', {}, 'mp4a.40.2'],
  [
    '5.1',
    '11b056e500',
    { sampleRate: 48_000, outputRate: 48_000, channelConfiguration: 6, channels: 6 },
    'mp4a.40.2',
  ],
  [
    '7.1',
    '11b856e500',
    { sampleRate: 48_000, outputRate: 48_000, channelConfiguration: 7, channels: 8 },
    'mp4a.40.2',
  ],
  [
    '8 kHz mono',
    '1588',
    { sampleRate: 8000, outputRate: 8000, channelConfiguration: 1, channels: 1 },
    'mp4a.40.2',
  ],
  ['960 samples', '1214', { frameLength: 960 }, 'mp4a.40.2'],
  [
    'channels by a program config element',
    '12000504010020000d4c61766335392e33372e31303056e500',
    { channelConfiguration: 0, channels: 3 },
    'mp4a.40.2',
  ],
  [
    'seven channels by a program config element',
    '1200050848002000c4400d4c61766335392e33372e31303056e500',
    { channelConfiguration: 0, channels: 7 },
    'mp4a.40.2',
  ],
  ['HE-AAC, hierarchical', '2b920800', { sampleRate: 22_050, outputRate: 44_100, sbr: true }, 'mp4a.40.5'],
  [
    'HE-AAC v2, hierarchical',
    'eb8a0800',
    { sampleRate: 22_050, outputRate: 44_100, channelConfiguration: 1, channels: 1, sbr: true, ps: true },
    'mp4a.40.29',
  ],
  [
    'HE-AAC, backward compatible',
    '139056e5a0',
    { sampleRate: 22_050, outputRate: 44_100, sbr: true },
    'mp4a.40.5',
  ],
  [
    'HE-AAC v2, backward compatible',
    '138856e5a54880',
    { sampleRate: 22_050, outputRate: 44_100, channelConfiguration: 1, channels: 1, sbr: true, ps: true },
    'mp4a.40.29',
  ],
  ['a rate written out', '17805622' + '10', { sampleRate: 44_100, outputRate: 44_100 }, 'mp4a.40.2'],
];

describe('AudioSpecificConfig', () => {
  test.each(CONFIGS)('%s', (_, hex, differs, codec) => {
    const config = readAacConfig(Buffer.from(hex, 'hex'));
    expect(config).toEqual({ ...LC, ...differs });
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
    [LC, 0, 'fff15080' + '00fffc'],
    [LC, 100, 'fff150800d7ffc'],
    [LC, 8184, 'fff15083fffffc'],
    [{ ...LC, sampleRate: 22_050, sbr: true }, 1, 'fff15c80011ffc'],
    [{ ...LC, channelConfiguration: 7, channels: 8 }, 1, 'fff151c0011ffc'],
    [{ ...LC, channelConfiguration: 0, channels: 6 }, 1, 'fff15180011ffc'],
    [{ ...LC, objectType: 1 }, 1, 'fff11080011ffc'],
    [{ ...LC, objectType: 23 }, 1, 'fff15080011ffc'],
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
