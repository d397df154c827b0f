import type { Format, Muxer } from '../../media/format.ts';
import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';
import { messageSize, writeMessage } from './chunk-writer.ts';
import { AUDIO_CSID, STATUS_CSID, VIDEO_CSID } from './messages.ts';

/** Which media a player wants. */
export type Tracks = 'both' | 'audio' | 'video';

/** The only message stream there is: createStream always answers it, so that all players can share the same bytes. */
export const MESSAGE_STREAM = 1;

/**
 * RTMP messages in chunks of `chunkSize` bytes, as a player gets them: message stream 1, absolute timestamps modulo
 * 2^32, data always. Named `rtmp/4096`, `rtmp/4096/audio`, `rtmp/4096/video`.
 */
export function rtmpFormat(chunkSize: number, tracks: Tracks = 'both'): Format {
  return {
    name: tracks === 'both' ? `rtmp/${chunkSize}` : `rtmp/${chunkSize}/${tracks}`,
    statesTracks: false,
    muxer: () => rtmpMuxer(chunkSize, tracks),
  };
}

function rtmpMuxer(chunkSize: number, tracks: Tracks): Muxer {
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
      to = writeMessage(out, to, csidOf(kind), kind, MESSAGE_STREAM, (at ?? time) >>> 0, body, chunkSize);
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
