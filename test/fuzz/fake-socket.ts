import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A client's connection without a network: what a server is given in place of a socket. */
export class FakeSocket extends Duplex {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 50_000;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 1935;
  bytesRead = 0;
  bytesWritten = 0;

  constructor() {
    // As the listening sockets of the server have it: who hangs up is hung up on.
    super({ allowHalfOpen: false });
  }

  /** The bytes arrive, unless the server no longer reads. */
  arrive(bytes: Buffer): void {
    if (this.destroyed || this.readableEnded) return;
    this.bytesRead += bytes.length;
    this.push(bytes);
  }

  /** The client has sent all it had to. */
  finish(): void {
    if (!this.destroyed) this.push(null);
  }

  /** As the server sees it. */
  asSocket(): Socket {
    return this as unknown as Socket;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += chunk.length;
    done();
  }
}
