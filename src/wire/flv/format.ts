import type { Format, Muxer } from '../../media/format.ts';
import { DATA, type MediaPacket, type Opening } from '../../media/packet.ts';

/** Type, body length, timestamp and stream id before a tag's body; the length of both after it (Adobe FLV 10.1, E.4.1). */
const TAG_HEADER_BYTES = 11;
const TAG_BYTES = TAG_HEADER_BYTES + 4;

/** File header and the length of the tag before the first: 0 (E.2, E.3). */
const HEADER_BYTES = 13;
const HAS_VIDEO = 1;
const HAS_AUDIO = 4;

/** FLV tags with absolute timestamps, 32 bits; to begin with the file header, metadata and sequence headers. */
export function flvFormat(): Format {
  return { name: 'flv', statesTracks: true, muxer: () => FLV_MUXER };
}

/**
 * The same for a file that was begun with another stream: without its header, and with `shift` ms added to all times.
 */
export function flvContinuation(shift: number): Format {
  const muxer: Muxer = {
    open: ({ metadata, headers }, time) =>
      flvTags(metadata === null ? headers : [metadata, ...headers], 0, 0, time, shift),
    encode: (packets, head, tail) => flvTags(packets, head, tail, undefined, shift),
  };
  return { name: `flv+${shift}`, statesTracks: false, muxer: () => muxer };
}

/** The 13 bytes an FLV file begins with. Both flags are set where neither kind is known: a player waits less for the
 * kind that never comes than it misses of one not announced. */
export function flvHeader(hasAudio: boolean, hasVideo: boolean): Buffer {
  const flags = (hasAudio ? HAS_AUDIO : 0) | (hasVideo ? HAS_VIDEO : 0);
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags || HAS_AUDIO | HAS_VIDEO, 0, 0, 0, 9, 0, 0, 0, 0]);
}

/**
 * The packets as FLV tags in one Buffer, with unused room around them; all at `time` if it is given, and `shift` ms
 * later than they are.
 */
export function flvTags(
  packets: readonly MediaPacket[],
  head: number,
  tail: number,
  time?: number,
  shift = 0,
): Buffer {
  let size = 0;
  for (let i = 0; i < packets.length; i++) size += packets[i]!.body.length + TAG_BYTES;
  const out = Buffer.allocUnsafeSlow(head + size + tail);
  let at = head;
  for (let i = 0; i < packets.length; i++) {
    const packet = packets[i]!;
    // Metadata keep their own time, 0: demuxers take later script tags for a track of text.
    at = writeTag(
      out,
      at,
      packet.kind,
      (packet.kind === DATA ? packet.time : (time ?? packet.time) + shift) >>> 0,
      packet.body,
    );
  }
  return out.subarray(head, at);
}

function writeTag(out: Buffer, at: number, kind: number, timestamp: number, body: Buffer): number {
  const length = body.length;
  out[at] = kind;
  out[at + 1] = length >>> 16;
  out[at + 2] = length >>> 8;
  out[at + 3] = length;
  out[at + 4] = timestamp >>> 16;
  out[at + 5] = timestamp >>> 8;
  out[at + 6] = timestamp;
  out[at + 7] = timestamp >>> 24;
  out[at + 8] = 0;
  out[at + 9] = 0;
  out[at + 10] = 0;
  out.set(body, at + TAG_HEADER_BYTES);
  const end = at + TAG_HEADER_BYTES + length;
  const whole = TAG_HEADER_BYTES + length;
  out[end] = whole >>> 24;
  out[end + 1] = whole >>> 16;
  out[end + 2] = whole >>> 8;
  out[end + 3] = whole;
  return end + 4;
}

const FLV_MUXER: Muxer = {
  open({ metadata, headers, hasAudio, hasVideo }: Opening, time, first) {
    const room = first ? HEADER_BYTES : 0;
    const tags = flvTags(metadata === null ? headers : [metadata, ...headers], room, 0, time);
    if (!first) return tags;
    const whole = Buffer.from(tags.buffer, 0, room + tags.length);
    whole.set(flvHeader(hasAudio, hasVideo));
    return whole;
  },
  encode: (packets, head, tail) => flvTags(packets, head, tail),
};
