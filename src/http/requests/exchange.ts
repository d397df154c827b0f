import type { Socket } from 'node:net';
import type { Proxied } from '../../core/connections/proxy-protocol.ts';
import type { Logger } from '../../core/logs/log.ts';
import type { Listen } from '../../core/net/addresses.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { HttpServer, Place, Router } from '../router.ts';
import type { Reply } from './reply.ts';
import type { RequestHead } from './request-head.ts';
import type { UserFiles } from './user-files.ts';

/** A client's connection, over all of its requests. */
export interface Connection {
  /** Counts up over the life of the process. */
  readonly id: number;
  /** Plain, or the TLS socket. */
  readonly socket: Socket;
  readonly listen: Listen;
  readonly secure: boolean;
  /** IP address without port, or `unix:`: of who is connected, be it a proxy. */
  readonly address: string;
  readonly port: number;
  /** What a PROXY header said. */
  readonly proxied: Proxied | null;
  /** Requests so far, this one included. */
  requests: number;
  /** An answer is under way. */
  busy: boolean;
  /** Requests that came before their turn. */
  readonly ahead: (() => void)[];
  /** An endless answer has taken it over: nothing else is ever answered on it. */
  live: boolean;
}

/** A header field of an answer. */
export type HeaderField = readonly [name: string, value: string];

/** A body of known length that is read while it is sent. */
export interface StreamedBody {
  /** Bytes that are left to read. */
  readonly length: number;
  /** Reads what comes next into a buffer, one call at a time; 0: there is no more. */
  read(into: Buffer): Promise<number>;
  /** May be called at any time, and more than once. */
  close(): void;
}

/** What answers a request. Without a body, a status from 300 on gets its error page, or a short one of ours. */
export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: readonly HeaderField[];
  readonly body?: Buffer | string | StreamedBody;
  /** One sentence for the error page: what is wrong, with nothing secret. */
  readonly reason?: string;
  /** The added headers of the place go on the answer whatever its status is. */
  readonly addHeaders?: 'always';
  /** This very object answers many requests, so that what is made of it may be kept. */
  readonly lasting?: true;
}

/** What a request is served by. */
export interface Chosen {
  readonly router: Router;
  readonly runtime: Runtime;
  readonly server: HttpServer;
  readonly users: UserFiles;
  readonly host: string;
  /** Whether connections are to end after what is under way on them. */
  draining(): boolean;
}

/** What every request begins with: most of them end with it, too. */
const NO_CAPTURES: readonly string[] = [];
const NO_LINK = { checking: false, expires: '' };
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** A request on its way through the phases. */
export class Exchange {
  readonly connection: Connection;
  readonly request: RequestHead;
  readonly reply: Reply;
  readonly router: Router;
  readonly runtime: Runtime;
  readonly server: HttpServer;
  readonly users: UserFiles;
  readonly draining: () => boolean;
  /** Monotonic and wall clock ms of the request's beginning. */
  readonly startedAt = performance.now();
  readonly since = Date.now();
  /** The Host asked for, lower-cased and without port; the server's first name where there is none. */
  readonly host: string;
  /** The client’s: those of the connection, or what a trusted proxy tells. */
  address: string;
  port: number;
  method: string;
  /** The decoded path; rewriting changes it. */
  uri: string;
  /** The query without `?`, as it came or as rewritten. */
  args: string;
  place: Place;
  /** Came here by an internal redirect. */
  internal = false;
  /** Rewrites of the path and internal redirects so far. */
  turns = 0;
  /** Groups of the pattern that matched last; the first is the whole match. */
  captures: readonly (string | undefined)[] = NO_CAPTURES;
  /** What has been found out about a link that expires. */
  link: { readonly checking: boolean; readonly expires: string } = NO_LINK;
  /** The status that an error page's content is sent with; 0: its own. */
  errorStatus = 0;
  /** What an answer with 401 says is asked for. */
  challenge = '';
  /** An error page has been shown for it. */
  errorShown = false;
  /** What was sent, for the log. */
  status = 0;
  bodyBytes = 0;
  headerBytes = 0;
  /** Counts the body where nobody else does: bytes that have left, asked for once at the end. */
  measure: (() => number) | undefined;
  sentHeaders: readonly HeaderField[] = [];
  logged = false;
  /** The request line or its Host makes no sense. */
  bad = false;
  #log: Logger | undefined;
  #variables: Map<string, string> | undefined;

  constructor(
    connection: Connection,
    request: RequestHead,
    reply: Reply,
    chosen: Chosen,
    target: { readonly uri: string; readonly args: string },
  ) {
    this.connection = connection;
    this.request = request;
    this.reply = reply;
    this.router = chosen.router;
    this.runtime = chosen.runtime;
    this.server = chosen.server;
    this.users = chosen.users;
    this.draining = chosen.draining;
    this.host = chosen.host;
    this.address = connection.address;
    this.port = connection.port;
    this.method = request.method;
    this.uri = target.uri;
    this.args = target.args;
    this.place = chosen.server.place;
  }

  /** Runs once when the answer has left or never will. */
  whenOver(work: () => void): void {
    const { over } = this.reply;
    this.reply.over = () => {
      work();
      over();
    };
  }

  /** The first field of a name, lower-cased; several are joined. Undefined where there is none. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** What `set` and named groups have given. */
  get variables(): ReadonlyMap<string, string> {
    return this.#variables ?? NO_VARIABLES;
  }

  setVariable(name: string, value: string): void {
    this.#variables ??= new Map();
    this.#variables.set(name, value);
  }

  get log(): Logger {
    this.#log ??= this.runtime.log.child({
      remote: this.address,
      connection: this.connection.id,
      request: `${this.method} ${this.uri}`,
    });
    return this.#log;
  }

  /** Whether the client speaks HTTP/1.1, so that chunks may be sent. */
  get modern(): boolean {
    return this.request.httpVersion === '1.1';
  }
}
