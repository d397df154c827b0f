import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuseConnect } from './refusals.ts';
import type { HttpServer } from './router.ts';
import { type TlsIdentity, tlsServer } from './tls.ts';

/** How often node:http looks for clients that are too slow with their header, ms. */
const HEADER_CHECK_MS = 1000;
/** A request's header and body together may take this long, ms. */
const REQUEST_MS = 300_000;

/** What takes the connections of one address: TLS if it has any, then the HTTP parser. */
export interface Front {
  /** Equal for fronts that would behave alike: such a one goes on in a reload. */
  readonly options: string;
  readonly http: Server;
  readonly secure: boolean;
  hand(socket: Socket): void;
}

/** What a front tells. */
export interface FrontEvents {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** The bytes are no request, or it came too slowly. */
  failed(error: Error, socket: Socket): void;
  /** A handshake is done; false: the connection is not wanted any more. */
  secured(socket: Socket): boolean;
}

/** Everything a front of an address is made with, as one text. */
export function frontOptions({ conf, place }: HttpServer, identity: TlsIdentity | undefined): string {
  return JSON.stringify([
    conf.client_header_timeout,
    conf.large_client_header_buffers,
    conf.client_header_buffer_size,
    conf.max_headers,
    place.conf.keepalive_timeout.idle,
    identity?.fingerprint ?? null,
  ]);
}

/** Makes the front of an address, with the limits of its default server. It listens nowhere itself. */
export function openFront(server: HttpServer, identity: TlsIdentity | undefined, events: FrontEvents): Front {
  const options = frontOptions(server, identity);
  const http = httpServer(server, events);
  if (identity === undefined) {
    return { options, http, secure: false, hand: (socket) => void http.emit('connection', socket) };
  }
  const tls = tlsServer(identity, (socket) => {
    if (events.secured(socket)) http.emit('connection', socket);
    else socket.destroy();
  });
  return { options, http, secure: true, hand: (socket) => void tls.emit('connection', socket) };
}

function httpServer({ conf, place }: HttpServer, events: FrontEvents): Server {
  const http = createServer(
    {
      headersTimeout: conf.client_header_timeout,
      requestTimeout: Math.max(REQUEST_MS, conf.client_header_timeout),
      connectionsCheckingInterval: HEADER_CHECK_MS,
      keepAliveTimeout: place.conf.keepalive_timeout.idle,
      maxHeaderSize: Math.max(conf.large_client_header_buffers, conf.client_header_buffer_size),
    },
    (request, response) => events.request(request, response),
  );
  http.maxHeadersCount = conf.max_headers;
  http.on('clientError', (error, socket) => events.failed(error, socket as Socket));
  http.on('connect', (_request, socket) => refuseConnect(socket as Socket));
  // Only a server that listens watches over slow clients by itself.
  http.emit('listening');
  return http;
}

/** Lets a front go that new connections do not come to any more; those it has go on under it until they end. */
export function retire({ http }: Front): void {
  http.closeIdleConnections();
  // Its watch over slow clients goes on until the last of them has had its time.
  setTimeout(() => http.close(), http.headersTimeout + 2 * HEADER_CHECK_MS).unref();
}
