import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Block, childrenOf } from '../config/block.ts';
import type { Diagnostic } from '../config/errors.ts';
import { inSlices } from '../config/slices.ts';
import { countConnectionError } from '../core/connections/connection-errors.ts';
import { successor } from '../core/connections/listen-plan.ts';
import type { Wanted } from '../core/connections/listeners.ts';
import { isGone, type Peer, peerOf } from '../core/connections/peer.ts';
import type { Host, Prepared } from '../core/host.ts';
import type { Total } from '../core/measures/measures.ts';
import type { Listen } from '../core/net/addresses.ts';
import { hostOf } from '../core/net/server-names.ts';
import { carryOut } from '../core/reload/plan.ts';
import type { Runtime } from '../core/runtime.ts';
import { respond } from './answers/respond.ts';
import { checkHttp } from './check.ts';
import { closeIdle, type Front, frontOptions, openFront, retire } from './connections/front.ts';
import { refuseBadRequest } from './connections/refusals.ts';
import { readIdentity, type TlsIdentity } from './connections/tls.ts';
import type { HttpModule } from './handler.ts';
import { AccessLogs } from './phases/access-log.ts';
import { serve } from './phases.ts';
import { type Served, serverSteps } from './reload-report.ts';
import { type Connection, Exchange } from './requests/exchange.ts';
import { type Reply, ServerReply } from './requests/reply.ts';
import { headOf, type RequestHead } from './requests/request-head.ts';
import { UserFiles } from './requests/user-files.ts';
import { keepCaptures } from './requests/variables.ts';
import { chooseServer, compilingRouter, type HttpServer, listensOf } from './router.ts';
import { parseTarget } from './values/uri.ts';

/** Requests a client may send before it has had the answers to those before. */
const MOST_AHEAD = 1000;

/** The HTTP side of the server. */
export class HttpHost implements Host {
  readonly #runtime: Runtime;
  readonly #modules: readonly HttpModule[];
  readonly #logs: AccessLogs;
  readonly #users: UserFiles;
  readonly #connections = new Map<Socket, Connection>();
  readonly #sockets = new Set<Socket>();
  #fronts = new Map<string, Front>();
  /** Of connections in and after their handshake, by their addresses: the secured socket shows nothing of the plain one. */
  readonly #peers = new Map<string, Peer>();
  #served: Served;
  /** Requests that are over, by the class of their status. */
  readonly #answered = new Map<string, Total>();
  #draining = false;
  readonly #isDraining = (): boolean => this.#draining;

  constructor(runtime: Runtime, modules: readonly HttpModule[]) {
    this.#runtime = runtime;
    this.#modules = modules;
    this.#users = new UserFiles(runtime.log);
    for (const { answers = {} } of modules) {
      for (const [topic, answer] of Object.entries(answers)) {
        runtime.workers.answer(topic, (body) => answer(runtime, body as never));
      }
    }
    const { tickets } = runtime;
    tickets.watch(() => {
      for (const front of this.#fronts.values()) front.useTickets(tickets.value);
    });
    this.#logs = new AccessLogs(runtime.logFiles, runtime.prefix, runtime.log);
    const nothing = {
      block: undefined,
      servers: [],
      byListen: new Map(),
      maps: new Map(),
      formats: new Map(),
    };
    this.#served = { router: nothing, identities: new Map() };
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
    const router = await inSlices(compilingRouter(tree, this.#modules));
    const identities = this.#readIdentities(router);
    const steps = await inSlices(serverSteps(this.#served, { router, identities }));
    const logs = this.#logs.prepare(childrenOf(tree, 'http')[0]);
    return {
      plan: () => steps,
      commit: (report) => {
        carryOut(steps, report);
        logs.commit();
        this.#commit({ router, identities });
      },
      undo: () => logs.undo(),
    };
  }

  #readIdentities(router: Served['router']): ReadonlyMap<string, TlsIdentity> {
    const identities = new Map<string, TlsIdentity>();
    for (const [key, { servers, fallback }] of router.byListen) {
      if (isSecure(key, servers)) identities.set(key, readIdentity(servers, fallback, this.#runtime.prefix));
    }
    return identities;
  }

  #commit(served: Served): void {
    const { router, identities } = served;
    const fronts = new Map<string, Front>();
    for (const [key, { fallback }] of router.byListen) {
      fronts.set(key, this.#front(key, fallback, identities.get(key)));
    }
    for (const [key, front] of this.#fronts) {
      if (fronts.get(key) !== front) retire(front);
    }
    this.#fronts = fronts;
    this.#served = served;
  }

  /** The running front of an address if nothing it was made with has changed, else a new one. */
  #front(key: string, fallback: HttpServer, identity: TlsIdentity | undefined): Front {
    const running = this.#fronts.get(key);
    if (running !== undefined && running.options === frontOptions(fallback, identity)) return running;
    const first = fallback.listens.find((listen) => listen.key === key)!;
    const front = openFront(fallback, identity, {
      request: (request, response) => this.#request(request, response),
      failed: (error, socket) => {
        const { log, measures } = this.#runtime;
        const reason = refuseBadRequest(error, socket, this.#connections.get(socket), log);
        if (reason !== null) countConnectionError(measures, 'http', reason);
      },
      direct: (socket, head, reply) => {
        const connection = this.#connections.get(socket);
        if (connection === undefined) reply.destroy();
        else this.#serve(connection, head, reply);
      },
      secured: (socket) => {
        const listen = this.#successor(first, socket);
        if (listen === undefined || isGone(socket, listen)) return false;
        this.#admit(socket, listen, true, this.#proxied(socket));
        return true;
      },
    });
    front.useTickets(this.#runtime.tickets.value);
    return front;
  }

  /** The address of a connection as it is written now; undefined where a reload has taken it away. */
  #successor(before: Listen, socket: Socket): Listen | undefined {
    const { byListen } = this.#served.router;
    const listens = [...byListen].flatMap(([key, { fallback }]) =>
      fallback.listens.filter((listen) => listen.key === key),
    );
    return successor(listens, before, socket.localAddress);
  }

  accept(socket: Socket, listen: Listen, peer: Peer): void {
    const front = this.#fronts.get(listen.key);
    if (front === undefined) {
      // A reload has taken the address away while the connection's PROXY header was waited for.
      socket.destroy();
      return;
    }
    this.#runtime.requests.accepted += 1;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!front.secure) this.#admit(socket, listen, false, peer);
    else if (peer.proxied !== null) {
      const pair = pairOf(socket);
      this.#peers.set(pair, peer);
      socket.once('close', () => this.#peers.delete(pair));
    }
    front.hand(socket);
  }

  /** What was told of a connection before its handshake. */
  #proxied(secured: Socket): Peer {
    return this.#peers.get(pairOf(secured)) ?? peerOf(secured);
  }

  #admit(socket: Socket, listen: Listen, secure: boolean, peer: Peer): void {
    this.#runtime.requests.handled += 1;
    this.#runtime.requests.active += 1;
    this.#connections.set(socket, {
      id: this.#runtime.nextClientId(),
      socket,
      listen,
      secure,
      ...peer,
      requests: 0,
      busy: false,
      ahead: [],
      live: false,
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#runtime.requests.active -= 1;
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
    const reply = new ServerReply(response);
    if (!connection.busy) this.#serve(connection, headOf(request), reply);
    else if (connection.ahead.length < MOST_AHEAD) {
      connection.ahead.push(() => this.#serve(connection, headOf(request), reply));
    } else connection.socket.destroy();
  }

  #serve(connection: Connection, request: RequestHead, reply: Reply): void {
    const exchange = this.#exchange(connection, request, reply);
    if (exchange === null) {
      // A reload has taken the address away.
      reply.destroy();
      return;
    }
    connection.requests += 1;
    connection.busy = true;
    this.#runtime.requests.requests += 1;
    this.#runtime.requests.writing += 1;
    reply.over = () => this.#over(exchange);
    if (exchange.bad) respond(exchange, { status: 400 });
    else serve(exchange);
  }

  #over(exchange: Exchange): void {
    const { connection, place, reply } = exchange;
    const { socket } = connection;
    connection.busy = false;
    this.#runtime.requests.writing -= 1;
    this.#finish(exchange);
    // The idle time of this place counts from the end of this answer.
    const { idle } = place.conf.keepalive_timeout;
    if (reply.sent && !socket.destroyed && socket.timeout !== idle) socket.setTimeout(idle);
    const next = connection.ahead.shift();
    if (socket.writable) next?.();
  }

  #finish(exchange: Exchange): void {
    if (exchange.measure !== undefined) exchange.bodyBytes = exchange.measure();
    // As nginx notes a client that hung up before there was an answer.
    if (exchange.status === 0) exchange.status = 499;
    this.#countStatus(exchange.status);
    this.#logs.write(exchange);
  }

  #countStatus(status: number): void {
    const code = `${Math.trunc(status / 100)}xx`;
    let answered = this.#answered.get(code);
    if (answered === undefined) {
      const help = 'HTTP requests that have been answered, by the class of the status.';
      answered = this.#runtime.measures.total('http_requests_total', help, { code });
      this.#answered.set(code, answered);
    }
    answered.add();
  }

  #exchange(connection: Connection, request: RequestHead, reply: Reply): Exchange | null {
    const { router } = this.#served;
    let { key } = connection.listen;
    if (!router.byListen.has(key)) key = this.#successor(connection.listen, connection.socket)?.key ?? key;
    const { fallback } = router.byListen.get(key) ?? {};
    const asked = parseTarget(request.url, fallback?.conf.merge_slashes ?? true);
    const authority = asked?.authority ?? request.headers.host;
    const host = authority === undefined ? null : hostOf(authority);
    const chosen = chooseServer(router, key, host);
    if (chosen === undefined) return null;
    const { server, match } = chosen;
    const exchange = new Exchange(
      connection,
      request,
      reply,
      {
        router,
        runtime: this.#runtime,
        server,
        users: this.#users,
        host: host === null || host === '' ? (server.names[0] ?? '') : host,
        draining: this.#isDraining,
      },
      asked ?? { uri: '/', args: '' },
    );
    exchange.bad = asked === null || (authority !== undefined && (host === null || host === ''));
    if (match !== null) keepCaptures(match, exchange);
    return exchange;
  }

  retire(retiring: boolean): void {
    this.#draining = retiring;
  }

  drain(): void {
    this.retire(true);
    for (const front of this.#fronts.values()) closeIdle(front);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const front of this.#fronts.values()) retire(front);
    this.#fronts.clear();
    this.#logs.close();
  }
}

function pairOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function isSecure(key: string, servers: readonly HttpServer[]): boolean {
  return servers.some((server) => server.tls.ssl || server.listens.some((l) => l.key === key && l.ssl));
}
