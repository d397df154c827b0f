import type { Logger } from '../core/log.ts';
import type { Publication } from '../core/publication.ts';
import { AUDIO, DATA, VIDEO } from '../media/packet.ts';
import { isMetadata, type MetaMode, metadataFor } from '../wire/metadata.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { unpackAggregate } from '../wire/rtmp/aggregate.ts';
import { amf0Body, dataName } from '../wire/rtmp/commands.ts';
import { AGGREGATE, DATA_AMF3, type RtmpMessage } from '../wire/rtmp/messages.ts';

/** Data that is not for players: what only a server says to them, and calls to the server. */
const WITHHELD = /^(?:onStatus|onPlayStatus|\|.*|@.*)$/s;

/** Hands media messages, from whatever connection, to a publication, with metadata as the application wants them. */
export class Ingest {
  readonly #publication: Publication;
  readonly #log: Logger;
  /** As it came, and what it was made into by. */
  #metadata: Buffer | null = null;
  #meta: MetaMode;

  constructor(publication: Publication, log: Logger) {
    this.#publication = publication;
    this.#log = log;
    this.#meta = this.#wanted;
  }

  get #wanted(): MetaMode {
    return this.#publication.request.application.settings.meta;
  }

  /** A message of type 8, 9, 15, 18 or 22; `now` is monotonic ms. */
  media(message: RtmpMessage, now: number): void {
    const { type, timestamp, body } = message;
    if (type === AUDIO || type === VIDEO) {
      this.#publication.push(type, timestamp, body, now);
    } else if (type === AGGREGATE) {
      unpackAggregate(message, (part) => this.media(part, now));
    } else if (type === DATA || type === DATA_AMF3) {
      this.#data(timestamp, amf0Body(type, body), now);
    }
  }

  endOfRead(now: number): void {
    // A reload may have changed what players are to get.
    if (this.#meta !== this.#wanted) this.#describe(now);
    this.#publication.endOfRead(now);
  }

  #data(timestamp: number, body: Buffer, now: number): void {
    if (isMetadata(body)) {
      this.#metadata = Buffer.from(body);
      this.#describe(now);
      return;
    }
    const name = dataName(body);
    if (name !== null && !WITHHELD.test(name)) this.#publication.push(DATA, timestamp, body, now);
  }

  #describe(now: number): void {
    this.#meta = this.#wanted;
    try {
      this.#publication.describe(metadataFor(this.#meta, this.#metadata), now);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#metadata = null;
      this.#log.warn({ reason: error.message }, 'metadata cannot be read and is left out');
    }
  }
}
