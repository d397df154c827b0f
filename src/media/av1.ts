import { BitReader, MediaError } from './bits.ts';

/** What an AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3) and its sequence header say about the picture. */
export interface Av1Config {
  readonly profile: number;
  /** `seq_level_idx`: 8 is level 4.0. */
  readonly level: number;
  readonly tier: 'main' | 'high';
  /** Pixels; 0 where no sequence header came with the record. */
  readonly width: number;
  readonly height: number;
}

const SEQUENCE_HEADER = 1;

/** Reads the body of an AV1 sequence header message. Throws MediaError. */
export function readAv1Config(record: Buffer): Av1Config {
  if (record.length < 4) throw new MediaError('the AV1 configuration is too short');
  if (record[0] !== 0x81) throw new MediaError('the AV1 configuration has an unknown version');
  const sequence = findSequenceHeader(record.subarray(4));
  return {
    profile: record[1]! >> 5,
    level: record[1]! & 31,
    tier: (record[2]! & 0x80) !== 0 ? 'high' : 'main',
    ...(sequence === null ? { width: 0, height: 0 } : readSize(sequence)),
  };
}

/** The payload of the first sequence header among low-overhead OBUs (AV1, 5.3). */
function findSequenceHeader(obus: Buffer): Buffer | null {
  let at = 0;
  while (at < obus.length) {
    const header = obus[at]!;
    at += (header & 4) !== 0 ? 2 : 1;
    let size = obus.length - at;
    if ((header & 2) !== 0) {
      size = 0;
      for (let i = 0; ; i += 1) {
        const byte = obus[at];
        if (byte === undefined || i === 8) throw new MediaError('an OBU ends early');
        size += (byte & 127) * 2 ** (7 * i);
        at += 1;
        if (byte < 128) break;
      }
    }
    if (size < 0 || at + size > obus.length) throw new MediaError('an OBU ends early');
    if (((header >> 3) & 15) === SEQUENCE_HEADER) return obus.subarray(at, at + size);
    at += size;
  }
  return null;
}

/** `max_frame_width_minus_1` and height of a sequence header OBU (AV1, 5.5.1). */
function readSize(payload: Buffer): { readonly width: number; readonly height: number } {
  const bits = new BitReader(payload);
  bits.skip(4);
  if (bits.flag()) {
    bits.skip(5);
  } else {
    let decoderModel = 0;
    const timing = bits.flag();
    if (timing) {
      bits.skip(64);
      if (bits.flag()) bits.ue();
      if (bits.flag()) {
        decoderModel = bits.bits(5) + 1;
        bits.skip(42);
      }
    }
    const initialDelay = bits.flag();
    for (let points = bits.bits(5) + 1; points > 0; points -= 1) {
      bits.skip(12);
      if (bits.bits(5) > 7) bits.skip(1);
      if (decoderModel > 0 && bits.flag()) bits.skip(2 * decoderModel + 1);
      if (initialDelay && bits.flag()) bits.skip(4);
    }
  }
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  return { width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1 };
}
