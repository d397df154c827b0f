import assert from 'node:assert/strict';
import { AUDIO, DATA, type MediaPacket, VIDEO } from '../../src/media/packet.ts';
import { replies } from '../../src/rtmp/answers.ts';
import { connectInfo, hostOfUrl, readConnect } from '../../src/rtmp/connect.ts';
import { PeerUrlError, readPeerUrl } from '../../src/rtmp/peer.ts';
import { EcmaArray, readAmf0Values, writeAmf0 } from '../../src/wire/amf0.ts';
import { readAmf3 } from '../../src/wire/amf3.ts';
import { flvFormat, flvHeader } from '../../src/wire/flv/format.ts';
import { FlvReader } from '../../src/wire/flv/reader.ts';
import { readMediaPlaylist, writeMediaPlaylist } from '../../src/wire/m3u8.ts';
import { isMetadata, metadataFor } from '../../src/wire/metadata.ts';
import { ProtocolError } from '../../src/wire/protocol-error.ts';
import { unpackAggregate } from '../../src/wire/rtmp/aggregate.ts';
import { ChunkReader } from '../../src/wire/rtmp/chunk-reader.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { readCommand, writeCommand } from '../../src/wire/rtmp/commands.ts';
import { clientHandshake, type Handshake, serverHandshake } from '../../src/wire/rtmp/handshake.ts';
import { CLIENT_KEYS, PACKET_BYTES, SERVER_KEYS, signFirst } from '../../src/wire/rtmp/handshake-digest.ts';
import {
  AGGREGATE,
  COMMAND_AMF0,
  COMMAND_AMF3,
  pingRequest,
  readControl,
} from '../../src/wire/rtmp/messages.ts';
import { AMF0_CASES } from '../wire/amf0-cases.ts';
import { AMF3_CASES } from '../wire/amf3-cases.ts';
import { CHUNK_CASES } from '../wire/rtmp/chunk-cases.ts';
import { hex } from '../wire/splits.ts';
import { pieces } from './mutation.ts';
import type { Target } from './target.ts';

const MB = 1024 * 1024;

/** Both packets of one side, the first with a digest where there are keys, and something behind. */
function firstPackets(
  version: number,
  keys: Parameters<typeof signFirst>[2] | null,
  scheme: 8 | 772,
): Buffer {
  const bytes = Buffer.alloc(1 + 2 * PACKET_BYTES + 5, 0x5a);
  bytes[0] = 3;
  bytes.writeUInt32BE(version, 5);
  if (keys !== null) signFirst(bytes.subarray(1, 1 + PACKET_BYTES), scheme, keys);
  return bytes;
}

function shake(side: () => Handshake): (input: Buffer) => void {
  return (input) => {
    const handshake = side();
    for (const piece of pieces(input)) {
      const { done, rest } = handshake.push(piece);
      if (done) return assert.ok(rest.length <= piece.length);
    }
  };
}

/** What came out before the error, and the error. */
interface Read {
  readonly out: readonly string[];
  readonly error: string | null;
}

/** Reads the parts one after another; ends at a ProtocolError. */
function readParts(
  parts: readonly Buffer[],
  push: (part: Buffer, out: (text: string) => void) => void,
): Read {
  const out: string[] = [];
  try {
    for (const part of parts) push(part, (text) => out.push(text));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { out, error: error.message };
  }
  return { out, error: null };
}

/** However bytes are split, the same comes out of them. Throws the error that reading them whole gives. */
function sameHoweverSplit(input: Buffer, read: (parts: readonly Buffer[]) => Read): void {
  const whole = read([input]);
  const parted = read(pieces(input).map((piece) => Buffer.from(piece)));
  assert.deepEqual(parted, whole);
  if (whole.error !== null) throw new ProtocolError(whole.error);
}

function readChunks(parts: readonly Buffer[]): Read {
  const reader = new ChunkReader({ maxMessage: MB, maxStreams: 65_600 });
  return readParts(parts, (part, out) => {
    reader.push(part, ({ type, streamId, timestamp, body }) =>
      out(`${type} ${streamId} ${timestamp} ${body.length} ${body.toString('latin1', 0, 40)}`),
    );
  });
}

function readFlv(parts: readonly Buffer[]): Read {
  const reader = new FlvReader({ maxTag: MB });
  return readParts(parts, (part, out) => {
    reader.push(part, {
      header: ({ hasAudio, hasVideo }) => out(`${hasAudio} ${hasVideo}`),
      tag: (kind, time, body) => out(`${kind} ${time} ${body.length} ${body.toString('latin1', 0, 40)}`),
    });
  });
}

const FIELDS = {
  app: 'live?a=b',
  tcUrl: 'rtmp://host.example:1935/live',
  flashVer: 'x',
  objectEncoding: 3,
  fourCcList: ['*'],
};
const METADATA = {
  width: 1280,
  height: '720',
  framerate: 25,
  videocodecid: 'avc1',
  encoder: 'x',
  list: [1, null],
};
const COMMANDS: readonly Buffer[] = [
  writeAmf0('connect', 1, FIELDS),
  writeAmf0('createStream', 2, null),
  writeAmf0('publish', 3, null, 'name?key=1', 'live'),
  writeAmf0('play', 4, null, 'name', -2000, -1, true),
  writeAmf0('FCPublish', 5, null, 'name'),
  writeAmf0('getStreamLength', 6, null, 'name'),
  writeAmf0('other', 7, null, [1, 2], new Date(0), new EcmaArray({ a: {} })),
].flatMap((body) => [body, Buffer.concat([Buffer.alloc(1), body])]);

function readCommands(input: Buffer): void {
  for (const type of [COMMAND_AMF0, COMMAND_AMF3]) {
    const command = readCommand(type, input);
    new ChunkWriter().encode(...replies(command), writeCommand(command.name.slice(0, 99), 1, [null]));
    for (const value of command.args) {
      const fields = readConnect(value);
      hostOfUrl(fields.tcurl);
      connectInfo(fields);
    }
  }
}

function tag(kind: number, time: number, body: string): Buffer {
  const bytes = hex(body);
  const head = Buffer.alloc(11);
  head[0] = kind;
  head.writeUIntBE(bytes.length, 1, 3);
  head.writeUIntBE(time, 4, 3);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(11 + bytes.length);
  return Buffer.concat([head, bytes, end]);
}

const packet = (kind: MediaPacket['kind'], time: number, body: Buffer): MediaPacket => {
  return { kind, time, key: false, config: false, body };
};
const FLV_FILE = Buffer.concat([
  flvHeader(true, true),
  flvFormat()
    .muxer()
    .encode(
      [
        packet(DATA, 0, writeAmf0('onMetaData', METADATA)),
        packet(VIDEO, 0, hex('1700')),
        packet(AUDIO, 0xfedcba98, hex('af01 21')),
        packet(VIDEO, 40, Buffer.alloc(300, 7)),
        packet(AUDIO, 41, Buffer.alloc(0)),
      ],
      0,
      0,
    ),
]);

const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-ALLOW-CACHE:NO
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00.000Z
#EXTINF:2.000,
s-1.ts
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI="k-2.key",IV=0x0000000000000000000000000000000A
#EXTINF:1.499,title
s-2.ts
#EXT-X-ENDLIST
`;

/** What reads the bytes of RTMP, FLV and playlists. */
export const wireTargets: readonly Target[] = [
  {
    name: 'handshake, server',
    seeds: [
      firstPackets(0, null, 8),
      firstPackets(0x80000702, CLIENT_KEYS, 8),
      firstPackets(0x80000702, CLIENT_KEYS, 772),
    ],
    share: 3,
    errors: [ProtocolError],
    feed: shake(serverHandshake),
  },
  {
    name: 'handshake, client',
    seeds: [firstPackets(0, null, 8), firstPackets(0x05000f01, SERVER_KEYS, 8)],
    share: 3,
    errors: [ProtocolError],
    feed: shake(clientHandshake),
  },
  {
    name: 'chunks',
    seeds: CHUNK_CASES.map(({ bytes }) => bytes),
    share: 15,
    errors: [ProtocolError],
    feed: (input) => sameHoweverSplit(input, readChunks),
  },
  {
    name: 'control messages',
    seeds: [hex('01 00001000'), hex('06 00000001 02'), pingRequest(1).body, hex('04 0003 00000001 00000bb8')],
    share: 4,
    errors: [ProtocolError],
    feed: (input) => void readControl((input[0] ?? 0) & 7, input.subarray(1)),
  },
  { name: 'commands', seeds: COMMANDS, share: 12, errors: [ProtocolError], feed: readCommands },
  {
    name: 'aggregates',
    seeds: [
      Buffer.concat([tag(8, 5, 'af0121'), tag(9, 40, '2701'), tag(18, 41, '020001 61')]),
      tag(9, 0, '17'),
    ],
    share: 4,
    errors: [ProtocolError],
    feed: (input) => {
      unpackAggregate(
        { type: AGGREGATE, streamId: 1, timestamp: 0xfffffff0, body: input },
        ({ timestamp, body }) => {
          assert.ok(timestamp >= 0 && timestamp < 2 ** 32 && body.length <= input.length);
        },
      );
    },
  },
  {
    name: 'AMF0',
    seeds: AMF0_CASES.filter(({ bytes }) => bytes.length < 1000).map(({ bytes }) => bytes),
    share: 14,
    errors: [ProtocolError],
    feed: (input) => void readAmf0Values(input),
  },
  {
    name: 'AMF3',
    seeds: AMF3_CASES.map(({ bytes }) => bytes),
    share: 12,
    errors: [ProtocolError],
    feed: (input) => void readAmf3(input),
  },
  {
    name: 'metadata',
    seeds: [
      writeAmf0('onMetaData', METADATA),
      writeAmf0('@setDataFrame', 'onMetaData', new EcmaArray(METADATA)),
      writeAmf0('@setDataFrame', null, METADATA),
    ],
    share: 6,
    errors: [ProtocolError],
    feed: (input) => {
      if (!isMetadata(input)) return;
      assert.notEqual(metadataFor('copy', input), null);
      const made = metadataFor('on', input);
      if (made !== null) assert.equal(readAmf0Values(made).length, 2);
    },
  },
  {
    name: 'FLV',
    seeds: [FLV_FILE, FLV_FILE.subarray(0, 200)],
    share: 5,
    errors: [ProtocolError],
    feed: (input) => sameHoweverSplit(input, readFlv),
  },
  {
    name: 'playlists',
    seeds: [Buffer.from(PLAYLIST), Buffer.from(PLAYLIST.replaceAll('\n', '\r\n'))],
    words: PLAYLIST.split(/[\n:,=]/).map((word) => Buffer.from(`${word}\n`)),
    share: 4,
    errors: [],
    feed: (input) => {
      const read = readMediaPlaylist(input.toString('utf8'));
      if (read !== null) assert.deepEqual(readMediaPlaylist(writeMediaPlaylist(read)), read);
    },
  },
  {
    name: 'relay URLs',
    seeds: [
      'rtmp://host:1935/app/name?a=b',
      'rtmps://[::1]/app',
      'rtmp://unix:/run/x.sock:/app/name',
      '127.0.0.1',
    ].map((text) => Buffer.from(text)),
    share: 3,
    errors: [PeerUrlError],
    feed: (input) => {
      const { address } = readPeerUrl(input.toString('utf8'));
      assert.ok(
        address.transport === 'unix' ? address.path.startsWith('/') : address.port > 0 && address.host !== '',
      );
    },
  },
];
