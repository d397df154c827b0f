import type { RecordingEnd } from '../../core/applications/recordings.ts';
import { Total } from '../../core/measures/measures.ts';
import { AUDIO, DATA, type MediaPacket, VIDEO } from '../../media/packet.ts';
import { flvHeader, flvTags } from '../../wire/flv/format.ts';
import { type DiskAccess, type OpenFile, readPart, writeWhole } from './disk.ts';
import { KeyIndex, METADATA_AT, METADATA_BYTES, metadataTag, TAG_BYTES } from './metadata.ts';

/** What may wait for a slow disk; above it the recording ends. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Bytes that gather before they are written, and how long they do. */
const GATHER_BYTES = 65_536;
const GATHER_MS = 500;
/** Where the flags of the header stand. */
const FLAGS_AT = 4;
/** Header and metadata, with which every file begins. */
const HEAD_BYTES = METADATA_AT + METADATA_BYTES + TAG_BYTES;

interface Piece {
  readonly bytes: Buffer;
  readonly key: boolean;
}

/** What a file that is gone on with has already. */
interface Base {
  /** Where it is gone on. */
  readonly end: number;
  /** Time of its last tag, ms. */
  readonly time: number;
  readonly flags: number;
  /** Whether its first tag is metadata that can be written over. */
  readonly indexed: boolean;
}

const NEW_FILE: Base = { end: 0, time: 0, flags: 0, indexed: true };

/**
 * One FLV file (Adobe FLV 10.1, annex E) on its way to the disk. Adding never waits and never throws; when the disk
 * fails, or is so slow that too much waits for it, `failed` is true and the rest is let go. Readable at any time.
 */
export class FlvFile {
  readonly path: string;
  /** Settles when it is closed; null where nothing of it is on the disk. */
  readonly finished: Promise<RecordingEnd | null>;
  #failed: unknown;
  readonly #disk: DiskAccess;
  readonly #written: Total;
  readonly #keep: boolean;
  readonly #keys = new KeyIndex();
  #pieces: Piece[] = [];
  /** Bytes that wait, those being written included. */
  #waiting = 0;
  /** Where the next bytes go; bytes of the file so far. */
  #at = 0;
  #base: Base = NEW_FILE;
  /** Media times of what was added, from 0. */
  #duration = 0;
  #bytes = 0;
  #frames = 0;
  #flags = 0;
  #published: Buffer | null;
  #closing = false;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `keep` goes on with a file that is there; `published` are the publisher's metadata; `written` counts bytes. */
  constructor(
    path: string,
    keep: boolean,
    published: Buffer | null,
    disk: DiskAccess,
    written = new Total(),
  ) {
    this.path = path;
    this.#keep = keep;
    this.#published = published;
    this.#disk = disk;
    this.#written = written;
    this.finished = this.#run();
  }

  /** Why it has ended by itself; undefined where it has not. */
  get failure(): unknown {
    return this.#failed;
  }

  /** Bytes of the file, with those that wait. */
  get size(): number {
    return Math.max(this.#base.end, HEAD_BYTES) + this.#bytes;
  }

  get frames(): number {
    return this.#frames;
  }

  /** ms of media that the file had before. */
  get shift(): number {
    return this.#base.time;
  }

  /** `time` is from the beginning of the recording, in ms. */
  add(packet: MediaPacket, time: number): void {
    if (this.#failed !== undefined || this.#closing) return;
    // Metadata in flvTags keep the packet's own time.
    const bytes = flvTags([packet.kind === DATA ? { ...packet, time } : packet], 0, 0, time);
    this.#pieces.push({ bytes, key: packet.key });
    this.#bytes += bytes.length;
    this.#waiting += bytes.length;
    this.#duration = Math.max(this.#duration, time);
    if (!packet.config && packet.kind !== DATA) this.#frames += 1;
    if (packet.kind === AUDIO) this.#flags |= 4;
    if (packet.kind === VIDEO) this.#flags |= 1;
    if (this.#waiting > MAX_WAITING_BYTES) this.#fail(new Error('the disk is too slow'));
    else if (this.#waiting >= GATHER_BYTES) this.#stir();
    else this.#timer ??= setTimeout(() => this.#stir(), GATHER_MS);
  }

  describe(published: Buffer | null): void {
    this.#published = published;
  }

  /** No more comes: `finished` settles soon. */
  close(): void {
    this.#closing = true;
    this.#stir();
  }

  #stir(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failed ??= error;
    this.#pieces = [];
    this.#waiting = 0;
    this.#stir();
  }

  async #run(): Promise<RecordingEnd | null> {
    let file: OpenFile | undefined;
    try {
      file = await this.#disk.open(this.path, this.#keep);
      await this.#begin(file);
      while (!(this.#closing && this.#pieces.length === 0) && this.#failed === undefined) {
        if (this.#pieces.length === 0) await this.#next();
        else await this.#write(file);
      }
    } catch (error) {
      this.#fail(error);
    }
    clearTimeout(this.#timer);
    if (file === undefined) return null;
    return this.#end(file);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  async #begin(file: OpenFile): Promise<void> {
    if (this.#keep) this.#base = await readBase(file, this.#keys);
    this.#at = this.#base.end;
    if (this.#at > 0) return;
    const tag = metadataTag({ duration: 0, size: 0, keys: this.#keys, published: this.#published });
    const head = Buffer.concat([flvHeader(true, true), tag]);
    await writeWhole(file, head, 0);
    this.#written.add(head.length);
    this.#at = head.length;
    this.#base = { ...NEW_FILE, end: head.length };
  }

  async #write(file: OpenFile): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    const { time: shift } = this.#base;
    let at = this.#at;
    for (const { bytes, key } of pieces) {
      if (shift > 0) writeTime(bytes, readTime(bytes, 0) + shift);
      if (key) this.#keys.add(at, readTime(bytes, 0));
      at += bytes.length;
    }
    const whole = Buffer.concat(pieces.map(({ bytes }) => bytes));
    await writeWhole(file, whole, this.#at);
    this.#written.add(whole.length);
    this.#at = at;
    this.#waiting = Math.max(0, this.#waiting - whole.length);
  }

  /** Writes what is known only now into the beginning, as far as the disk still takes it. */
  async #end(file: OpenFile): Promise<RecordingEnd | null> {
    const { indexed, time, flags } = this.#base;
    const end = { size: this.#at, duration: time + this.#duration };
    const empty = this.#at <= HEAD_BYTES;
    try {
      if (indexed && !empty) {
        const facts = { ...end, keys: this.#keys, published: this.#published };
        await writeWhole(file, metadataTag(facts), METADATA_AT);
      }
      if (!empty) await writeWhole(file, Buffer.from([flags | this.#flags]), FLAGS_AT);
    } catch (error) {
      this.#fail(error);
    }
    try {
      await file.close();
      if (empty && this.#failed !== undefined && !this.#keep) await this.#disk.remove(this.path);
    } catch (error) {
      this.#fail(error);
    }
    return empty ? null : end;
  }
}

function readTime(tag: Buffer, at: number): number {
  return (tag.readUIntBE(at + 4, 3) | (tag[at + 7]! << 24)) >>> 0;
}

function writeTime(tag: Buffer, time: number): void {
  tag.writeUIntBE(time & 0xffffff, 4, 3);
  tag[7] = time >>> 24;
}

/**
 * Where and when to go on in a file. The last tag is believed if its length stands both before and after it; else it
 * is gone on at the end, from time 0. Throws where the file is something else than FLV.
 */
async function readBase(file: OpenFile, keys: KeyIndex): Promise<Base> {
  const { size } = await file.stat();
  if (size === 0) return NEW_FILE;
  const head = await readPart(file, 0, METADATA_AT + 11);
  if (head.length < METADATA_AT || head.toString('latin1', 0, 3) !== 'FLV') {
    throw new Error('the file to go on with is no FLV file');
  }
  let indexed = false;
  if (head.length === METADATA_AT + 11 && head[METADATA_AT] === DATA) {
    if (head.readUIntBE(METADATA_AT + 1, 3) === METADATA_BYTES) {
      const body = await readPart(file, METADATA_AT + 11, METADATA_BYTES);
      indexed = body.includes('spacer');
      if (indexed) keys.restore(body);
    }
  }
  const length = (await readPart(file, size - 4, 4)).readUInt32BE(0);
  const last = size - 4 - length;
  const tag = length >= 11 && last >= METADATA_AT ? await readPart(file, last, 11) : Buffer.alloc(0);
  const whole = tag.length === 11 && tag.readUIntBE(1, 3) + 11 === length;
  return { end: size, time: whole ? readTime(tag, 0) : 0, flags: head[FLAGS_AT]! & 5, indexed };
}
