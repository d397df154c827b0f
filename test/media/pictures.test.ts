import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAv1Config } from '../../src/media/av1.ts';
import { MediaError } from '../../src/media/bits.ts';
import { readHevcConfig } from '../../src/media/hevc.ts';
import { readAudioPayload, readVideoPayload } from '../../src/media/payload.ts';
import { AV1_RECORDS, HEVC_RECORD } from './records.ts';

describe('HEVC and AV1 configurations', () => {
  test('HEVC: size of the cropped picture', () => {
    expect(readHevcConfig(Buffer.from(HEVC_RECORD, 'hex'))).toEqual({
      profile: 1,
      tier: 'main',
      level: 120,
      lengthSize: 4,
      width: 1922,
      height: 1082,
    });
  });

  test.each(AV1_RECORDS)('AV1 %s', (hex, level, width, height) => {
    expect(readAv1Config(Buffer.from(hex, 'hex'))).toEqual({
      profile: 0,
      level,
      tier: 'main',
      width,
      height,
    });
  });

  test('rubbish gives MediaError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(HEVC_RECORD.length / 2), (bytes, cut) => {
        const record = Buffer.from(HEVC_RECORD, 'hex');
        for (const read of [
          () => readHevcConfig(Buffer.concat([record.subarray(0, cut), bytes])),
          () => readAv1Config(Buffer.concat([Buffer.from([0x81]), bytes])),
        ]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(MediaError);
          }
        }
      }),
      { seed: 10, numRuns: 3000 },
    );
  });
});

describe('payloads of FLV tags', () => {
  test.each([
    ['', 'flv-0', 'other', 0, 0],
    ['1700000000ff', 'avc1', 'config', 5, 0],
    ['1701000050ff', 'avc1', 'frames', 5, 80],
    ['2701ffffd8ff', 'avc1', 'frames', 5, -40],
    ['1702000000', 'avc1', 'other', 5, 0],
    ['1701', 'avc1', 'other', 2, 0],
    ['5700', 'avc1', 'other', 2, 0],
    ['1c01000000ff', 'hvc1', 'frames', 5, 0],
    ['22ff', 'flv-2', 'frames', 1, 0],
    ['9061766331ff', 'avc1', 'config', 5, 0],
    ['9161766331ffffd8ff', 'avc1', 'frames', 8, -40],
    ['9361766331ff', 'avc1', 'frames', 5, 0],
    ['9168766331000028ff', 'hvc1', 'frames', 8, 40],
    ['9161763031ff', 'av01', 'frames', 5, 0],
    ['9261766331', 'avc1', 'other', 5, 0],
    ['916176', 'flv-0', 'other', 0, 0],
  ])('video %s', (hex, codec, type, offset, composition) => {
    expect(readVideoPayload(Buffer.from(hex, 'hex'))).toEqual({ codec, type, offset, composition });
  });

  test.each([
    ['', 'flv-0', 'other', 0],
    ['af001210', 'mp4a', 'config', 2],
    ['af0121', 'mp4a', 'frames', 2],
    ['af', 'mp4a', 'other', 1],
    ['2ffffb', '.mp3', 'frames', 1],
    ['b2ff', 'flv-11', 'frames', 1],
    ['906d7034611210', 'mp4a', 'config', 5],
    ['916d70346121', 'mp4a', 'frames', 5],
    ['914f707573ff', 'opus', 'frames', 5],
    ['926d703461', 'mp4a', 'other', 5],
  ])('audio %s', (hex, codec, type, offset) => {
    expect(readAudioPayload(Buffer.from(hex, 'hex'))).toEqual({ codec, type, offset, composition: 0 });
  });
});
