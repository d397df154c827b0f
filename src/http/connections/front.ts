import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { PlainHead } from '../requests/request-head.ts';
import type { HttpServer } from '../router.ts';
import { DirectConnection, type DirectReply } from './direct.ts';
import { refuseConnect } from './refusals.ts';
import { setTicketKeys, type TlsIdentity, tlsServer } from './tls.ts';

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
  /** Those that node:http has not been needed for yet. */
  readonly direct: ReadonlySet<DirectConnection>;
  hand(socket: Socket): void;
  /** Has TLS sessions resumed by another secret. */
  useTickets(secret: Buffer): void;
}

/** What a front tells. */
export interface FrontEvents {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** A plain request, read past node:http. */
  direct(socket: Socket, head: PlainHead, reply: DirectReply): void;
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
  const { conf } = server;
  const http = httpServer(server, events);
  const direct = new Set<DirectConnection>();
  const limits = { bytes: mostHeadBytes(server), fields: conf.max_headers };
  const read = (socket: Socket): void => {
    const connection = new DirectConnection(socket, limits, conf.client_header_timeout, {
      request: (head, reply) => events.direct(socket, head, reply),
      handOver(bytes) {
        direct.delete(connection);
        socket.unshift(bytes);
        http.emit('connection', socket);
      },
    });
    direct.add(connection);
    socket.once('close', () => direct.delete(connection));
  };
  const common = { options: frontOptions(server, identity), http, direct };
  if (identity === undefined) return { ...common, secure: false, hand: read, useTickets: () => undefined };
  const tls = tlsServer(identity, (socket) => {
    if (events.secured(socket)) read(socket);
    else socket.destroy();
  });
  return {
    ...common,
    secure: true,
    hand: (socket) => void tls.emit('connection', socket),
    useTickets: (secret) => setTicketKeys(tls, identity, secret),
  };
}

function mostHeadBytes({ conf }: HttpServer): number {
  return Math.max(conf.large_client_header_buffers, conf.client_header_buffer_size);
}

function httpServer(server: HttpServer, events: FrontEvents): Server {
  const { conf, place } = server;
  const http = createServer(
    {
      headersTimeout: conf.client_header_timeout,
      requestTimeout: Math.max(REQUEST_MS, conf.client_header_timeout),
      connectionsCheckingInterval: HEADER_CHECK_MS,
      keepAliveTimeout: place.conf.keepalive_timeout.idle,
      maxHeaderSize: mostHeadBytes(server),
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

/** Closes the connections on which nothing is asked. */
export function closeIdle({ http, direct }: Front): void {
  http.closeIdleConnections();
  for (const connection of direct) if (connection.idle) connection.destroy();
}

/**
 * Lets a front go that new connections do not come to any more; those it has go on under it until they end. The first
 * request of one that has just come may be under way.
 */
export function retire(front: Front): void {
  const { http, direct } = front;
  http.closeIdleConnections();
  for (const connection of direct) if (connection.idle && !connection.fresh) connection.destroy();
  // Its watch over slow clients goes on until the last of them has had its time.
  setTimeout(() => http.close(), http.headersTimeout + 2 * HEADER_CHECK_MS).unref();
}
