import { AUDIO, type Kind, VIDEO } from './packet.ts';

/** A video key frame, where decoding can begin. */
export const KEY = 1;
/** Something a decoder needs first and that is kept for players that come later: sequence header, HDR metadata. */
export const HEADER = 2;
/** Frames, as opposed to headers, commands and ends of sequence. */
export const MEDIA = 4;

/** Video codec ids of the classic FLV table; 12 and 13 are the widespread private ones for HEVC and AV1. */
export const AVC = 7;
export const HEVC = 12;
const AV1 = 13;
/** Audio codec ids (SoundFormat) of the FLV table. */
export const MP3 = 2;
export const AAC = 10;

/** Packet types of enhanced RTMP v2, "ExVideoTagHeader" and "ExAudioTagHeader". */
const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;
const METADATA = 4;
const MPEG2TS_SEQUENCE_START = 5;
const MULTICHANNEL_CONFIG = 4;
const AUDIO_MULTITRACK = 5;
const VIDEO_MULTITRACK = 6;
const MOD_EX = 7;

const KEY_FRAME = 1;
const GENERATED_KEY_FRAME = 4;
const COMMAND_FRAME = 5;

/**
 * What an FLV tag body is, without allocating: KEY | HEADER | MEDIA in the low byte and, for a header, a number that
 * tells the headers of one stream apart (track and purpose) above it. 0: nothing a player has to see to decode.
 * Sources: Adobe FLV 10.1 E.4.2 and E.4.3, enhanced RTMP v2.
 */
export function tagFacts(kind: Kind, body: Buffer): number {
  if (kind === VIDEO) return body.length === 0 ? 0 : videoFacts(body);
  if (kind === AUDIO) return body.length === 0 ? MEDIA : audioFacts(body);
  return 0;
}

/** The part of `tagFacts` that tells headers of one kind apart. */
export function headerSlot(facts: number): number {
  return facts >>> 8;
}

function videoFacts(body: Buffer): number {
  const first = body[0]!;
  if ((first & 0x80) !== 0) return enhancedVideoFacts(body, first);
  const frame = first >> 4;
  const codec = first & 15;
  if (frame === COMMAND_FRAME) return 0;
  const key = frame === KEY_FRAME || frame === GENERATED_KEY_FRAME ? KEY : 0;
  if (codec === AVC || codec === HEVC || codec === AV1) {
    const type = body[1];
    if (type === 0) return HEADER;
    return type === 1 ? MEDIA | key : 0;
  }
  return MEDIA | key;
}

function enhancedVideoFacts(body: Buffer, first: number): number {
  const frame = (first >> 4) & 7;
  let type = first & 15;
  let at = 1;
  if (type === MOD_EX) {
    at = skipModEx(body, at);
    if (at < 0) return 0;
    type = body[at - 1]! & 15;
  }
  if (type !== METADATA && frame === COMMAND_FRAME) return 0;
  let track = 0;
  if (type === VIDEO_MULTITRACK) {
    const kinds = body[at] ?? 0;
    type = kinds & 15;
    // Whether one FourCC precedes the tracks or each track has its own, the first track's id comes after one.
    track = body[at + 5] ?? 0;
  }
  if (type === SEQUENCE_START || type === MPEG2TS_SEQUENCE_START) return HEADER | (track << 8);
  if (type === METADATA) return HEADER | ((0x100 | track) << 8);
  if (type === CODED_FRAMES || type === CODED_FRAMES_X) {
    return MEDIA | (track === 0 && (frame === KEY_FRAME || frame === GENERATED_KEY_FRAME) ? KEY : 0);
  }
  return 0;
}

function audioFacts(body: Buffer): number {
  const first = body[0]!;
  const codec = first >> 4;
  if (codec === AAC) return body[1] === 0 ? HEADER : MEDIA;
  if (codec !== 9) return MEDIA;
  let type = first & 15;
  let at = 1;
  if (type === MOD_EX) {
    at = skipModEx(body, at);
    if (at < 0) return 0;
    type = body[at - 1]! & 15;
  }
  let track = 0;
  if (type === AUDIO_MULTITRACK) {
    type = (body[at] ?? 0) & 15;
    track = body[at + 5] ?? 0;
  }
  if (type === SEQUENCE_START) return HEADER | (track << 8);
  if (type === MULTICHANNEL_CONFIG) return HEADER | ((0x100 | track) << 8);
  return type === CODED_FRAMES ? MEDIA : 0;
}

/** The offset after all ModEx blocks, of which the last byte read holds the packet type; -1 where the body ends early. */
function skipModEx(body: Buffer, start: number): number {
  let at = start;
  for (;;) {
    if (at >= body.length) return -1;
    let size = body[at]! + 1;
    at += 1;
    if (size === 256) {
      if (at + 2 > body.length) return -1;
      size = body.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    if (at >= body.length) return -1;
    const next = body[at]! & 15;
    at += 1;
    if (next !== MOD_EX) return at;
  }
}
