import { ProtocolError } from '../protocol-error.ts';

/** Message types of RTMP 1.0, 5.4 and 7.1. Those of media are in `media/packet.ts`. */
export const SET_CHUNK_SIZE = 1;
export const ABORT = 2;
const ACKNOWLEDGEMENT = 3;
export const USER_CONTROL = 4;
const WINDOW_ACK_SIZE = 5;
const SET_PEER_BANDWIDTH = 6;
export const DATA_AMF3 = 15;
export const COMMAND_AMF3 = 17;
export const COMMAND_AMF0 = 20;
export const AGGREGATE = 22;

/** Chunk streams messages are written on; 2 is the protocol's own, the rest are those every server uses. */
const CONTROL_CSID = 2;
export const COMMAND_CSID = 3;
export const STATUS_CSID = 5;
export const AUDIO_CSID = 6;
export const VIDEO_CSID = 7;

/** A message of the chunk layer. */
export interface RtmpMessage {
  readonly type: number;
  /** Message stream id. */
  readonly streamId: number;
  /** ms, absolute, unsigned 32 bits. */
  readonly timestamp: number;
  readonly body: Buffer;
}

/** A message to be written, with the chunk stream it goes on. */
export interface OutMessage extends RtmpMessage {
  readonly csid: number;
}

const STREAM_BEGIN = 0;
const STREAM_EOF = 1;
const STREAM_DRY = 2;
const SET_BUFFER_LENGTH = 3;
const STREAM_IS_RECORDED = 4;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

const LIMITS = ['hard', 'soft', 'dynamic'] as const;

/** How Set Peer Bandwidth limits (RTMP 1.0, 5.4.5). */
export type BandwidthLimit = (typeof LIMITS)[number];

/** A protocol control or user control message, read. */
export type Control =
  | { readonly kind: 'chunkSize'; readonly size: number }
  | { readonly kind: 'abort'; readonly csid: number }
  | { readonly kind: 'acknowledgement'; readonly bytes: number }
  | { readonly kind: 'windowAckSize'; readonly size: number }
  | { readonly kind: 'peerBandwidth'; readonly size: number; readonly limit: BandwidthLimit }
  | {
      readonly kind: 'streamBegin' | 'streamEof' | 'streamDry' | 'streamIsRecorded';
      readonly streamId: number;
    }
  | { readonly kind: 'bufferLength'; readonly streamId: number; readonly ms: number }
  | { readonly kind: 'pingRequest' | 'pingResponse'; readonly timestamp: number }
  /** A user control event nobody has to act on. */
  | { readonly kind: 'unknown'; readonly event: number };

/** Reads a message of type 1 to 6; null for another type. Throws ProtocolError where the body is too short. */
export function readControl(type: number, body: Buffer): Control | null {
  switch (type) {
    case SET_CHUNK_SIZE:
      return { kind: 'chunkSize', size: u32(body, 0) & 0x7fffffff };
    case ABORT:
      return { kind: 'abort', csid: u32(body, 0) };
    case ACKNOWLEDGEMENT:
      return { kind: 'acknowledgement', bytes: u32(body, 0) };
    case WINDOW_ACK_SIZE:
      return { kind: 'windowAckSize', size: u32(body, 0) };
    case SET_PEER_BANDWIDTH:
      // Some peers leave out the limit type.
      return { kind: 'peerBandwidth', size: u32(body, 0), limit: LIMITS[body[4] ?? 2] ?? 'dynamic' };
    case USER_CONTROL:
      return readUserControl(body);
    default:
      return null;
  }
}

function readUserControl(body: Buffer): Control {
  if (body.length < 2) throw new ProtocolError('user control message is too short');
  const event = body.readUInt16BE(0);
  switch (event) {
    case STREAM_BEGIN:
      return { kind: 'streamBegin', streamId: u32(body, 2) };
    case STREAM_EOF:
      return { kind: 'streamEof', streamId: u32(body, 2) };
    case STREAM_DRY:
      return { kind: 'streamDry', streamId: u32(body, 2) };
    case STREAM_IS_RECORDED:
      return { kind: 'streamIsRecorded', streamId: u32(body, 2) };
    case SET_BUFFER_LENGTH:
      return { kind: 'bufferLength', streamId: u32(body, 2), ms: u32(body, 6) };
    case PING_REQUEST:
      return { kind: 'pingRequest', timestamp: u32(body, 2) };
    case PING_RESPONSE:
      return { kind: 'pingResponse', timestamp: u32(body, 2) };
    default:
      return { kind: 'unknown', event };
  }
}

function u32(body: Buffer, at: number): number {
  if (body.length < at + 4) throw new ProtocolError('control message is too short');
  return body.readUInt32BE(at);
}

/** Set Chunk Size: bytes of body per chunk from the next message on, 1 to 0x7fffffff. */
export function setChunkSize(size: number): OutMessage {
  return control(SET_CHUNK_SIZE, words(size));
}

/** Abort: the unfinished message of the chunk stream is not going to be finished. */
export function abort(csid: number): OutMessage {
  return control(ABORT, words(csid));
}

/** Acknowledgement: the bytes received so far, which wrap at 2^32. */
export function acknowledgement(bytes: number): OutMessage {
  return control(ACKNOWLEDGEMENT, words(bytes));
}

/** Window Acknowledgement Size: after how many bytes the peer is to acknowledge. */
export function windowAckSize(size: number): OutMessage {
  return control(WINDOW_ACK_SIZE, words(size));
}

/** Set Peer Bandwidth: how many bytes the peer may have unacknowledged. */
export function setPeerBandwidth(size: number, limit: BandwidthLimit): OutMessage {
  return control(SET_PEER_BANDWIDTH, Buffer.concat([words(size), Buffer.from([LIMITS.indexOf(limit)])]));
}

/** User control: the stream has begun. */
export function streamBegin(streamId: number): OutMessage {
  return userControl(STREAM_BEGIN, words(streamId));
}

/** User control: the stream has ended. */
export function streamEof(streamId: number): OutMessage {
  return userControl(STREAM_EOF, words(streamId));
}

/** User control: no data for now. */
export function streamDry(streamId: number): OutMessage {
  return userControl(STREAM_DRY, words(streamId));
}

/** User control, by a player: its buffer, in ms. */
export function setBufferLength(streamId: number, ms: number): OutMessage {
  return userControl(SET_BUFFER_LENGTH, words(streamId, ms));
}

/** User control: the stream is a recording. */
export function streamIsRecorded(streamId: number): OutMessage {
  return userControl(STREAM_IS_RECORDED, words(streamId));
}

/** User control: asks the peer to answer with the same 32-bit `timestamp`. */
export function pingRequest(timestamp: number): OutMessage {
  return userControl(PING_REQUEST, words(timestamp));
}

/** User control: the answer to a ping. */
export function pingResponse(timestamp: number): OutMessage {
  return userControl(PING_RESPONSE, words(timestamp));
}

function control(type: number, body: Buffer): OutMessage {
  return { csid: CONTROL_CSID, type, streamId: 0, timestamp: 0, body };
}

function userControl(event: number, data: Buffer): OutMessage {
  return control(USER_CONTROL, Buffer.concat([Buffer.from([0, event]), data]));
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
}
