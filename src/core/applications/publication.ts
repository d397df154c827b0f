import type { Kind } from '../../media/packet.ts';
import type { Stream } from '../streams/stream.ts';
import type { PublishRequest } from './request.ts';

/** A publisher's hold of a name. */
export class Publication {
  readonly request: PublishRequest;
  readonly stream: Stream;
  readonly since = Date.now();
  /** Monotonic ms of its beginning. */
  readonly beganAt = performance.now();
  readonly #end: (publication: Publication) => void;
  closed = false;

  constructor(request: PublishRequest, stream: Stream, end: (publication: Publication) => void) {
    this.request = request;
    this.stream = stream;
    this.#end = end;
  }

  /** Monotonic ms of its newest media, or of its beginning. */
  get heardAt(): number {
    return Math.max(this.stream.lastMediaAt, this.beganAt);
  }

  /** A media or data message; `raw` is the 32-bit timestamp in ms. Ignored after `close`. */
  push(kind: Kind, raw: number, body: Buffer, now: number): void {
    if (!this.closed) this.stream.ingest(kind, raw, body, now);
  }

  describe(metadata: Buffer | null, now: number): void {
    if (!this.closed) this.stream.describe(metadata, now);
  }

  /** As that of the stream. */
  endOfRead(now: number, mayRest = false): number {
    return this.closed ? 0 : this.stream.endOfRead(now, mayRest);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#end(this);
  }
}
