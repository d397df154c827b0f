import { connect, type SecureVersion } from 'node:tls';

/** What one request over TLS came to. */
export interface Resumed {
  /** What client and server say of the session alike. */
  readonly reused: boolean;
  /** To come again with. */
  readonly session: Buffer;
  /** The body of the answer. */
  readonly text: string;
}

/** One request, with a session of before; what is asked answers with `$ssl_session_reused` and more. */
export function resume(
  port: number,
  servername: string,
  version: SecureVersion,
  session?: Buffer,
): Promise<Resumed> {
  return new Promise((resolve, reject) => {
    let ticket = session;
    let reused = false;
    let answer = '';
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ...(session === undefined ? {} : { session }),
    });
    socket.on('session', (one: Buffer) => {
      ticket = one;
    });
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused();
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const text = answer.slice(answer.indexOf('\r\n\r\n') + 4);
      if (text.startsWith('r') !== reused) reject(new Error(`the server says otherwise: ${answer}`));
      else resolve({ reused, session: ticket ?? Buffer.alloc(0), text });
    });
  });
}
