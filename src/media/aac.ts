import { BitReader, MediaError } from './bits.ts';

/** What an AudioSpecificConfig says (ISO/IEC 14496-3, 1.6.2.1). */
export interface AacConfig {
  /** Audio object type of the core coder: 2 is LC. */
  readonly objectType: number;
  /** Hz of the core coder. */
  readonly sampleRate: number;
  /** 0 where a program config element describes the channels. */
  readonly channelConfiguration: number;
  /** Loudspeaker channels of the core coder. */
  readonly channels: number;
  /** Samples of one frame at `sampleRate`: 1024, or 960 where the stream says so. */
  readonly frameLength: number;
  /** Spectral band replication is signalled: HE-AAC. */
  readonly sbr: boolean;
  /** Parametric stereo is signalled: HE-AAC v2. */
  readonly ps: boolean;
  /** Hz heard, after band replication. */
  readonly outputRate: number;
}

/** Bytes of an ADTS header without checksum. */
export const ADTS_HEADER = 7;

const RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];
/** The lower bounds, Hz, of the rates that a decoder treats as one of the table (14496-3, table 4.82). */
const RATE_BOUNDS: readonly number[] = [
  92_017, 75_132, 55_426, 46_009, 37_566, 27_713, 23_004, 18_783, 13_856, 11_502, 9391, 0,
];
const CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];
const SBR = 5;
const PS = 29;
const ESCAPE = 31;
const SYNC_EXTENSION = 0x2b7;
const SYNC_PS = 0x548;
/** Object types whose config continues with a GASpecificConfig. */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** Reads the body of an AAC sequence header. Throws MediaError. */
export function readAacConfig(bytes: Uint8Array): AacConfig {
  const bits = new BitReader(bytes);
  let objectType = readObjectType(bits);
  const sampleRate = readRate(bits);
  const channelConfiguration = bits.bits(4);
  let sbr = false;
  let ps = false;
  let outputRate = sampleRate;
  let explicit = false;
  if (objectType === SBR || objectType === PS) {
    explicit = true;
    sbr = true;
    ps = objectType === PS;
    outputRate = readRate(bits);
    objectType = readObjectType(bits);
    if (objectType === 22) bits.skip(4);
  }
  let frameLength = 1024;
  let channels = CHANNELS[channelConfiguration] ?? 0;
  if (GENERAL_AUDIO.has(objectType)) {
    if (bits.flag()) frameLength = 960;
    if (bits.flag()) bits.skip(14);
    const extended = bits.flag();
    if (channelConfiguration === 0) channels = countChannels(bits);
    if (objectType === 6 || objectType === 20) bits.skip(3);
    if (extended) {
      if (objectType === 22) bits.skip(16);
      if (objectType === 17 || objectType === 19 || objectType === 20 || objectType === 23) bits.skip(3);
      bits.skip(1);
    }
  }
  if (!explicit && bits.left >= 16 && bits.bits(11) === SYNC_EXTENSION && readObjectType(bits) === SBR) {
    if (bits.left >= 1 && bits.flag()) {
      sbr = true;
      outputRate = readRate(bits);
      if (bits.left >= 12 && bits.bits(11) === SYNC_PS) ps = bits.flag();
    }
  }
  return { objectType, sampleRate, channelConfiguration, channels, frameLength, sbr, ps, outputRate };
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === ESCAPE ? 32 + bits.bits(6) : type;
}

function readRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rate = index === 15 ? bits.bits(24) : RATES[index];
  if (rate === undefined || rate === 0) throw new MediaError('unknown AAC sampling rate');
  return rate;
}

/** The channels of a program config element (14496-3, 4.4.1.1). */
function countChannels(bits: BitReader): number {
  bits.skip(10);
  const front = bits.bits(4);
  const side = bits.bits(4);
  const back = bits.bits(4);
  const low = bits.bits(2);
  const data = bits.bits(3);
  const coupled = bits.bits(4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(3);
  let channels = low;
  for (let i = 0; i < front + side + back; i += 1) {
    channels += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(4 * low + 4 * data + 5 * coupled);
  bits.align();
  bits.skip(8 * bits.bits(8));
  return channels;
}

/** Index of the sampling rate table; a rate outside of it goes as the one whose range it lies in. */
export function aacRateIndex(rate: number): number {
  const exact = RATES.indexOf(rate);
  return exact >= 0 ? exact : RATE_BOUNDS.findIndex((bound) => rate >= bound);
}

/**
 * Writes the ADTS header (14496-3, 1.A.2.2) of one frame of `size` bytes at `at`. ADTS has two bits for the object
 * type: what does not fit goes as LC, as do the band replication types, which decoders find by themselves.
 */
export function writeAdtsHeader(target: Buffer, at: number, config: AacConfig, size: number): void {
  const profile = config.objectType >= 1 && config.objectType <= 4 ? config.objectType - 1 : 1;
  const channels =
    config.channelConfiguration > 0 && config.channelConfiguration < 8
      ? config.channelConfiguration
      : adtsChannels(config.channels);
  const length = size + ADTS_HEADER;
  target[at] = 0xff;
  target[at + 1] = 0xf1;
  target[at + 2] = (profile << 6) | (aacRateIndex(config.sampleRate) << 2) | (channels >> 2);
  target[at + 3] = ((channels & 3) << 6) | (length >> 11);
  target[at + 4] = (length >> 3) & 0xff;
  target[at + 5] = ((length & 7) << 5) | 0x1f;
  target[at + 6] = 0xfc;
}

function adtsChannels(channels: number): number {
  return channels >= 7 ? 7 : channels;
}

/** Largest frame that an ADTS header can announce, header left out. */
export const ADTS_MAX_FRAME = 0x1fff - ADTS_HEADER;

/** The RFC 6381 name of the stream: `mp4a.40.2`. */
export function aacCodecString(config: AacConfig): string {
  return `mp4a.40.${config.ps ? PS : config.sbr ? SBR : config.objectType}`;
}
