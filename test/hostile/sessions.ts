import { AUDIO, DATA, VIDEO } from '../../src/media/packet.ts';
import { type AmfWritable, writeAmf0 } from '../../src/wire/amf0.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { writeCommand } from '../../src/wire/rtmp/commands.ts';
import {
  AGGREGATE,
  abort,
  type OutMessage,
  pingRequest,
  setBufferLength,
} from '../../src/wire/rtmp/messages.ts';
import { AAC_CONFIGS, AVC_RECORDS } from '../media/records.ts';
import { hex } from '../wire/splits.ts';

/** C0, C1 and C2 of the plain handshake, whose contents do not matter. */
export const HELLO = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1536)]);

export type Media = readonly [kind: number, timestamp: number, body: Buffer];

/** The connect command. */
export function connectTo(app: string): OutMessage {
  return writeCommand('connect', 1, [{ app, tcUrl: `rtmp://127.0.0.1/${app}`, flashVer: 'x' }]);
}

/** What a client sends after the handshake: connect, createStream and the rest. */
export function session(app: string, rest: readonly OutMessage[]): Buffer {
  return new ChunkWriter().encode(connectTo(app), writeCommand('createStream', 2, [null]), ...rest);
}

/** A command on a message stream. */
export function on(streamId: number, name: string, ...args: readonly AmfWritable[]): OutMessage {
  return writeCommand(name, 3, [null, ...args], streamId);
}

/** Media of a publisher on message stream 1. */
export function media(...all: readonly Media[]): OutMessage[] {
  return all.map(([type, timestamp, body]) => ({ csid: 4 + (type % 5), type, streamId: 1, timestamp, body }));
}

export const AVC_CONFIG: Buffer = Buffer.concat([hex('1700000000'), hex(AVC_RECORDS[0]![1])]);
export const AAC_CONFIG: Buffer = Buffer.concat([hex('af00'), hex(AAC_CONFIGS[0]![1])]);

/** What a publisher sends first. */
export const CONFIGS: readonly Media[] = [
  [DATA, 0, writeAmf0('@setDataFrame', 'onMetaData', { width: 640, height: 360 })],
  [VIDEO, 0, AVC_CONFIG],
  [AUDIO, 0, AAC_CONFIG],
];

/** Frames of both kinds, an aggregate, and a timestamp before its wrap. */
export const FRAMES: readonly Media[] = [
  [VIDEO, 0, hex('1701000000 00000003 650102')],
  [AUDIO, 3, hex('af01 2110')],
  [VIDEO, 40, hex('2701000000 00000003 410102')],
  [VIDEO, 0xfffffff0, hex('2701000000 00000003 410102')],
  [
    AGGREGATE,
    80,
    hex('08 000004 000050 00 000000 af012110 0000000f', '09 000006 000060 00 000000 270100000041 00000011'),
  ],
  [DATA, 90, writeAmf0('onCuePoint', { name: 'a' })],
];

/** Whole sessions of `publish` and `play` in the applications of the names, after the handshake. */
export function sessions(app: string, other: string): readonly Buffer[] {
  return [
    session(app, [on(1, 'publish', 'a', 'live'), ...media(...CONFIGS, ...FRAMES), on(0, 'deleteStream', 1)]),
    session(other, [on(1, 'publish', 'b?x=1'), ...media(...CONFIGS, ...FRAMES), on(1, 'FCUnpublish', 'b')]),
    session(app, [
      on(1, 'play', 'a', -2000),
      setBufferLength(1, 3000),
      on(1, 'receiveVideo', false),
      on(1, 'pause', true, 0),
      on(1, 'pause', false, 0),
      on(1, 'play2', { streamName: 'c' }),
      on(1, 'closeStream'),
    ]),
    // Publishes on one message stream what it plays on another.
    session(app, [
      on(0, 'createStream'),
      on(1, 'publish', 'a'),
      on(2, 'play', 'a'),
      ...media(...CONFIGS, ...FRAMES),
      pingRequest(1),
      abort(4),
      on(0, 'releaseStream', 'x'),
      on(0, 'FCPublish', 'x'),
      on(2, 'receiveAudio', false),
      ...media(...FRAMES),
    ]),
  ];
}
