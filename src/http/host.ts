import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Block, childrenOf } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import { type Listen, plainAddress } from '../core/addresses.ts';
import type { Host, Prepared } from '../core/host.ts';
import type { Wanted } from '../core/listeners.ts';
import type { Report } from '../core/report.ts';
import type { Runtime } from '../core/runtime.ts';
import { hostOf } from '../core/server-names.ts';
import { AccessLogs } from './access-log.ts';
import { checkHttp } from './check.ts';
import { noCounters } from './counters.ts';
import { type Connection, Exchange } from './exchange.ts';
import type { HttpModule } from './handler.ts';
import { serve } from './phases.ts';
import { refuseBadRequest, refuseConnect } from './refusals.ts';
import { reportServers } from './reload-report.ts';
import { respond } from './respond.ts';
import { chooseServer, compileRouter, type HttpServer, listensOf, type Router } from './router.ts';
import { readIdentity, type TlsIdentity, tlsServer } from './tls.ts';
import { parseTarget } from './uri.ts';
import { keepCaptures } from './variables.ts';

/** How often node:http looks for clients that are too slow with their header, ms. */
const HEADER_CHECK_MS = 1000;
/** Requests a client may send before it has had the answers to those before. */
const MOST_AHEAD = 1000;
/** A request's header and body together may take this long, ms. */
const REQUEST_MS = 300_000;

/** What takes the connections of one address: TLS if it has any, then the HTTP parser. */
interface Front {
  /** Its making depends on these; equal ones go on in a reload. */
  readonly options: string;
  readonly http: Server;
  readonly secure: boolean;
  hand(socket: Socket): void;
}

/** The HTTP side of the server. */
export class HttpHost implements Host {
  readonly counters = noCounters();
  readonly #runtime: Runtime;
  readonly #modules: readonly HttpModule[];
  readonly #logs: AccessLogs;
  readonly #connections = new Map<Socket, Connection>();
  readonly #sockets = new Set<Socket>();
  /** Connections of addresses that were bound for a configuration not committed yet. */
  #early: (readonly [Socket, Listen])[] = [];
  #fronts = new Map<string, Front>();
  #router: Router;
  #draining = false;

  constructor(runtime: Runtime, modules: readonly HttpModule[]) {
    this.#runtime = runtime;
    this.#modules = modules;
    this.#logs = new AccessLogs(runtime.logFiles, runtime.prefix, runtime.log);
    this.#router = { servers: [], byListen: new Map(), maps: new Map(), formats: new Map() };
  }

  check(tree: Block): readonly Diagnostic[] {
    return checkHttp(tree);
  }

  listens(tree: Block): readonly Wanted[] {
    return childrenOf(childrenOf(tree, 'http')[0], 'server').flatMap((server) => {
      const at = server.origins['listen'] ?? server.at;
      return listensOf(server).map((listen) => ({ listen, protocol: 'http' as const, at }));
    });
  }

  async prepare(tree: Block): Promise<Prepared> {
    const undo = (): void => {
      for (const [socket] of this.#early.splice(0)) socket.destroy();
    };
    try {
      const router = compileRouter(tree, this.#modules);
      const identities = this.#readIdentities(router);
      const logs = this.#logs.prepare(childrenOf(tree, 'http')[0]);
      return {
        commit: (report) => {
          logs.commit();
          this.#commit(router, identities, report);
        },
        undo: () => {
          logs.undo();
          undo();
        },
      };
    } catch (error) {
      undo();
      throw error;
    }
  }

  #readIdentities(router: Router): ReadonlyMap<string, TlsIdentity> {
    const identities = new Map<string, TlsIdentity>();
    for (const [key, { servers, fallback }] of router.byListen) {
      if (isSecure(key, servers)) identities.set(key, readIdentity(servers, fallback, this.#runtime.prefix));
    }
    return identities;
  }

  #commit(router: Router, identities: ReadonlyMap<string, TlsIdentity>, report: Report): void {
    reportServers(this.#router, router, report);
    const fronts = new Map<string, Front>();
    for (const [key, { fallback }] of router.byListen) {
      fronts.set(key, this.#front(key, fallback, identities.get(key)));
    }
    for (const [key, front] of this.#fronts) {
      if (fronts.get(key) !== front) retire(front);
    }
    this.#fronts = fronts;
    this.#router = router;
    for (const [socket, listen] of this.#early.splice(0)) this.accept(socket, listen);
  }

  /** The running front of an address if nothing it was made with has changed, else a new one. */
  #front(key: string, fallback: HttpServer, identity: TlsIdentity | undefined): Front {
    const { conf, place } = fallback;
    const options = JSON.stringify([
      conf.client_header_timeout,
      conf.large_client_header_buffers,
      conf.client_header_buffer_size,
      conf.max_headers,
      place.conf.keepalive_timeout.idle,
      identity?.fingerprint ?? null,
    ]);
    const running = this.#fronts.get(key);
    if (running !== undefined && running.options === options) return running;
    const http = this.#httpServer(fallback);
    if (identity === undefined) {
      return { options, http, secure: false, hand: (socket) => void http.emit('connection', socket) };
    }
    const tls = tlsServer(identity, (secured) => {
      this.#admit(secured, this.#listenOf(key), true);
      http.emit('connection', secured);
    });
    return { options, http, secure: true, hand: (socket) => void tls.emit('connection', socket) };
  }

  #listenOf(key: string): Listen {
    const server = this.#router.byListen.get(key)?.fallback;
    return server!.listens.find((listen) => listen.key === key)!;
  }

  #httpServer({ conf, place }: HttpServer): Server {
    const http = createServer(
      {
        headersTimeout: conf.client_header_timeout,
        requestTimeout: Math.max(REQUEST_MS, conf.client_header_timeout),
        connectionsCheckingInterval: HEADER_CHECK_MS,
        keepAliveTimeout: place.conf.keepalive_timeout.idle,
        maxHeaderSize: Math.max(conf.large_client_header_buffers, conf.client_header_buffer_size),
      },
      (request, response) => this.#request(request, response),
    );
    http.maxHeadersCount = conf.max_headers;
    http.on('clientError', (error, socket) => {
      const connection = this.#connections.get(socket as Socket);
      refuseBadRequest(error, socket as Socket, connection, this.#runtime.log);
    });
    http.on('connect', (_request, socket) => refuseConnect(socket as Socket));
    // It listens nowhere itself; this starts its watch over slow clients.
    http.emit('listening');
    return http;
  }

  accept(socket: Socket, listen: Listen): void {
    const front = this.#fronts.get(listen.key);
    if (front === undefined) {
      this.#early.push([socket, listen]);
      return;
    }
    this.counters.accepted += 1;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!front.secure) this.#admit(socket, listen, false);
    front.hand(socket);
  }

  #admit(socket: Socket, listen: Listen, secure: boolean): void {
    this.counters.handled += 1;
    this.counters.active += 1;
    this.#connections.set(socket, {
      id: this.#runtime.nextClientId(),
      socket,
      listen,
      secure,
      address: plainAddress(socket.remoteAddress),
      port: socket.remotePort ?? 0,
      requests: 0,
      busy: false,
      ahead: [],
      live: false,
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.counters.active -= 1;
      this.#connections.delete(socket);
    });
  }

  /** Requests of one connection are answered one after another, whatever a client sends ahead. */
  #request(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => undefined);
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) {
      response.destroy();
      return;
    }
    if (connection.live) {
      // Nothing can follow an answer without an end; reading on would only fill memory.
      connection.socket.pause();
      return;
    }
    if (!connection.busy) this.#serve(connection, request, response);
    else if (connection.ahead.length < MOST_AHEAD) {
      connection.ahead.push(() => this.#serve(connection, request, response));
    } else connection.socket.destroy();
  }

  #serve(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    const exchange = this.#exchange(connection, request, response);
    if (exchange === null) {
      // A reload has taken the address away.
      response.destroy();
      return;
    }
    connection.requests += 1;
    connection.busy = true;
    this.counters.requests += 1;
    this.counters.writing += 1;
    response.once('close', () => {
      connection.busy = false;
      this.counters.writing -= 1;
      this.#finish(exchange);
      const next = connection.ahead.shift();
      if (connection.socket.writable) next?.();
    });
    if (exchange.bad) respond(exchange, { status: 400 });
    else void serve(exchange);
  }

  #finish(exchange: Exchange): void {
    if (exchange.measure !== undefined) exchange.bodyBytes = exchange.measure();
    // As nginx notes a client that hung up before there was an answer.
    if (exchange.status === 0) exchange.status = 499;
    this.#logs.write(exchange);
  }

  #exchange(connection: Connection, request: IncomingMessage, response: ServerResponse): Exchange | null {
    const router = this.#router;
    const { fallback } = router.byListen.get(connection.listen.key) ?? {};
    const asked = parseTarget(request.url ?? '', fallback?.conf.merge_slashes ?? true);
    const authority = asked?.authority ?? request.headers.host;
    const host = authority === undefined ? null : hostOf(authority);
    const chosen = chooseServer(router, connection.listen.key, host);
    if (chosen === undefined) return null;
    const { server, match } = chosen;
    const exchange = new Exchange(
      connection,
      request,
      response,
      {
        router,
        runtime: this.#runtime,
        server,
        counters: this.counters,
        host: host === null || host === '' ? (server.names[0] ?? '') : host,
        draining: () => this.#draining,
      },
      asked ?? { uri: '/', args: '' },
    );
    exchange.bad = asked === null || (authority !== undefined && (host === null || host === ''));
    if (match !== null) keepCaptures(match, exchange);
    return exchange;
  }

  drain(): void {
    this.#draining = true;
    for (const { http } of this.#fronts.values()) http.closeIdleConnections();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const [socket] of this.#early.splice(0)) socket.destroy();
    for (const front of this.#fronts.values()) retire(front);
    this.#fronts.clear();
    this.#logs.close();
  }
}

/** Connections of a retired front go on under it until they end. */
function retire({ http }: Front): void {
  http.closeIdleConnections();
  // Its watch over slow clients goes on until the last of them has had its time.
  setTimeout(() => http.close(), http.headersTimeout + 2 * HEADER_CHECK_MS).unref();
}

function isSecure(key: string, servers: readonly HttpServer[]): boolean {
  return servers.some((server) => server.tls.ssl || server.listens.some((l) => l.key === key && l.ssl));
}
