/** The header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3 and 13818-3). */
export interface Mp3Header {
  /** 1, 2 or 2.5. */
  readonly version: number;
  readonly layer: number;
  /** bit/s; 0: free format. */
  readonly bitrate: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel of one frame. */
  readonly samples: number;
  /** Bytes of the frame, header included; 0: free format. */
  readonly size: number;
}

const RATES: readonly number[] = [44_100, 48_000, 32_000];
/** kbit/s by version 1 layers I, II, III, then version 2 layer I, then II and III. */
const BITRATES: readonly (readonly number[])[] = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/** Reads a frame header; null where the bytes do not begin with one. */
export function readMp3Header(bytes: Uint8Array, at = 0): Mp3Header | null {
  if (bytes.length < at + 4 || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return null;
  const second = bytes[at + 1]!;
  const third = bytes[at + 2]!;
  const versionBits = (second >> 3) & 3;
  const layerBits = (second >> 1) & 3;
  const base = RATES[(third >> 2) & 3];
  if (versionBits === 1 || layerBits === 0 || base === undefined || third >> 4 === 15) return null;
  const version = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 2.5;
  const layer = 4 - layerBits;
  const row = version === 1 ? layer - 1 : layer === 1 ? 3 : 4;
  const bitrate = BITRATES[row]![third >> 4]! * 1000;
  const sampleRate = version === 1 ? base : version === 2 ? base / 2 : base / 4;
  const samples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  const padding = (third >> 1) & 1;
  const size =
    bitrate === 0
      ? 0
      : layer === 1
        ? (Math.floor((12 * bitrate) / sampleRate) + padding) * 4
        : Math.floor(((samples / 8) * bitrate) / sampleRate) + padding;
  const channels = bytes[at + 3]! >> 6 === 3 ? 1 : 2;
  return { version, layer, bitrate, sampleRate, channels, samples, size };
}
