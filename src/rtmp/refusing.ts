import { Refused } from '../core/applications/refused.ts';
import { maskedName } from '../core/logs/log.ts';
import { type Command, writeCommand } from '../wire/rtmp/commands.ts';
import { onStatus } from './answers.ts';
import type { Connection } from './connection.ts';

const REJECTED = { level: 'error', code: 'NetConnection.Connect.Rejected' } as const;

/** Tells a client that it may not connect, and ends it. */
export function refuseConnect(connection: Connection, command: Command, description: string): void {
  connection.send(
    writeCommand('_error', command.transactionId, [null, { ...REJECTED, description }]),
    writeCommand('close', 0, [null]),
  );
  connection.close(`connect refused: ${description}`);
}

/**
 * Tells a client where it is to go instead, in answer to connect, publish or play, and ends it. Adobe's encoders look
 * for statuses; others that call themselves by their name do not, so these get both.
 */
export function sendElsewhere(
  connection: Connection,
  command: Command,
  flashver: string,
  { message, redirect }: Refused,
): void {
  const info = { ...REJECTED, description: message, ex: { code: 302, redirect } };
  const statuses = /^FMLE\//i.test(flashver) ? ['onStatus', 'netStatus'] : [];
  connection.send(
    ...statuses.map((name) => writeCommand(name, 0, [null, info])),
    writeCommand('_error', command.transactionId, [null, info]),
    writeCommand('close', 0, [null]),
  );
  connection.close(`sent elsewhere: ${message}`);
}

/** Tells a client that it may not publish or play, and ends it. Throws what is no refusal. */
export function refuseStream(
  connection: Connection,
  command: Command,
  kind: 'publish' | 'play',
  streamId: number,
  name: string,
  flashver: string,
  error: unknown,
): void {
  if (!(error instanceof Refused)) throw error;
  const fields = { stream: maskedName(name), reason: error.message };
  if (kind === 'publish') connection.log.warn(fields, 'publish refused');
  else connection.log.info(fields, 'play refused');
  if (error.redirect !== '') {
    sendElsewhere(connection, command, flashver, error);
    return;
  }
  const missing = kind === 'play' && error.reason === 'not-found';
  const code = `NetStream.${kind === 'publish' ? publishCode(error) : missing ? 'Play.StreamNotFound' : 'Play.Failed'}`;
  connection.send(onStatus(streamId, 'error', code, missing ? 'No such stream' : error.message));
  connection.close(`${kind} refused: ${error.message}`);
}

function publishCode({ reason }: Refused): string {
  const ofName = reason === 'busy' || reason === 'bad-name' || reason === 'not-found';
  return ofName ? 'Publish.BadName' : 'Publish.Denied';
}
