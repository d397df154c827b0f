import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as the endpoint got it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The form or query, in order. */
  readonly fields: readonly (readonly [string, string])[];
  /** The value of a field; the first where it stands twice. */
  get(name: string): string | undefined;
  /** Number of the connection it came on. */
  readonly connection: number;
}

/** Answers a call; without an answer of its own it is 200. */
export type Answering = (call: Call, response: ServerResponse, socket: Socket) => void;

/** An HTTP server that keeps all it is asked. */
export class Endpoint {
  readonly calls: Call[] = [];
  answer: Answering = (_call, response) => void response.end();
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(server: Server, secure: boolean) {
    this.#server = server;
    this.#secure = secure;
    const numbers = new WeakMap<Socket, number>();
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections += 1;
      numbers.set(socket, this.#connections);
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => void parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const url = new URL(request.url!, 'http://endpoint');
        const query = body === '' ? url.search.slice(1) : body;
        const fields = body.startsWith('{') ? [] : [...new URLSearchParams(query)];
        const call: Call = {
          method: request.method!,
          path: request.url!,
          headers: request.headers,
          body,
          fields,
          get: (name) => fields.find(([key]) => key === name)?.[1],
          connection: numbers.get(request.socket) ?? 0,
        };
        this.calls.push(call);
        this.answer(call, response, request.socket);
      });
    });
  }

  static async start(tls?: { readonly key: string; readonly cert: string }, port = 0): Promise<Endpoint> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const endpoint = new Endpoint(server, tls !== undefined);
    onTestFinished(() => endpoint.stop());
    return endpoint;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#connections;
  }

  /** The calls of a kind. */
  named(call: string): readonly Call[] {
    return this.calls.filter((one) => one.get('call') === call);
  }

  /** What was called, in order: `publish s`. */
  get story(): readonly string[] {
    return this.calls.map((call) => [call.get('call'), call.get('name')].filter(Boolean).join(' '));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
