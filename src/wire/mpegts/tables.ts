import { crc32 } from './crc.ts';

/** Bytes of a transport packet. */
export const PACKET = 188;
/** What the tables take at the head of a segment. */
export const TABLES_BYTES = 2 * PACKET;

const PAT_PID = 0;
export const PMT_PID = 0x1001;
export const VIDEO_PID = 0x100;
export const AUDIO_PID = 0x101;
const PROGRAM = 1;

const STREAM_TYPES = { avc: 0x1b, aac: 0x0f, mp3: 0x03 } as const;

/** The elementary streams of the one program. */
export interface Tracks {
  readonly video: 'avc' | null;
  readonly audio: 'aac' | 'mp3' | null;
}

/** Whether two programs announce the same streams. */
export function sameTracks(a: Tracks, b: Tracks): boolean {
  return a.video === b.video && a.audio === b.audio;
}

/** Writes the packet of the program association table (ISO/IEC 13818-1, 2.4.4.3). */
export function writePat(target: Buffer, at: number, counter: number): void {
  const section = begin(target, at, PAT_PID, counter);
  const end = writeHead(target, section, 0x00, 4, 1, 0);
  target.writeUInt16BE(PROGRAM, end);
  target.writeUInt16BE(0xe000 | PMT_PID, end + 2);
  finish(target, at, section, end + 4);
}

/** Writes the packet of the program map table (2.4.4.8) with the tracks there really are; `version` has five bits. */
export function writePmt(target: Buffer, at: number, counter: number, tracks: Tracks, version: number): void {
  const section = begin(target, at, PMT_PID, counter);
  const streams = (tracks.video === null ? 0 : 1) + (tracks.audio === null ? 0 : 1);
  let end = writeHead(target, section, 0x02, 4 + streams * 5, PROGRAM, version);
  target.writeUInt16BE(0xe000 | (tracks.video === null ? AUDIO_PID : VIDEO_PID), end);
  target.writeUInt16BE(0xf000, end + 2);
  end += 4;
  if (tracks.video !== null) end = writeStream(target, end, STREAM_TYPES[tracks.video], VIDEO_PID);
  if (tracks.audio !== null) end = writeStream(target, end, STREAM_TYPES[tracks.audio], AUDIO_PID);
  finish(target, at, section, end);
}

function writeStream(target: Buffer, at: number, type: number, pid: number): number {
  target[at] = type;
  target.writeUInt16BE(0xe000 | pid, at + 1);
  target.writeUInt16BE(0xf000, at + 3);
  return at + 5;
}

/** The packet header and pointer field; gives the offset of the section. */
function begin(target: Buffer, at: number, pid: number, counter: number): number {
  target[at] = 0x47;
  target.writeUInt16BE(0x4000 | pid, at + 1);
  target[at + 3] = 0x10 | counter;
  target[at + 4] = 0;
  return at + 5;
}

/** Table id to last section number; `content` counts the bytes from there to the checksum. */
function writeHead(
  target: Buffer,
  section: number,
  table: number,
  content: number,
  id: number,
  version: number,
): number {
  target[section] = table;
  target.writeUInt16BE(0xb000 | (5 + content + 4), section + 1);
  target.writeUInt16BE(id, section + 3);
  target[section + 5] = 0xc1 | (version << 1);
  target[section + 6] = 0;
  target[section + 7] = 0;
  return section + 8;
}

function finish(target: Buffer, packet: number, section: number, end: number): void {
  target.writeUInt32BE(crc32(target, section, end), end);
  target.fill(0xff, end + 4, packet + PACKET);
}
