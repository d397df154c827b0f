import type { HappenedEvent } from '../../core/events.ts';
import type { Exchange, HeaderField } from '../../http/exchange.ts';
import { LiveResponse } from '../../http/live-response.ts';

/** Relays are looked at, and proxies kept from closing a silent connection, this often, ms. */
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
  const tell = (event: Omit<HappenedEvent, 'kind'> & { readonly kind: string }): void =>
    write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
  let states = relayStates(exchange);
  let looks = 0;
  const look = setInterval(() => {
    if (exchange.draining()) {
      response.end('the server stops');
      return;
    }
    looks += 1;
    if (looks % COMMENT_EVERY === 0) write(': still there\n\n');
    const before = states;
    states = relayStates(exchange);
    for (const [key, relay] of states) {
      if (before.get(key)?.state !== relay.state) tell({ ...relay, kind: 'relay', at: Date.now() });
    }
    for (const [key, relay] of before) {
      if (!states.has(key)) tell({ ...relay, state: 'closed', kind: 'relay', at: Date.now() });
    }
  }, LOOK_MS);
  const deaf = hub.events.listen(tell);
  response.whenClosed(() => {
    clearInterval(look);
    deaf();
  });
  write(': events\n\n');
  return 'taken';
}

function relayStates({ runtime }: Exchange) {
  const found = [...runtime.hub.applications()].flatMap(({ server, name: app, relays }) =>
    relays.list().map((relay) => {
      const key = JSON.stringify([server, app, relay.direction, relay.stream, relay.url]);
      return [key, { ...relay, server, app }] as const;
    }),
  );
  return new Map(found);
}
