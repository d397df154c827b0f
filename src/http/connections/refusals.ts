import type { Socket } from 'node:net';
import type { ConnectionError } from '../../core/connections/connection-errors.ts';
import { resetSocket } from '../../core/connections/sink.ts';
import type { Logger } from '../../core/logs/log.ts';
import { statusText } from '../answers/respond.ts';
import type { Connection } from '../requests/exchange.ts';

/** An error of node:http's parser; `rawPacket` holds the bytes it choked on. */
interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Time for the answer to arrive, and for what its client still sends to be thrown away, ms. */
const LINGER_MS = 2000;

/**
 * Answers bytes that are no request, or one that is too large or too slow, and closes. Nothing is said where nothing
 * was asked, or where an answer is under way. Returns what to count it as; null where it has been counted.
 */
export function refuseBadRequest(
  error: ParserError,
  socket: Socket,
  connection: Connection | undefined,
  log: Logger,
): ConnectionError | null {
  // What comes after the bytes at fault is found at fault as well.
  if (socket.writableEnded) return null;
  if (!socket.writable || connection === undefined || connection.live || error.code === 'ECONNRESET') {
    resetSocket(socket);
    return error.code === 'ECONNRESET' ? 'reset' : 'protocol';
  }
  const status = statusOf(error);
  log.info(
    { remote: connection.address, connection: connection.id, status, reason: error.code },
    'a bad request',
  );
  if (connection.busy || socket.bytesRead === 0) socket.destroy();
  else answer(socket, status);
  return status === 408 ? 'timeout' : 'protocol';
}

/** `CONNECT` asks for a tunnel, which is not what this server is. */
export function refuseConnect(socket: Socket): void {
  answer(socket, 405);
}

function statusOf({ code, rawPacket }: ParserError): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code !== 'HPE_HEADER_OVERFLOW') return 400;
  // Where not even one line has come to its end, it is the request line that is too long.
  return rawPacket?.includes('\n') === false ? 414 : 431;
}

function answer(socket: Socket, status: number): void {
  const title = `${status} ${statusText(status)}`;
  const body = `<!doctype html>\n<title>${title}</title>\n<h1>${title}</h1>\n`;
  const head = [
    `HTTP/1.1 ${title}`,
    'Server: mediad',
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  // In all, since whoever goes on sending would put off the end for ever.
  const linger = setTimeout(() => resetSocket(socket), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
