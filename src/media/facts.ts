import { readAacConfig } from './aac.ts';
import { readAv1Config } from './av1.ts';
import { readAvcConfig, readAvcSps } from './avc.ts';
import { MediaError } from './bits.ts';
import { readHevcConfig } from './hevc.ts';
import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from './packet.ts';
import { readAudioPayload, readVideoPayload } from './payload.ts';

/** What is known of the picture; 0 and empty where nothing says. */
export interface VideoFacts {
  /** As statistics call it: H264, HEVC, AV1, VP9, Sorenson-H263 … */
  readonly codec: string;
  readonly profile: string;
  /** The constraint flags of H.264. */
  readonly compatibility: number;
  /** 3.1 for H.264 level 31. */
  readonly level: number;
  readonly width: number;
  readonly height: number;
  /** What the stream itself states. */
  readonly frameRate: number;
}

/** What is known of the sound; 0 and empty where nothing says. */
export interface AudioFacts {
  readonly codec: string;
  readonly profile: string;
  readonly channels: number;
  readonly sampleRate: number;
}

export interface StreamFacts {
  readonly video: VideoFacts | null;
  readonly audio: AudioFacts | null;
}

/** First bytes of the newest media of each kind, -1 before the first: all there is of codecs without headers. */
export interface FirstBytes {
  readonly audio: number;
  readonly video: number;
}

/** Names of the video codec ids of the FLV table (Adobe FLV 10.1, E.4.3.1). */
const VIDEO_IDS: readonly string[] = [
  ...['', 'Jpeg', 'Sorenson-H263', 'ScreenVideo', 'On2-VP6', 'On2-VP6-Alpha', 'ScreenVideo2', 'H264'],
];
/** Names of the sound formats of the FLV table (E.4.2.1). */
const AUDIO_IDS: readonly string[] = [
  ...['', 'ADPCM', 'MP3', 'LinearLE', 'Nellymoser16', 'Nellymoser8', 'Nellymoser', 'G711A', 'G711U', ''],
  ...['AAC', 'Speex', '', '', 'MP3-8K', 'DeviceSpecific'],
];
const FOURCC: Readonly<Record<string, string>> = {
  avc1: 'H264',
  hvc1: 'HEVC',
  av01: 'AV1',
  vp08: 'VP8',
  vp09: 'VP9',
  mp4a: 'AAC',
  '.mp3': 'MP3',
  opus: 'Opus',
  flac: 'FLAC',
  'ac-3': 'AC-3',
  'ec-3': 'E-AC-3',
};
const AVC_PROFILES: ReadonlyMap<number, string> = new Map([
  [66, 'Baseline'],
  [77, 'Main'],
  [88, 'Extended'],
  [100, 'High'],
  [110, 'High 10'],
  [122, 'High 4:2:2'],
  [244, 'High 4:4:4'],
]);
const HEVC_PROFILES: readonly string[] = ['', 'Main', 'Main 10', 'Main Still Picture', 'Range Extensions'];
const AV1_PROFILES: readonly string[] = ['Main', 'High', 'Professional'];
const AAC_PROFILES: readonly string[] = ['', 'Main', 'LC', 'SSR', 'LTP', 'SBR'];
/** Rates of the FLV table, Hz. */
const RATES: readonly number[] = [5512, 11_025, 22_050, 44_100];

/** What a stream's sequence headers, and failing these its first bytes, say about it. Never throws. */
export function streamFacts(opening: Opening, first: FirstBytes): StreamFacts {
  const header = (kind: Kind): MediaPacket | undefined => opening.headers.find((one) => one.kind === kind);
  const video = header(VIDEO);
  const audio = header(AUDIO);
  return {
    video: video !== undefined ? videoOf(video.body) : videoOfTag(first.video),
    audio: audio !== undefined ? audioOf(audio.body) : audioOfTag(first.audio),
  };
}

const NO_VIDEO = { profile: '', compatibility: 0, level: 0, width: 0, height: 0, frameRate: 0 };

function videoOf(body: Buffer): VideoFacts {
  const { codec, offset } = readVideoPayload(body);
  const named = { codec: FOURCC[codec] ?? codec, ...NO_VIDEO };
  const record = body.subarray(offset);
  try {
    if (codec === 'avc1') return avcOf(record);
    if (codec === 'hvc1') {
      const { profile, level, width, height } = readHevcConfig(record);
      return { ...named, profile: HEVC_PROFILES[profile] ?? '', level: level / 30, width, height };
    }
    if (codec === 'av01') {
      const { profile, level: index, width, height } = readAv1Config(record);
      // The index counts 2.0, 2.1, 2.2, 2.3, 3.0 …
      const level = 2 + (index >> 2) + (index & 3) / 10;
      return { ...named, profile: AV1_PROFILES[profile] ?? '', level, width, height };
    }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
  }
  return named;
}

function avcOf(record: Buffer): VideoFacts {
  const config = readAvcConfig(record);
  const facts = {
    codec: 'H264',
    profile: AVC_PROFILES.get(config.profile) ?? '',
    compatibility: config.compatibility,
    level: config.level / 10,
    width: 0,
    height: 0,
    frameRate: 0,
  };
  try {
    if (config.sps[0] === undefined) return facts;
    const { width, height, fps } = readAvcSps(config.sps[0]);
    return { ...facts, width, height, frameRate: fps ?? 0 };
  } catch (error) {
    if (error instanceof MediaError) return facts;
    throw error;
  }
}

function videoOfTag(first: number): VideoFacts | null {
  if (first < 0) return null;
  return { codec: (first & 0x80) === 0 ? (VIDEO_IDS[first & 15] ?? '') : '', ...NO_VIDEO };
}

function audioOf(body: Buffer): AudioFacts {
  const { codec, offset } = readAudioPayload(body);
  const named = { codec: FOURCC[codec] ?? codec, profile: '', channels: 0, sampleRate: 0 };
  try {
    if (codec === 'mp4a') {
      const config = readAacConfig(body.subarray(offset));
      const profile = config.ps ? 'HEv2' : config.sbr ? 'HE' : (AAC_PROFILES[config.objectType] ?? '');
      return { ...named, profile, channels: config.channels, sampleRate: config.outputRate };
    }
    // OpusHead (RFC 7845, 5.1); Opus always decodes to 48 kHz.
    if (codec === 'opus') return { ...named, channels: body[offset + 9] ?? 0, sampleRate: 48_000 };
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
  }
  return named;
}

function audioOfTag(first: number): AudioFacts | null {
  if (first < 0) return null;
  const id = first >> 4;
  const sampleRate = id === 14 ? 8000 : (RATES[(first >> 2) & 3] ?? 0);
  return { codec: AUDIO_IDS[id] ?? '', profile: '', channels: (first & 1) + 1, sampleRate };
}
