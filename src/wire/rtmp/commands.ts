import { DATA } from '../../media/packet.ts';
import type { AmfLimits, AmfValue } from '../amf.ts';
import { AMF_LIMITS } from '../amf.ts';
import { type AmfWritable, peekAmf0String, readAmf0Values, writeAmf0 } from '../amf0.ts';
import { ProtocolError } from '../protocol-error.ts';
import {
  COMMAND_AMF0,
  COMMAND_AMF3,
  COMMAND_CSID,
  DATA_AMF3,
  type OutMessage,
  STATUS_CSID,
} from './messages.ts';

/** A remote call, an answer to one, or a status. */
export interface Command {
  /** As it came; compare it without regard to case. */
  readonly name: string;
  /** 0 where the peer sent none. */
  readonly transactionId: number;
  /** What follows: for most commands first the command object or null. */
  readonly args: readonly AmfValue[];
}

/** Reads the body of a command message, type 20 or 17. Throws ProtocolError. */
export function readCommand(type: number, body: Buffer, limits: AmfLimits = AMF_LIMITS): Command {
  const values = readAmf0Values(amf0Body(type, body), 0, limits);
  const [name, transactionId, ...args] = values;
  if (typeof name !== 'string') throw new ProtocolError('command without a name');
  if (typeof transactionId === 'number') return { name, transactionId, args };
  if (values.length > 1 && transactionId !== null && transactionId !== undefined) {
    return { name, transactionId: 0, args: [transactionId, ...args] };
  }
  return { name, transactionId: 0, args };
}

/**
 * The AMF0 values of a command or data message. Messages of the AMF3 types (15, 17) hold AMF0 values too, after one
 * byte that tells the format; not every client sends it.
 */
export function amf0Body(type: number, body: Buffer): Buffer {
  return (type === COMMAND_AMF3 || type === DATA_AMF3) && body[0] === 0 ? body.subarray(1) : body;
}

/** The handler a data message is for, such as `onMetaData` or `@setDataFrame`; null where it names none. */
export function dataName(body: Buffer): string | null {
  const name = peekAmf0String(body);
  return name === null ? null : (name.value as string);
}

/** A command message (type 20) on the command chunk stream, or on that of statuses if it belongs to a stream. */
export function writeCommand(
  name: string,
  transactionId: number,
  args: readonly AmfWritable[],
  streamId = 0,
): OutMessage {
  return {
    csid: streamId === 0 ? COMMAND_CSID : STATUS_CSID,
    type: COMMAND_AMF0,
    streamId,
    timestamp: 0,
    body: writeAmf0(name, transactionId, ...args),
  };
}

/** A data message (type 18) of AMF0 values, the first of them the handler's name. */
export function writeData(streamId: number, values: readonly AmfWritable[]): OutMessage {
  return { csid: STATUS_CSID, type: DATA, streamId, timestamp: 0, body: writeAmf0(...values) };
}
