import { AAC, AVC, HEVC, MP3 } from './tag.ts';

/** What an FLV tag body carries, and where the codec's own data begin in it. */
export interface Payload {
  /** A FourCC in lower case, or for classic codecs without one `flv-N` with N the codec id. */
  readonly codec: string;
  /** `config`: a sequence header. `frames`: media. `other`: ends of sequence, commands, metadata. */
  readonly type: 'config' | 'frames' | 'other';
  readonly offset: number;
  /** Presentation time minus decoding time, ms. */
  readonly composition: number;
}

const NOTHING: Payload = { codec: 'flv-0', type: 'other', offset: 0, composition: 0 };

const AV1 = 13;
const CLASSIC_VIDEO: ReadonlyMap<number, string> = new Map([
  [AVC, 'avc1'],
  [HEVC, 'hvc1'],
  [AV1, 'av01'],
]);

/**
 * Reads the header of a video tag body: the classic one (Adobe FLV 10.1, E.4.3) and the first track of the enhanced one
 * (enhanced RTMP v2, "ExVideoTagHeader").
 */
export function readVideoPayload(body: Buffer): Payload {
  const first = body[0];
  if (first === undefined) return NOTHING;
  if ((first & 0x80) !== 0) return readEnhancedVideo(body, first);
  const codec = CLASSIC_VIDEO.get(first & 15);
  if (codec === undefined) return { codec: `flv-${first & 15}`, type: 'frames', offset: 1, composition: 0 };
  if (body.length < 5) return { codec, type: 'other', offset: body.length, composition: 0 };
  const type = body[1] === 0 ? 'config' : body[1] === 1 && first >> 4 !== 5 ? 'frames' : 'other';
  return { codec, type, offset: 5, composition: body.readIntBE(2, 3) };
}

function readEnhancedVideo(body: Buffer, first: number): Payload {
  const packet = first & 15;
  if (body.length < 5) return NOTHING;
  const codec = body.toString('latin1', 1, 5).toLowerCase();
  if (((first >> 4) & 7) === 5) return { codec, type: 'other', offset: 5, composition: 0 };
  if (packet === 0) return { codec, type: 'config', offset: 5, composition: 0 };
  if (packet === 3) return { codec, type: 'frames', offset: 5, composition: 0 };
  if (packet !== 1) return { codec, type: 'other', offset: 5, composition: 0 };
  const composed = codec === 'avc1' || codec === 'hvc1';
  if (composed && body.length < 8) return { codec, type: 'other', offset: 5, composition: 0 };
  return {
    codec,
    type: 'frames',
    offset: composed ? 8 : 5,
    composition: composed ? body.readIntBE(5, 3) : 0,
  };
}

/** Reads the header of an audio tag body: classic (E.4.2) and enhanced ("ExAudioTagHeader"). */
export function readAudioPayload(body: Buffer): Payload {
  const first = body[0];
  if (first === undefined) return NOTHING;
  const format = first >> 4;
  if (format === AAC) {
    const type = body.length < 2 ? 'other' : body[1] === 0 ? 'config' : 'frames';
    return { codec: 'mp4a', type, offset: Math.min(2, body.length), composition: 0 };
  }
  if (format === MP3 || format === 14) return { codec: '.mp3', type: 'frames', offset: 1, composition: 0 };
  if (format !== 9) return { codec: `flv-${format}`, type: 'frames', offset: 1, composition: 0 };
  if (body.length < 5) return NOTHING;
  const packet = first & 15;
  const codec = body.toString('latin1', 1, 5).toLowerCase();
  const type = packet === 0 ? 'config' : packet === 1 ? 'frames' : 'other';
  return { codec, type, offset: 5, composition: 0 };
}
