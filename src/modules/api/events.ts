import { LiveResponse } from '../../http/answers/live-response.ts';
import type { Exchange, HeaderField } from '../../http/requests/exchange.ts';

/** Stops are noticed this often, ms, and proxies kept from closing a silent connection every so many times. */
const LOOK_MS = 1000;
const COMMENT_EVERY = 15;
const FIELDS: readonly HeaderField[] = [
  ['Cache-Control', 'no-store'],
  ['X-Accel-Buffering', 'no'],
];
/** Bytes that may wait for somebody who does not read. */
const MOST_BACKLOG = 1024 * 1024;

/** Tells what happens from now on as server-sent events (HTML, 9.2); the connection belongs to them until it ends. */
export function sendEvents(exchange: Exchange): 'taken' {
  const { hub } = exchange.runtime;
  const response = new LiveResponse(exchange, 'text/event-stream', FIELDS, null);
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    if (response.framing === 'plain') response.sink.write(bytes);
    else {
      response.sink.writeAll([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
    }
    if (response.sink.backlog > MOST_BACKLOG) response.sink.abort('events are not read');
  };
  let looks = 0;
  const look = setInterval(() => {
    if (exchange.draining()) {
      response.end('the server stops');
      return;
    }
    looks += 1;
    if (looks % COMMENT_EVERY === 0) write(': still there\n\n');
  }, LOOK_MS);
  const deaf = hub.events.listen((event) =>
    write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`),
  );
  response.whenClosed(() => {
    clearInterval(look);
    deaf();
  });
  response.begin(() => write(': events\n\n'));
  return 'taken';
}
