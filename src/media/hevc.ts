import { BitReader, MediaError, unescapeNal } from './bits.ts';

/** What an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) and its first SPS say about the picture. */
export interface HevcConfig {
  readonly profile: number;
  readonly tier: 'main' | 'high';
  /** 30 times the level: 120 is level 4. */
  readonly level: number;
  readonly lengthSize: number;
  /** Pixels; 0 where no SPS came with the record. */
  readonly width: number;
  readonly height: number;
}

const SPS = 33;

/** Reads the body of an HEVC sequence header. Throws MediaError. */
export function readHevcConfig(record: Buffer): HevcConfig {
  if (record.length < 23) throw new MediaError('the HEVC configuration is too short');
  const general = record[1]!;
  let size = { width: 0, height: 0 };
  let at = 23;
  for (let arrays = record[22]!; arrays > 0; arrays -= 1) {
    if (at + 3 > record.length) throw new MediaError('the HEVC configuration ends early');
    const type = record[at]! & 63;
    const count = record.readUInt16BE(at + 1);
    at += 3;
    for (let i = 0; i < count; i += 1) {
      if (at + 2 > record.length) throw new MediaError('the HEVC configuration ends early');
      const length = record.readUInt16BE(at);
      at += 2;
      if (at + length > record.length) throw new MediaError('the HEVC configuration ends early');
      if (type === SPS && size.width === 0) size = readHevcSize(record.subarray(at, at + length));
      at += length;
    }
  }
  return {
    profile: general & 31,
    tier: (general & 32) !== 0 ? 'high' : 'main',
    level: record[12]!,
    lengthSize: (record[21]! & 3) + 1,
    ...size,
  };
}

/** The cropped picture size of a sequence parameter set (ITU-T H.265, 7.3.2.2). Throws MediaError. */
function readHevcSize(nal: Uint8Array): { readonly width: number; readonly height: number } {
  if (nal.length < 3) throw new MediaError('not a sequence parameter set');
  const bits = new BitReader(unescapeNal(nal.subarray(2)));
  bits.skip(4);
  const layers = bits.bits(3);
  bits.skip(1);
  skipProfileTierLevel(bits, layers);
  bits.ue();
  const chroma = bits.ue();
  if (chroma > 3) throw new MediaError('unknown chroma format');
  const separate = chroma === 3 && bits.flag();
  let width = bits.ue();
  let height = bits.ue();
  if (bits.flag()) {
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
    const unitY = chroma === 1 && !separate ? 2 : 1;
    width -= (bits.ue() + bits.ue()) * unitX;
    height -= (bits.ue() + bits.ue()) * unitY;
  }
  if (width <= 0 || height <= 0 || width > 65_536 || height > 65_536) {
    throw new MediaError('impossible picture size');
  }
  return { width, height };
}

function skipProfileTierLevel(bits: BitReader, layers: number): void {
  bits.skip(88 + 8);
  const present: (readonly [boolean, boolean])[] = [];
  for (let i = 0; i < layers; i += 1) present.push([bits.flag(), bits.flag()]);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [profile, level] of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}
