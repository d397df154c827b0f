import type { ServerResponse } from 'node:http';
import type { HeaderField } from './exchange.ts';

/** Status line and header fields of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly HeaderField[];
  /** All of it as it is sent, with the empty line that ends it. */
  readonly text: string;
  /** The same as bytes, where many get it. */
  readonly bytes?: Buffer;
  /** The same with the body behind it, where that is short and many get it. */
  readonly whole?: Buffer;
}

/** The way of an answer to its client. */
export interface Reply {
  /** Told once that the answer has left or never will. */
  over: () => void;
  /** Whether the client lets the connection go on after it. */
  readonly keepAlive: boolean;
  /** All of it has left. */
  readonly sent: boolean;
  /** Something of it has been handed over. */
  readonly begun: boolean;
  /** Sends the whole; null: there is no body. `last`: the connection ends after it. */
  send(head: AnswerHead, body: Buffer | null, last: boolean): void;
  /** Sends the head; `write` and `end` follow. */
  begin(head: AnswerHead, last: boolean): void;
  /** False: to go on once `drained` has been called. */
  write(bytes: Buffer): boolean;
  /** Replaces who is told, once, that there is room again. */
  drained(work: () => void): void;
  end(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

/** An answer to a request that node:http has read. */
export class ServerReply implements Reply {
  over: () => void = () => undefined;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => this.over());
  }

  get keepAlive(): boolean {
    return this.#response.shouldKeepAlive;
  }

  get sent(): boolean {
    return this.#response.writableFinished;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  send(head: AnswerHead, body: Buffer | null): void {
    this.begin(head);
    if (body === null) this.#response.end();
    else this.#response.end(body);
  }

  begin({ status, reason, fields }: AnswerHead): void {
    this.#response.sendDate = false;
    this.#response.writeHead(status, reason, fields.flat());
  }

  write(bytes: Buffer): boolean {
    return this.#response.write(bytes);
  }

  drained(work: () => void): void {
    this.#response.once('drain', work);
  }

  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }
}
