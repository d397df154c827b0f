import { type AacConfig, aacCodecString, readAacConfig } from '../../media/aac.ts';
import { type AvcPicture, avcCodecString, readAvcConfig, readAvcSps } from '../../media/avc.ts';
import { MediaError } from '../../media/bits.ts';
import { annexB } from '../../wire/mpegts/muxer.ts';

/** The H.264 configuration in effect. */
export interface VideoSetup {
  /** The record as it came, to tell repetitions from changes. */
  readonly record: Buffer;
  readonly lengthSize: number;
  /** SPS and PPS with start codes. */
  readonly parameterSets: Buffer;
  readonly codec: string;
  /** Size of the picture; null where the SPS cannot be read. */
  readonly picture: AvcPicture | null;
}

/** The sound in effect; MP3 states what it is in each frame. */
export type AudioSetup =
  | { readonly codec: 'mp3' }
  | { readonly codec: 'aac'; readonly record: Buffer; readonly config: AacConfig };

/** Reads an AVC sequence header; throws MediaError. */
export function readVideoSetup(record: Buffer): VideoSetup {
  const copy = Buffer.from(record);
  const config = readAvcConfig(copy);
  let picture: AvcPicture | null = null;
  try {
    if (config.sps[0] !== undefined) picture = readAvcSps(config.sps[0]);
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
  }
  return {
    record: copy,
    lengthSize: config.lengthSize,
    parameterSets: annexB([...config.sps, ...config.pps]),
    codec: avcCodecString(picture ?? config),
    picture,
  };
}

/** Reads an AAC sequence header; throws MediaError. */
export function readAudioSetup(record: Buffer): AudioSetup {
  const copy = Buffer.from(record);
  return { codec: 'aac', record: copy, config: readAacConfig(copy) };
}

/** The RFC 6381 name of the sound. */
export function audioCodecString(setup: AudioSetup): string {
  return setup.codec === 'mp3' ? 'mp4a.40.34' : aacCodecString(setup.config);
}
