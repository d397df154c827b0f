import { BitReader, MediaError, unescapeNal } from './bits.ts';

/** NAL unit types of ITU-T H.264, table 7-1. */
export const AVC_SPS = 7;
export const AVC_AUD = 9;

/** An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). The parameter sets are views of the record. */
export interface AvcConfig {
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** Bytes of the length before each NAL unit, 1 to 4. */
  readonly lengthSize: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** What a sequence parameter set says about the picture (ITU-T H.264, 7.3.2.1.1). */
export interface AvcPicture {
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** Pixels, cropping taken off. */
  readonly width: number;
  readonly height: number;
  /** Frames per second where the set states a fixed or nominal rate. */
  readonly fps: number | null;
  readonly interlaced: boolean;
}

/** Reads the body of an AVC sequence header. Throws MediaError. */
export function readAvcConfig(record: Buffer): AvcConfig {
  if (record.length < 7) throw new MediaError('the AVC configuration is too short');
  if (record[0] !== 1) throw new MediaError('the AVC configuration has an unknown version');
  let at = 5;
  const sets = (count: number): Buffer[] => {
    const found: Buffer[] = [];
    for (let i = 0; i < count; i += 1) {
      if (at + 2 > record.length) throw new MediaError('the AVC configuration ends early');
      const size = record.readUInt16BE(at);
      at += 2;
      if (at + size > record.length) throw new MediaError('the AVC configuration ends early');
      if (size > 0) found.push(record.subarray(at, at + size));
      at += size;
    }
    return found;
  };
  const sps = sets(record[at++]! & 31);
  if (at >= record.length) throw new MediaError('the AVC configuration ends early');
  const pps = sets(record[at++]!);
  return {
    profile: record[1]!,
    compatibility: record[2]!,
    level: record[3]!,
    lengthSize: (record[4]! & 3) + 1,
    sps,
    pps,
  };
}

/** Profiles whose parameter sets carry the chroma format and scaling lists. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([
  100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
]);

/** Reads a sequence parameter set, header byte included. Throws MediaError. */
export function readAvcSps(nal: Uint8Array): AvcPicture {
  if (nal.length < 4 || (nal[0]! & 31) !== AVC_SPS) throw new MediaError('not a sequence parameter set');
  const bits = new BitReader(unescapeNal(nal.subarray(1)));
  const profile = bits.bits(8);
  const compatibility = bits.bits(8);
  const level = bits.bits(8);
  bits.ue(); // its id
  let chroma = 1;
  let separate = false;
  if (HIGH_PROFILES.has(profile)) {
    chroma = bits.ue();
    if (chroma > 3) throw new MediaError('unknown chroma format');
    if (chroma === 3) separate = bits.flag();
    bits.ue();
    bits.ue();
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chroma === 3 ? 12 : 8);
  }
  bits.ue(); // log2_max_frame_num_minus4
  skipPictureOrder(bits);
  bits.ue(); // max_num_ref_frames
  bits.skip(1);
  const columns = bits.ue() + 1;
  const rows = bits.ue() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1);
  const [left, right, top, bottom] = bits.flag()
    ? [bits.ue(), bits.ue(), bits.ue(), bits.ue()]
    : [0, 0, 0, 0];
  // Crop units count luma samples per chroma sample (7.4.2.1.1).
  const arrays = separate ? 0 : chroma;
  const unitX = arrays === 1 || arrays === 2 ? 2 : 1;
  const unitY = (arrays === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  const width = columns * 16 - (left + right) * unitX;
  const height = rows * 16 * (framesOnly ? 1 : 2) - (top + bottom) * unitY;
  if (width <= 0 || height <= 0 || width > 65_536 || height > 65_536) {
    throw new MediaError('impossible picture size');
  }
  const fps = readRate(bits);
  return { profile, compatibility, level, width, height, fps, interlaced: !framesOnly };
}

function skipPictureOrder(bits: BitReader): void {
  const type = bits.ue();
  if (type === 0) bits.ue();
  else if (type === 1) {
    bits.skip(1);
    bits.se();
    bits.se();
    const cycle = bits.ue();
    if (cycle > 255) throw new MediaError('impossible picture order cycle');
    for (let i = 0; i < cycle; i += 1) bits.se();
  }
}

function skipScalingLists(bits: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (!bits.flag()) continue;
    let last = 8;
    let next = 8;
    for (let i = 0; i < (list < 6 ? 16 : 64); i += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

/** Frames per second of the VUI (ITU-T H.264, E.1.1); sets that end within it are common and tell no rate. */
function readRate(bits: BitReader): number | null {
  try {
    if (!bits.flag()) return null;
    if (bits.flag() && bits.bits(8) === 255) bits.skip(32);
    if (bits.flag()) bits.skip(1);
    if (bits.flag()) {
      bits.skip(4);
      if (bits.flag()) bits.skip(24);
    }
    if (bits.flag()) {
      bits.ue();
      bits.ue();
    }
    if (!bits.flag()) return null;
    const tick = bits.bits(32);
    const scale = bits.bits(32);
    if (tick === 0 || scale === 0) return null;
    const fps = scale / (2 * tick);
    return fps > 0 && fps <= 1000 ? fps : null;
  } catch (error) {
    if (error instanceof MediaError) return null;
    throw error;
  }
}

/** The RFC 6381 name of the stream, such as `avc1.64001f`. */
export function avcCodecString(config: Pick<AvcConfig, 'profile' | 'compatibility' | 'level'>): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `avc1.${hex(config.profile)}${hex(config.compatibility)}${hex(config.level)}`;
}
