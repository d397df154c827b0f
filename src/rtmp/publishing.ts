import type { Publication } from '../core/applications/publication.ts';
import { AUDIO, DATA, VIDEO } from '../media/packet.ts';
import { AMF_LIMITS, type AmfLimits } from '../wire/amf.ts';
import { isMetadata, type MetaMode, metadataFor } from '../wire/metadata.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { unpackAggregate } from '../wire/rtmp/aggregate.ts';
import { amf0Body, dataName } from '../wire/rtmp/commands.ts';
import { AGGREGATE, DATA_AMF3, type RtmpMessage } from '../wire/rtmp/messages.ts';
import { type Account, secondsSince } from './account.ts';

/** Data that is not for players: what only the server says to them, and calls to the server. */
const WITHHELD = /^(?:onStatus|onPlayStatus|\|.*|@.*)$/s;

/** Hands the media messages of a publisher to its publication. */
export class Publishing {
  readonly publication: Publication;
  readonly streamId: number;
  /** Of all messages' bodies. */
  #bytes = 0;
  /** The publisher's metadata as it came, and what it was made into by. */
  #metadata: Buffer | null = null;
  #meta: MetaMode;
  readonly #limits: AmfLimits;

  /** `limits` are for metadata. */
  constructor(publication: Publication, streamId: number, limits: AmfLimits = AMF_LIMITS) {
    this.publication = publication;
    this.streamId = streamId;
    this.#limits = limits;
    this.#meta = this.#wanted;
  }

  /** What it came to, for the log. */
  get account(): Account {
    return { seconds: secondsSince(this.publication.since), bytesIn: this.#bytes };
  }

  get #wanted(): MetaMode {
    return this.publication.request.application.settings.meta;
  }

  /** A message of type 8, 9, 15, 18 or 22 on the publisher's message stream. */
  media(message: RtmpMessage, now: number): void {
    const { type, timestamp, body } = message;
    if (type !== AGGREGATE) this.#bytes += body.length;
    if (type === AUDIO || type === VIDEO) {
      this.publication.push(type, timestamp, body, now);
    } else if (type === AGGREGATE) {
      unpackAggregate(message, (part) => this.media(part, now));
    } else if (type === DATA || type === DATA_AMF3) {
      this.#data(timestamp, amf0Body(type, body), now);
    }
  }

  #data(timestamp: number, body: Buffer, now: number): void {
    if (isMetadata(body)) {
      this.#metadata = Buffer.from(body);
      this.#describe(now);
      return;
    }
    const name = dataName(body);
    if (name !== null && !WITHHELD.test(name)) this.publication.push(DATA, timestamp, body, now);
  }

  #describe(now: number): void {
    this.#meta = this.#wanted;
    try {
      this.publication.describe(metadataFor(this.#meta, this.#metadata, {}, this.#limits), now);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#metadata = null;
      this.publication.request.client.log.warn(
        { reason: error.message },
        'metadata cannot be read and is left out',
      );
    }
  }

  /** As that of the stream. */
  endOfRead(now: number, mayRest = false): number {
    // A reload may have changed what players are to get.
    if (this.#meta !== this.#wanted) this.#describe(now);
    return this.publication.endOfRead(now, mayRest);
  }

  close(): void {
    this.publication.close();
  }
}
