import type { Publication } from '../core/application.ts';
import { AUDIO, DATA, VIDEO } from '../media/packet.ts';
import { isMetadata, metadataFor } from '../wire/metadata.ts';
import { unpackAggregate } from '../wire/rtmp/aggregate.ts';
import { amf0Body, dataName } from '../wire/rtmp/commands.ts';
import { AGGREGATE, DATA_AMF3, type RtmpMessage } from '../wire/rtmp/messages.ts';

/** Data that players of a live stream are to see besides metadata. */
const FORWARDED = new Set([
  'onTextData',
  'onCuePoint',
  'onFi',
  'onFI',
  'onCaptionInfo',
  'onCaption',
  'onID3',
]);

/** Hands the media messages of a publisher to its publication. */
export class Publishing {
  readonly publication: Publication;
  readonly streamId: number;

  constructor(publication: Publication, streamId: number) {
    this.publication = publication;
    this.streamId = streamId;
  }

  /** A message of type 8, 9, 15, 18 or 22 on the publisher's message stream. */
  media(message: RtmpMessage, now: number): void {
    const { type, timestamp, body } = message;
    if (type === AUDIO || type === VIDEO) {
      this.publication.push(type, timestamp, body, now);
    } else if (type === AGGREGATE) {
      unpackAggregate(message, (part) => this.media(part, now));
    } else if (type === DATA || type === DATA_AMF3) {
      this.#data(timestamp, amf0Body(type, body), now);
    }
  }

  #data(timestamp: number, body: Buffer, now: number): void {
    const { publication } = this;
    if (isMetadata(body)) {
      const { meta } = publication.request.application.settings;
      publication.describe(metadataFor(meta, body), now);
      return;
    }
    const name = dataName(body);
    if (name !== null && FORWARDED.has(name)) publication.push(DATA, timestamp, body, now);
  }

  endOfRead(now: number): void {
    this.publication.endOfRead(now);
  }

  close(): void {
    this.publication.close();
  }
}
