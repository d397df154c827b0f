import type { AmfWritableObject } from '../wire/amf0.ts';
import { writeCommand } from '../wire/rtmp/commands.ts';
import type { OutMessage } from '../wire/rtmp/messages.ts';

type Level = 'status' | 'error';

/** An onStatus of a message stream: level, code and description in the order clients know. */
export function onStatus(
  streamId: number,
  level: Level,
  code: string,
  description: string,
  more: AmfWritableObject = {},
): OutMessage {
  return writeCommand('onStatus', 0, [null, { level, code, description, ...more }], streamId);
}

/** The answer to a call that succeeded. */
export function result(
  transactionId: number,
  ...args: Parameters<typeof writeCommand>[2][number][]
): OutMessage {
  return writeCommand('_result', transactionId, args);
}

/** The answer to a call that failed. */
export function failure(transactionId: number, code: string, description: string): OutMessage {
  return writeCommand('_error', transactionId, [null, { level: 'error', code, description }]);
}
