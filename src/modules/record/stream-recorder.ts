import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Application } from '../../core/applications/application.ts';
import type { Recording } from '../../core/applications/recordings.ts';
import type { PublishRequest } from '../../core/applications/request.ts';
import type { Hub } from '../../core/hub.ts';
import type { Logger } from '../../core/logs/log.ts';
import type { Total } from '../../core/measures/measures.ts';
import { LONGEST_REST_MS } from '../../core/streams/rest.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { AUDIO, DATA, type MediaPacket, VIDEO } from '../../media/packet.ts';
import { headerSlot, tagFacts } from '../../media/tag.ts';
import { isMetadata } from '../../wire/metadata.ts';
import { type DiskAccess, type DiskTrouble, lockingDisk } from './disk.ts';
import { FlvFile } from './flv-file.ts';
import { numberedPath, recordingPath } from './names.ts';
import { type RecorderSettings, type Selection, selectionOf } from './table.ts';

/** What the recorders of an application share. */
export interface RecordGround {
  readonly application: Application;
  readonly hub: Hub;
  readonly log: Logger;
  readonly prefix: string;
  readonly disk: DiskAccess;
  readonly trouble: DiskTrouble;
  /** Counts the bytes that have reached the disk. */
  readonly written: Total;
}

/** Files that are being written, of all recorders: no two may write the same. */
const busy = new Set<string>();

/** After a failure of the disk, so long nothing is tried, ms. */
const PAUSE_MS = 5000;
/** Without a video frame for this much media, audio frames begin and end files, ms. */
const VIDEO_GONE_MS = 10_000;
/** Audio before the first video frame, kept in case none comes. */
const MAX_EARLY = 64;

/** A file being written. */
interface Open {
  readonly file: FlvFile;
  readonly recording: Recording;
  /** Time of its first frame on the stream's time line, ms. */
  readonly epoch: number;
  /** Sequence headers in it, by kind and track. */
  readonly headers: Map<string, Buffer>;
  /** Takes it off the list of files that are being written. */
  readonly unlist: () => void;
}

/** One stream as one recorder records it: decides what goes into which file, and when files begin and end. */
export class StreamRecorder {
  readonly stream: Stream;
  readonly #name: string;
  readonly #ground: RecordGround;
  readonly #untap: () => void;
  #conf: RecorderSettings;
  #selection: Selection;
  /** Files are to be written: always, but for manual recorders, and those that were told to stop. */
  #wanted: boolean;
  #open: Open | null = null;
  /** The path of the next file where it has been told already. */
  #promised: string | null = null;
  /** Paths that files of this stream had, so that none of them is written over. */
  readonly #used = new Set<string>();
  /** Media time at which the newest file began, ms. */
  #began: number | null = null;
  #lastVideo = Number.NEGATIVE_INFINITY;
  #early: MediaPacket[] = [];
  #pausedUntil = 0;

  constructor(
    stream: Stream,
    name: string,
    conf: RecorderSettings,
    selection: Selection,
    ground: RecordGround,
  ) {
    this.stream = stream;
    this.#name = name;
    this.#conf = conf;
    this.#selection = selection;
    this.#ground = ground;
    this.#wanted = !selection.manual;
    this.#untap = stream.tap({
      keeps: false,
      patience: LONGEST_REST_MS,
      packet: (packet) => this.#packet(packet),
    });
  }

  /** Other settings of the recorder: limits count at once, names from the next file on. */
  update(conf: RecorderSettings): void {
    const selection = selectionOf(conf);
    if (selection === null) return;
    const kinds = (one: Selection): string => JSON.stringify({ ...one, manual: false });
    // A file has the same tracks from its beginning to its end.
    if (kinds(selection) !== kinds(this.#selection)) this.#finish();
    if (selection.manual !== this.#selection.manual) {
      this.#wanted = !selection.manual;
      if (!this.#wanted) this.#finish();
    }
    this.#conf = conf;
    this.#selection = selection;
  }

  /** Records from the next key frame on; null where it does already. */
  start(): string | null {
    if (this.#wanted) return null;
    this.#wanted = true;
    this.#began = null;
    this.#promised = this.#choosePath();
    return this.#promised;
  }

  /** Ends the file; null where none was to be written. */
  stop(): string | null {
    if (!this.#wanted) return null;
    const path = this.#open?.file.path ?? this.#promised ?? this.#choosePath();
    this.#wanted = false;
    this.#promised = null;
    this.#finish();
    return path;
  }

  /** The stream, or its recorder, is no more. */
  close(): void {
    this.#untap();
    this.#finish();
  }

  #packet(packet: MediaPacket): void {
    if (packet.kind === DATA) {
      this.#data(packet);
      return;
    }
    const { audio, video } = this.#selection;
    if (packet.kind === AUDIO ? !audio : video === 'none') return;
    if (packet.config) {
      if (this.#open !== null) this.#header(packet, this.#open, packet.time - this.#open.epoch);
      return;
    }
    if (packet.kind === VIDEO) this.#lastVideo = packet.time;
    if (packet.kind === VIDEO ? packet.key : this.#audioLeads(packet)) this.#breakAt(packet);
    if (this.#open === null) return;
    if (packet.kind === VIDEO && video === 'keyframes' && !packet.key) return;
    this.#write(packet, this.#open);
  }

  #data(packet: MediaPacket): void {
    if (isMetadata(packet.body)) this.#open?.file.describe(Buffer.from(packet.body));
    else if (this.#selection.data && this.#open !== null) this.#write(packet, this.#open);
  }

  /** Whether files may begin and end with an audio frame: no video is recorded, or none comes. */
  #audioLeads(packet: MediaPacket): boolean {
    if (this.#selection.video === 'none') return true;
    if (this.#lastVideo !== Number.NEGATIVE_INFINITY) return packet.time - this.#lastVideo > VIDEO_GONE_MS;
    const { opening, settled } = this.stream;
    if (opening.hasVideo || opening.headers.some(({ kind }) => kind === VIDEO)) return false;
    if (settled) return true;
    if (this.#began === null && this.#early.length < MAX_EARLY) {
      this.#early.push({ ...packet, body: Buffer.from(packet.body) });
    }
    return false;
  }

  #breakAt(packet: MediaPacket): void {
    const { record_interval: interval, record_interval_size: size } = this.#conf;
    if (this.#open?.file.failure !== undefined) this.#finish();
    const over = this.#began === null || interval === null || packet.time - this.#began >= interval;
    const full = size > 0 && this.#open !== null && this.#open.file.size >= size;
    if (this.#open !== null && ((interval !== null && over) || full)) this.#finish();
    if (this.#open !== null || !this.#wanted || !(over || full) || performance.now() < this.#pausedUntil)
      return;
    const early = packet.kind === AUDIO ? this.#early : [];
    this.#early = [];
    const open = this.#begin((early[0] ?? packet).time);
    if (open !== null) for (const one of early) this.#write(one, open);
  }

  #begin(epoch: number): Open | null {
    const request = this.#ground.application.publicationOf(this.stream)?.request;
    if (request === undefined) return null;
    const path = this.#promised ?? this.#choosePath();
    this.#promised = null;
    this.#used.add(path);
    busy.add(path);
    const { opening } = this.stream;
    const keep = this.#conf.record_append;
    const file = new FlvFile(path, keep, opening.metadata?.body ?? null, this.#disk, this.#ground.written);
    const { finished } = file;
    const recording: Recording = { recorder: this.#name, path, request, finished };
    this.#ground.hub.outlastFile(finished);
    void finished.then((end) => {
      busy.delete(path);
      // Nothing of it is on the disk, so the name is free; else a disk that stays full would use up numbers.
      if (end === null && !keep) this.#used.delete(path);
      if (file.failure !== undefined) this.#failed(file);
    });
    const since = Date.now();
    const unlist = this.#ground.application.recorders.write(() => ({
      ...{ recorder: this.#name, stream: this.stream.name, file: path, since, epoch },
      ...{ shift: file.shift, bytes: file.size, frames: file.frames },
    }));
    const open: Open = { file, recording, epoch, headers: new Map(), unlist };
    this.#open = open;
    this.#began = epoch;
    for (const header of opening.headers) {
      const wanted = header.kind === AUDIO ? this.#selection.audio : this.#selection.video !== 'none';
      if (wanted) this.#header(header, open, 0);
    }
    this.#notify(request, 'Start');
    this.#ground.application.recorders.started(recording);
    return open;
  }

  /** Written once, and again where it changes. */
  #header(packet: MediaPacket, { file, headers }: Open, time: number): void {
    const slot = `${packet.kind} ${headerSlot(tagFacts(packet.kind, packet.body))}`;
    if (headers.get(slot)?.equals(packet.body) === true) return;
    headers.set(slot, Buffer.from(packet.body));
    file.add(packet, Math.max(0, time));
  }

  #write(packet: MediaPacket, { file, epoch }: Open): void {
    file.add(packet, Math.max(0, packet.time - epoch));
    const { record_max_size: size, record_max_frames: frames } = this.#conf;
    if ((size > 0 && file.size >= size) || (frames > 0 && file.frames >= frames)) this.#finish();
  }

  #finish(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    open.file.close();
    open.unlist();
    this.#notify(open.recording.request, open.file.failure === undefined ? 'Stop' : 'Failed');
    this.#ground.application.recorders.ended(open.recording);
  }

  /** Where the files go to. */
  get #disk(): DiskAccess {
    const { disk, log } = this.#ground;
    if (!this.#conf.record_lock) return disk;
    return lockingDisk(disk, (path, reason) => log.warn({ path, reason }, 'a recording is not locked'));
  }

  /** Tells the publisher what becomes of a file. */
  #notify(request: PublishRequest, what: 'Start' | 'Stop' | 'Failed'): void {
    if (!this.#conf.record_notify) return;
    request.tell?.(what === 'Failed' ? 'error' : 'status', `NetStream.Record.${what}`, this.#name);
  }

  #failed(file: FlvFile): void {
    this.#pausedUntil = performance.now() + PAUSE_MS;
    this.#ground.trouble.failed(file.path, file.failure);
    if (this.#open?.file === file) this.#finish();
  }

  /** A name for which no file of this stream is yet, and that nobody writes to. */
  #choosePath(): string {
    const { prefix } = this.#ground;
    const first = resolve(prefix, recordingPath(this.#conf, this.stream.name, new Date()));
    for (let count = 0; ; count += 1) {
      const path = numberedPath(first, count);
      if (!busy.has(path) && !this.#used.has(path) && !this.#isFull(path)) return path;
    }
  }

  /** A file that cannot be gone on with, since it has its full size. */
  #isFull(path: string): boolean {
    const { record_append: keep, record_max_size: most } = this.#conf;
    if (!keep || most === 0) return false;
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    return size !== undefined && size >= most;
  }
}
