import type { AmfWritableObject } from '../wire/amf0.ts';
import { type Command, writeCommand } from '../wire/rtmp/commands.ts';
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
function failure(transactionId: number, code: string, description: string): OutMessage {
  return writeCommand('_error', transactionId, [null, { level: 'error', code, description }]);
}

/** The answers to the calls that encoders and players make beside those that matter; none where none is waited for. */
export function replies(command: Command): readonly OutMessage[] {
  const { transactionId } = command;
  const name = command.name.toLowerCase();
  const answered = (...args: Parameters<typeof writeCommand>[2][number][]): readonly OutMessage[] =>
    transactionId > 0 ? [result(transactionId, null, ...args)] : [];
  switch (name) {
    case 'releasestream':
      return answered(undefined);
    case 'getstreamlength':
      return answered(0);
    case 'fcpublish':
      return [...answered(undefined), notice(command, 'onFCPublish', 'NetStream.Publish.Start')];
    case 'fcunpublish':
      return [...answered(undefined), notice(command, 'onFCUnpublish', 'NetStream.Unpublish.Success')];
    case 'fcsubscribe':
      return [...answered(undefined), notice(command, 'onFCSubscribe', 'NetStream.Play.Start')];
  }
  // Clients probe (_checkbw and the like) and go on without an answer; one that waits for another call is told.
  if (transactionId <= 0 || name.startsWith('_') || name.startsWith('on')) return [];
  const description = `call to function ${printable(command.name)} failed`;
  return [failure(transactionId, 'NetConnection.Call.Failed', description)];
}

function notice({ args }: Command, name: string, code: string): OutMessage {
  const description = typeof args[1] === 'string' ? args[1] : '';
  return writeCommand(name, 0, [null, { level: 'status', code, description }]);
}

/** A client's word as a log line and a status may show it. */
export function printable(word: string): string {
  return JSON.stringify(word.slice(0, 64));
}
