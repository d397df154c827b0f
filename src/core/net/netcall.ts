import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Lane, LaneFull } from './lane.ts';
import { lookup } from './lookups.ts';

/** A request to an endpoint outside, of which the answer counts, and not what it shows. */
export interface Netcall {
  /** Absolute, http or https; user and password in it are sent as Basic authorization. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Empty: none. */
  readonly body: string;
  /** The type of the body. */
  readonly type: string;
  /** `ask`: somebody waits for the answer. `tell`: nobody does, so it may wait for its turn. */
  readonly lane: 'ask' | 'tell';
  /** ms from the call (`ask`) or from its turn (`tell`) to the end of the answer. */
  readonly timeout: number;
  /** ms for name, connection and TLS. */
  readonly connectTimeout: number;
  /** Of https: whether the certificate has to be valid, and the authorities (PEM) trusted instead of the system's. */
  readonly verify: boolean;
  readonly authorities: string;
}

/** What came back. */
export interface NetAnswer {
  readonly status: number;
  /** The Location field as bytes read as UTF-8; null where there is none. */
  readonly location: string | null;
  /** The media type in lower case, without parameters. */
  readonly type: string;
  /** Of JSON only; what else an endpoint says is not waited for. */
  readonly body: string;
}

export type NetFailure = 'connect' | 'timeout' | 'lost' | 'garbage' | 'too-long' | 'overloaded';

/** A call that got no answer. `connect`: nothing of it has reached the endpoint. */
export class NetcallError extends Error {
  readonly failure: NetFailure;

  constructor(failure: NetFailure, message: string) {
    super(message);
    this.name = 'NetcallError';
    this.failure = failure;
  }
}

const MAX_BODY = 64 * 1024;
const MAX_HEAD = 16 * 1024;
/** Requests of one endpoint at a time, and those that may wait besides. */
const ASKING = { width: 512, room: 4096 };
const TELLING = { width: 32, room: 10_000 };
/** Shorter than endpoints keep an idle connection, ms, so that a request seldom meets one that is being closed. */
const IDLE_MS = 4000;

/** A request on its way. */
interface Sent {
  readonly answer: Promise<NetAnswer>;
  /** Resolves when its connection is free or gone. */
  readonly over: Promise<void>;
}

interface Endpoint {
  readonly ask: Lane;
  readonly tell: Lane;
}

/** The process's client for calls to endpoints: connections are kept and shared, names are resolved when used. */
export class Netcalls {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();
  readonly #running = new Set<Promise<unknown>>();

  /** Makes the call. Throws NetcallError. */
  call(netcall: Netcall): Promise<NetAnswer> {
    const running = this.#call(netcall).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Waits until no call is under way, at most so long, ms, and lets all connections go. */
  async close(patience: number): Promise<void> {
    const end = performance.now() + patience;
    while (this.#running.size > 0 && performance.now() < end) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, end - performance.now());
      });
      await Promise.race([Promise.allSettled([...this.#running]), late]);
      clearTimeout(timer);
    }
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #call(netcall: Netcall): Promise<NetAnswer> {
    const { lane, timeout } = netcall;
    const url = new URL(netcall.url);
    const endpoint = this.#endpoint(url.origin);
    if (lane === 'ask') {
      const signal = AbortSignal.timeout(timeout);
      return this.#inLane(endpoint.ask, signal, () => this.#send(url, netcall, signal));
    }
    return this.#inLane(endpoint.tell, undefined, () =>
      this.#send(url, netcall, AbortSignal.timeout(timeout)),
    );
  }

  async #inLane(lane: Lane, signal: AbortSignal | undefined, send: () => Sent): Promise<NetAnswer> {
    let leave: () => void;
    try {
      leave = await lane.enter(signal);
    } catch (error) {
      if (error instanceof LaneFull) throw new NetcallError('overloaded', error.message);
      throw new NetcallError('timeout', 'no turn in time');
    }
    const { answer, over } = send();
    void over.then(leave);
    return answer;
  }

  #endpoint(origin: string): Endpoint {
    let endpoint = this.#endpoints.get(origin);
    if (endpoint === undefined) {
      endpoint = {
        ask: new Lane(ASKING.width, ASKING.room),
        tell: new Lane(TELLING.width, TELLING.room),
      };
      this.#endpoints.set(origin, endpoint);
    }
    return endpoint;
  }

  #agent(secure: boolean, verify: boolean, authorities: string): HttpAgent | HttpsAgent {
    const key = secure ? `${verify} ${authorities}` : '';
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const common = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 16, scheduling: 'lifo' } as const;
      agent = secure
        ? new HttpsAgent({
            ...common,
            rejectUnauthorized: verify,
            ...(authorities === '' ? {} : { ca: authorities }),
          })
        : new HttpAgent(common);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  #send(url: URL, netcall: Netcall, signal: AbortSignal): Sent {
    let free: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      free = resolve;
    });
    const attempt = (left: number): Promise<NetAnswer> =>
      this.#attempt(url, netcall, signal, free).catch((error: unknown) => {
        // An idle connection that the endpoint was just closing: the request has not been looked at. All that are kept
        // may be of that kind, as after a restart of the endpoint.
        if (error instanceof StaleConnection) {
          if (left > 0 && !signal.aborted) return attempt(left - 1);
          throw new NetcallError('lost', error.message);
        }
        throw error;
      });
    return { answer: attempt(ASKING.width + TELLING.width), over };
  }

  #attempt(url: URL, netcall: Netcall, signal: AbortSignal, free: () => void): Promise<NetAnswer> {
    const secure = url.protocol === 'https:';
    const { method, body, type, verify, authorities, connectTimeout } = netcall;
    return new Promise((resolve, reject) => {
      let connected = false;
      let answered = false;
      let timer: NodeJS.Timeout | undefined;
      const request: ClientRequest = (secure ? httpsRequest : httpRequest)(url, {
        method,
        agent: this.#agent(secure, verify, authorities),
        lookup,
        maxHeaderSize: MAX_HEAD,
        headers: {
          'User-Agent': 'mediad',
          ...(method === 'POST' ? { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) } : {}),
        },
      });
      const fail = (failure: NetFailure, message: string): void => {
        reject(new NetcallError(failure, message));
        request.destroy();
      };
      const expire = (): void =>
        fail(connected ? 'timeout' : 'connect', connected ? 'no answer in time' : 'no connection in time');
      // After a turn that took long, timers come before what sockets have to say.
      const late = (): void => void setImmediate(expire);
      if (signal.aborted) expire();
      signal.addEventListener('abort', late, { once: true });
      request.on('socket', (socket) => {
        if (!socket.connecting) {
          connected = true;
          return;
        }
        timer = setTimeout(() => setImmediate(() => connected || expire()), connectTimeout);
        socket.once(secure ? 'secureConnect' : 'connect', () => {
          connected = true;
          clearTimeout(timer);
        });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const message = error.code ?? error.message;
        if (!connected) fail('connect', message);
        else if (error.code?.startsWith('HPE_')) fail('garbage', 'the answer is not HTTP');
        else if (request.reusedSocket && !answered && LOST.has(error.code ?? '')) {
          reject(new StaleConnection(message));
        } else fail('lost', message);
      });
      request.on('upgrade', (_response, socket) => {
        socket.destroy();
        fail('garbage', 'the endpoint wants to switch protocols');
      });
      request.on('response', (response) => {
        answered = true;
        take(response, resolve, fail);
      });
      request.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', late);
        free();
      });
      request.end(method === 'POST' ? body : undefined);
    });
  }
}

const LOST: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** A kept connection was closed before it brought anything. */
class StaleConnection extends Error {}

/** Reads an answer: the body only of JSON, and never more than it may have. */
function take(
  response: IncomingMessage,
  resolve: (answer: NetAnswer) => void,
  fail: (failure: NetFailure, message: string) => void,
): void {
  const { statusCode: status = 0, headers } = response;
  const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const location =
    headers.location === undefined ? null : Buffer.from(headers.location, 'latin1').toString('utf8');
  const json = isJson(type);
  if (!json) resolve({ status, location, type, body: '' });
  const parts: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > MAX_BODY) {
      fail('too-long', `the answer is longer than ${MAX_BODY} bytes`);
      response.destroy();
    } else if (json) parts.push(chunk);
  });
  response.on('end', () => resolve({ status, location, type, body: Buffer.concat(parts).toString('utf8') }));
  response.on('error', (error: NodeJS.ErrnoException) => fail('lost', error.code ?? error.message));
}

/** Whether a media type is JSON. */
export function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}
