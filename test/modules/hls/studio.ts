import { mkdtempSync, rmSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Settings, Table } from '../../../src/config/table.ts';
import { Application } from '../../../src/core/applications/application.ts';
import { type LiveSettings, liveTable } from '../../../src/core/applications/live.ts';
import type { Publication } from '../../../src/core/applications/publication.ts';
import type { Client } from '../../../src/core/applications/request.ts';
import { Hub } from '../../../src/core/hub.ts';
import { LogFiles } from '../../../src/core/logs/log-files.ts';
import { Audience } from '../../../src/core/streams/flush.ts';
import { type MemoryFile, MemoryFiles } from '../../../src/core/workers/memory-files.ts';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { type DiskAccess, realDisk } from '../../../src/modules/hls/disk.ts';
import { type HlsService, startHls } from '../../../src/modules/hls/hls.ts';
import { type HlsSettings, hlsTable } from '../../../src/modules/hls/table.ts';
import type { Tag } from '../../ffmpeg.ts';

function initialSettings<T extends Table>(table: T): Settings<T> {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.initial])) as Settings<T>;
}

/** Memory files that remember every version of everything put there. */
class RecordedFiles extends MemoryFiles {
  readonly versions = new Map<string, string[]>();

  override put(path: string, file: MemoryFile): void {
    super.put(path, file);
    if (!path.endsWith('.m3u8')) return;
    const known = this.versions.get(path) ?? [];
    known.push(file.body.toString());
    this.versions.set(path, known);
  }
}

/** The real disk, on which files are as old as the test's clock says. */
export const disk: DiskAccess = {
  ...realDisk,
  rename: async (from, to) => {
    await utimes(from, Date.now() / 1000, Date.now() / 1000);
    await realDisk.rename(from, to);
  },
};

/** An application with an HLS service in a directory of its own, and a clock that moves with the media. */
export class Studio {
  readonly directory = mkdtempSync(join(tmpdir(), 'hls-'));
  readonly lines: Record<string, unknown>[] = [];
  readonly log = pino(
    { level: 'debug' },
    { write: (line: string) => void this.lines.push(JSON.parse(line)) },
  );
  readonly live: LiveSettings = { ...initialSettings(liveTable), live: true };
  readonly application = new Application('rtmp', 'live', this.live, new Audience(), this.log);
  files = new RecordedFiles();
  conf: HlsSettings;
  #undo: (() => void)[] = [];
  #service: HlsService | undefined;

  constructor(settings: Partial<HlsSettings> = {}) {
    this.conf = {
      ...initialSettings(hlsTable),
      hls: true,
      hls_path: this.directory,
      hls_fragment: 2000,
      hls_playlist_length: 12_000,
      hls_cleanup: false,
      ...settings,
    };
  }

  get service(): HlsService {
    return this.#service!;
  }

  start(settings: Partial<HlsSettings> = {}, access: DiskAccess = disk): void {
    this.conf = { ...this.conf, ...settings };
    const { application } = this;
    this.#service = startHls(
      this.conf,
      {
        application,
        hub: new Hub(new Audience(), this.log),
        log: this.log,
        files: this.files,
        logFiles: new LogFiles(() => undefined),
        prefix: this.directory,
        own: (undo) => void this.#undo.push(undo),
        gate: () => undefined,
        limit: () => undefined,
        origin: () => undefined,
        observe: () => undefined,
        forEachStream: (task) => void this.#undo.push(application.forEachStream(task)),
      },
      access,
    );
  }

  /** A reload with other settings: as `Services` does it. */
  reload(settings: Partial<HlsSettings>): 'updated' | 'restarted' {
    const next = { ...this.conf, ...settings };
    if (this.service.update!(next)) {
      this.conf = next;
      return 'updated';
    }
    this.stop();
    this.start(settings);
    return 'restarted';
  }

  stop(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
    this.#service?.close();
  }

  /** The process ends and begins again: nothing but the disk remains. */
  async restart(settings: Partial<HlsSettings> = {}): Promise<void> {
    this.stop();
    await this.service.idle();
    this.files = new RecordedFiles();
    this.start(settings);
  }

  async publish(name = 's'): Promise<Publisher> {
    const publication = await this.application.publish({
      action: 'publish',
      client: { id: 1, protocol: 'rtmp', origin: 'client', log: this.log } as Client,
      application: this.application,
      name,
      args: '',
      type: 'live',
      dismiss: () => undefined,
    });
    return new Publisher(publication);
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  /** Every version of a playlist, in order. */
  versions(file = 's.m3u8'): readonly string[] {
    return this.files.versions.get(this.path(file)) ?? [];
  }

  async close(): Promise<void> {
    this.stop();
    await this.#service?.idle();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const AVC_RECORD = Buffer.from(
  '01640028ffe1001b67640028acd940780227e5c044000003000400000300c83c60c65801000668eae3cb22c0fdf8f800',
  'hex',
);
/** Another picture size. */
export const OTHER_RECORD = Buffer.from(
  '0142c00dffe100166742c00dd90141fb011000003e90000ea600f142a48001000568cb83cb20',
  'hex',
);

/** What a run of media looks like; times in ms. */
export interface Run {
  readonly ms: number;
  /** Distance between key frames; default 2000. */
  readonly gop?: number;
  /** Distance between frames; default 40. */
  readonly frame?: number;
  readonly video?: boolean;
  readonly audio?: boolean | 'mp3';
  /** Bytes of a frame. */
  readonly size?: number;
  /** How long the wall clock stands still: media come at once. */
  readonly instant?: boolean;
}

/** Sends made-up media that are right in form. Its clock and, unless told otherwise, the wall clock move along. */
export class Publisher {
  readonly publication: Publication;
  /** Timestamp of the next frame. */
  time = 0;
  #announced = { video: false, audio: false };
  #nextAudio = 0;
  #sinceKey = Number.POSITIVE_INFINITY;

  constructor(publication: Publication) {
    this.publication = publication;
  }

  tag(tag: Tag): void {
    this.publication.push(tag.kind, tag.time, tag.body, performance.now());
    this.publication.endOfRead(performance.now());
  }

  videoHeader(record = AVC_RECORD): void {
    this.#announced.video = true;
    this.#push(VIDEO, this.time, Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), record]));
  }

  audioHeader(config = Buffer.from([0x12, 0x10])): void {
    this.#announced.audio = true;
    this.#push(AUDIO, this.time, Buffer.concat([Buffer.from([0xaf, 0]), config]));
  }

  picture(key: boolean, size = 500): void {
    const body = Buffer.alloc(9 + size, 0x55);
    body.set([key ? 0x17 : 0x27, 1, 0, 0, 0]);
    body.writeUInt32BE(size, 5);
    body[9] = key ? 0x65 : 0x41;
    this.#push(VIDEO, this.time, body);
  }

  sound(time = this.time, kind: boolean | 'mp3' = true): void {
    if (kind === 'mp3') {
      const frame = Buffer.alloc(418, 0x55);
      frame.set([0x2f, 0xff, 0xfb, 0x90, 0x64]);
      this.#push(AUDIO, time, frame);
    } else this.#push(AUDIO, time, Buffer.concat([Buffer.from([0xaf, 1]), Buffer.alloc(100, 0x21)]));
  }

  run(wanted: Run, advance: (ms: number) => void): void {
    const { ms, gop = 2000, frame = 40, video = true, audio = true, size = 500, instant = false } = wanted;
    if (video && !this.#announced.video) this.videoHeader();
    if (audio === true && !this.#announced.audio) this.audioHeader();
    const end = this.time + ms;
    while (this.time < end) {
      if (video) {
        const key = this.#sinceKey >= gop;
        this.picture(key, size);
        this.#sinceKey = (key ? 0 : this.#sinceKey) + frame;
      }
      if (this.#nextAudio < this.time - 1000) this.#nextAudio = this.time;
      while (audio !== false && this.#nextAudio < this.time + frame) {
        this.sound(Math.round(this.#nextAudio), audio);
        this.#nextAudio += audio === 'mp3' ? (1152 * 1000) / 44_100 : (1024 * 1000) / 44_100;
      }
      this.time += frame;
      if (!instant) advance(frame);
    }
  }

  stop(): void {
    this.publication.close();
  }

  #push(kind: typeof AUDIO | typeof VIDEO, time: number, body: Buffer): void {
    this.publication.push(kind, time, body, performance.now());
  }
}
