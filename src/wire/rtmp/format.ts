import type { Format, Muxer } from '../../media/format.ts';
import { AUDIO, DATA, type Kind, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';
import { writeAmf0 } from '../amf0.ts';
import { messageSize, writeMessage } from './chunk-writer.ts';
import { dataName } from './commands.ts';
import { AUDIO_CSID, STATUS_CSID, VIDEO_CSID } from './messages.ts';

/** Which media a player wants. */
export type Tracks = 'both' | 'audio' | 'video';

/** The message stream that createStream answers first, so that nearly all players can share the same bytes. */
const MESSAGE_STREAM = 1;

/**
 * RTMP messages in chunks of `chunkSize` bytes, as a player gets them: absolute timestamps modulo 2^32, data always.
 * Named `rtmp/4096`, `rtmp/4096/audio`, and `rtmp/4096/video/2` where the message stream is not the first.
 */
export function rtmpFormat(chunkSize: number, tracks: Tracks = 'both', streamId = MESSAGE_STREAM): Format {
  const name = tracks === 'both' && streamId === MESSAGE_STREAM ? '' : `/${tracks}`;
  return {
    name: `rtmp/${chunkSize}${name}${streamId === MESSAGE_STREAM ? '' : `/${streamId}`}`,
    statesTracks: false,
    muxer: () => rtmpMuxer(chunkSize, tracks, streamId),
  };
}

/**
 * As a publisher sends it: metadata wrapped in `@setDataFrame`, which servers want. Named `rtmp/4096/publish/1` after
 * the chunk size and the message stream that the other side's createStream answered.
 */
export function publishFormat(chunkSize: number, streamId: number): Format {
  return {
    name: `rtmp/${chunkSize}/publish/${streamId}`,
    statesTracks: false,
    muxer: () => {
      const muxer = rtmpMuxer(chunkSize, 'both', streamId);
      return {
        open: (opening, time, first) => {
          const { metadata } = opening;
          return muxer.open(
            metadata === null ? opening : { ...opening, metadata: wrapped(metadata) },
            time,
            first,
          );
        },
        encode: (packets, head, tail) =>
          muxer.encode(packets.some(isBareMetadata) ? packets.map(wrapped) : packets, head, tail),
      };
    },
  };
}

const SET_DATA_FRAME = writeAmf0('@setDataFrame');

function isBareMetadata({ kind, body }: MediaPacket): boolean {
  return kind === DATA && dataName(body) === 'onMetaData';
}

function wrapped(packet: MediaPacket): MediaPacket {
  return isBareMetadata(packet) ? { ...packet, body: Buffer.concat([SET_DATA_FRAME, packet.body]) } : packet;
}

function rtmpMuxer(chunkSize: number, tracks: Tracks, streamId: number): Muxer {
  const dropped: Kind | undefined = tracks === 'audio' ? VIDEO : tracks === 'video' ? AUDIO : undefined;

  function encode(packets: readonly MediaPacket[], head: number, tail: number, at?: number): Buffer {
    let size = 0;
    for (let i = 0; i < packets.length; i++) {
      const { kind, time, body } = packets[i]!;
      if (kind !== dropped) size += messageSize(body.length, stamp(kind, time, at), csidOf(kind), chunkSize);
    }
    const out = Buffer.allocUnsafeSlow(head + size + tail);
    let to = head;
    for (let i = 0; i < packets.length; i++) {
      const { kind, time, body } = packets[i]!;
      if (kind === dropped) continue;
      to = writeMessage(out, to, csidOf(kind), kind, streamId, stamp(kind, time, at), body, chunkSize);
    }
    return out.subarray(head, to);
  }

  return {
    open: ({ metadata, headers }: Opening, time) =>
      encode(metadata === null ? headers : [metadata, ...headers], 0, 0, time),
    encode: (packets, head, tail) => encode(packets, head, tail),
  };
}

/** Metadata keep their own time, 0: players take later script data for a track of text. */
function stamp(kind: Kind, time: number, at: number | undefined): number {
  return (kind === DATA ? time : (at ?? time)) >>> 0;
}

function csidOf(kind: Kind): number {
  return kind === VIDEO ? VIDEO_CSID : kind === AUDIO ? AUDIO_CSID : DATA_CSID;
}

const DATA_CSID = STATUS_CSID;
