import { textOfUrl } from '../values/uri.ts';
import type { Answer, Exchange } from './exchange.ts';

/** An answer that sends the client to a URL; a path gets scheme, host and port as the place wants it. */
export function redirectAnswer(exchange: Exchange, status: number, url: string): Answer {
  const { conf } = exchange.place;
  const safe = textOfUrl(url);
  const location = safe.startsWith('/') && conf.absolute_redirect ? `${originOf(exchange)}${safe}` : safe;
  return { status, headers: [['Location', location]] };
}

/** `http://host[:port]` of the server as its redirects name it. */
function originOf(exchange: Exchange): string {
  const { connection, place, server } = exchange;
  const scheme = connection.secure ? 'https' : 'http';
  const host = place.conf.server_name_in_redirect ? (server.names[0] ?? exchange.host) : exchange.host;
  const { port } = connection.listen;
  const usual = port === 0 || port === (connection.secure ? 443 : 80);
  return `${scheme}://${host}${usual || !place.conf.port_in_redirect ? '' : `:${port}`}`;
}
