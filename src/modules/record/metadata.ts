import { DATA } from '../../media/packet.ts';
import { type AmfObject, isAmfObject } from '../../wire/amf.ts';
import { type AmfWritable, EcmaArray, writeAmf0 } from '../../wire/amf0.ts';
import { flvTags } from '../../wire/flv/format.ts';
import { readMetadata } from '../../wire/metadata.ts';
import { ProtocolError } from '../../wire/protocol-error.ts';

/** The bytes of the metadata, whatever is known: it is written over in place when a file is closed. */
export const METADATA_BYTES = 8192;
/** Where the first tag stands: after the header of 13 bytes. */
export const METADATA_AT = 13;
/** What an FLV tag has around its body. */
export const TAG_BYTES = 15;

/** Entries of the index; above it, every second one is left out. */
const MAX_KEYS = 320;
/** Of what the publisher says of its stream. */
const MAX_PUBLISHED_BYTES = 1500;
/** Fields of blanks that take the room that is left, each as long as demuxers read a text without complaint. */
const FILLERS = Array.from({ length: 9 }, (_, index) => `spacer${index}`);
const FILLER_BYTES = 1000;
/** Fields that this server writes itself. */
const OWN = new Set([
  'duration',
  'filesize',
  'keyframes',
  'lasttimestamp',
  'hasKeyframes',
  '__proto__',
  ...FILLERS,
]);

/** Where the key frames of a file stand: bounded, so that long recordings have wider steps. */
export class KeyIndex {
  #step = 1;
  #seen = 0;
  #entries: { readonly at: number; readonly time: number }[] = [];

  /** `at` is the tag's offset in the file, `time` in ms. */
  add(at: number, time: number): void {
    if (this.#seen % this.#step === 0) {
      this.#entries.push({ at, time });
      if (this.#entries.length > MAX_KEYS) {
        this.#entries = this.#entries.filter((_, index) => index % 2 === 0);
        this.#step *= 2;
      }
    }
    this.#seen += 1;
  }

  get entries(): readonly { readonly at: number; readonly time: number }[] {
    return this.#entries;
  }

  /** Takes over the index of a file that is gone on with. */
  restore(body: Buffer): void {
    const keyframes = objectOf(body)['keyframes'];
    if (keyframes === undefined || !isAmfObject(keyframes)) return;
    const { filepositions, times } = keyframes;
    if (!Array.isArray(filepositions) || !Array.isArray(times)) return;
    for (const [index, at] of filepositions.entries()) {
      const time: unknown = times[index];
      if (typeof at === 'number' && typeof time === 'number') this.add(at, Math.round(time * 1000));
    }
  }
}

/** What is known of a file when its metadata are written. */
export interface FileFacts {
  /** ms and bytes; 0 while it is being written. */
  readonly duration: number;
  readonly size: number;
  readonly keys: KeyIndex;
  /** Body of the publisher's own metadata; null where there are none. */
  readonly published: Buffer | null;
}

/** The metadata tag of a file, always of the same size. */
export function metadataTag({ duration, size, keys, published }: FileFacts): Buffer {
  const { entries } = keys;
  const fields: Record<string, AmfWritable> = {
    duration: duration / 1000,
    filesize: size,
    ...publishedFields(published),
  };
  if (entries.length > 0) {
    fields['hasKeyframes'] = true;
    fields['keyframes'] = {
      filepositions: entries.map(({ at }) => at),
      times: entries.map(({ time }) => time / 1000),
    };
  }
  const { length } = filled(fields, 0);
  const body = filled(fields, METADATA_BYTES - length);
  return flvTags([{ kind: DATA, time: 0, key: false, config: false, body }], 0, 0);
}

function filled(fields: Record<string, AmfWritable>, room: number): Buffer {
  const fillers = FILLERS.map((name, index) => {
    const blanks = Math.min(FILLER_BYTES, Math.max(0, room - index * FILLER_BYTES));
    return [name, ' '.repeat(blanks)] as const;
  });
  return writeAmf0('onMetaData', new EcmaArray({ ...fields, ...Object.fromEntries(fillers) }));
}

/** The publisher's numbers and short texts, as far as there is room. */
function publishedFields(published: Buffer | null): Record<string, AmfWritable> {
  const fields: Record<string, AmfWritable> = {};
  let room = MAX_PUBLISHED_BYTES;
  for (const [name, value] of Object.entries(objectOf(published))) {
    if (OWN.has(name)) continue;
    if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'string') continue;
    room -= writeAmf0(name, value).length;
    if (room < 0) break;
    fields[name] = value;
  }
  return fields;
}

/** Empty where it is none, or damaged. */
function objectOf(body: Buffer | null): AmfObject {
  try {
    return (body === null ? null : readMetadata(body)) ?? {};
  } catch (error) {
    if (error instanceof ProtocolError) return {};
    throw error;
  }
}
