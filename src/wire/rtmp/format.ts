import type { Format, Muxer } from '../../media/format.ts';
import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';
import { messageSize, writeMessage } from './chunk-writer.ts';
import { AUDIO_CSID, STATUS_CSID, VIDEO_CSID } from './messages.ts';

/** Which media a player wants. */
export type Tracks = 'both' | 'audio' | 'video';

/** The message stream that createStream answers first, so that nearly all players can share the same bytes. */
export const MESSAGE_STREAM = 1;

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

function rtmpMuxer(chunkSize: number, tracks: Tracks, streamId: number): Muxer {
  const dropped: Kind | undefined = tracks === 'audio' ? VIDEO : tracks === 'video' ? AUDIO : undefined;

  function encode(packets: readonly MediaPacket[], head: number, tail: number, at?: number): Buffer {
    let size = 0;
    for (let i = 0; i < packets.length; i++) {
      const { kind, time, body } = packets[i]!;
      if (kind !== dropped) size += messageSize(body.length, (at ?? time) >>> 0, csidOf(kind), chunkSize);
    }
    const out = Buffer.allocUnsafeSlow(head + size + tail);
    let to = head;
    for (let i = 0; i < packets.length; i++) {
      const { kind, time, body } = packets[i]!;
      if (kind === dropped) continue;
      to = writeMessage(out, to, csidOf(kind), kind, streamId, (at ?? time) >>> 0, body, chunkSize);
    }
    return out.subarray(head, to);
  }

  return {
    open: ({ metadata, headers }: Opening, time) =>
      encode(metadata === null ? headers : [metadata, ...headers], 0, 0, time),
    encode: (packets, head, tail) => encode(packets, head, tail),
  };
}

function csidOf(kind: Kind): number {
  return kind === VIDEO ? VIDEO_CSID : kind === AUDIO ? AUDIO_CSID : DATA_CSID;
}

const DATA_CSID = STATUS_CSID;
