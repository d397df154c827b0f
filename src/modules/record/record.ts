import type { RecorderStatus } from '../../core/applications/recordings.ts';
import { type ApplicationContext, type Module, type Service, serviceWithin } from '../../core/module.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { type DiskAccess, DiskTrouble, realDisk } from './disk.ts';
import { type RecordGround, StreamRecorder } from './stream-recorder.ts';
import { type RecorderSettings, recorderTable, recordTables, selectionOf } from './table.ts';

/** The settings of an application's own recorder, and of its named ones. */
export type RecordSettings = RecorderSettings & {
  readonly within: Readonly<Record<string, RecorderSettings>>;
};

/** One recorder and the streams it records. */
interface Recorder {
  conf: RecorderSettings;
  readonly streams: Map<string, StreamRecorder>;
  readonly undo: () => void;
}

/** Records the streams of an application. */
function startRecord(
  settings: RecordSettings,
  context: ApplicationContext,
  disk: DiskAccess = realDisk,
): Service<RecordSettings> & { close(): void } {
  const { application, hub, log, prefix } = context;
  const written = hub.measures.total('record_bytes_total', 'Bytes of recordings written to the disk.', {
    app: application.name,
  });
  const trouble = new DiskTrouble(log);
  const ground: RecordGround = { application, hub, log, prefix, disk, trouble, written };
  const recorders = new Map<string, Recorder>();
  const live = new Set<Stream>();

  const attach = (stream: Stream, name: string, { conf, streams }: Recorder): void => {
    const selection = selectionOf(conf);
    if (selection === null) return;
    streams.set(stream.name, new StreamRecorder(stream, name, conf, selection, ground));
  };
  const add = (name: string, conf: RecorderSettings): void => {
    const streams = new Map<string, StreamRecorder>();
    const undo = application.recorders.add(name, {
      status: () => statusOf(name, recorder.conf),
      start: (stream) => streams.get(stream)?.start() ?? null,
      stop: (stream) => streams.get(stream)?.stop() ?? null,
    });
    const recorder: Recorder = { conf, streams, undo };
    recorders.set(name, recorder);
    for (const stream of live) attach(stream, name, recorder);
  };
  const remove = (name: string, { streams, undo }: Recorder): void => {
    recorders.delete(name);
    undo();
    for (const one of streams.values()) one.close();
  };
  const reconcile = (next: RecordSettings): void => {
    const wanted = wantedOf(next);
    for (const [name, recorder] of recorders) if (!wanted.has(name)) remove(name, recorder);
    for (const [name, conf] of wanted) {
      const recorder = recorders.get(name);
      if (recorder === undefined) add(name, conf);
      else {
        recorder.conf = conf;
        for (const one of recorder.streams.values()) one.update(conf);
      }
    }
  };

  reconcile(settings);
  context.forEachStream((stream) => {
    live.add(stream);
    for (const [name, recorder] of recorders) attach(stream, name, recorder);
    return () => {
      live.delete(stream);
      for (const { streams } of recorders.values()) {
        const one = streams.get(stream.name);
        if (one?.stream !== stream) continue;
        streams.delete(stream.name);
        one.close();
      }
    };
  });
  return {
    update(next) {
      reconcile(next);
      return true;
    },
    close() {
      for (const [name, recorder] of [...recorders]) remove(name, recorder);
    },
  };
}

function flagsOf(conf: RecorderSettings): readonly string[] {
  const selection = selectionOf(conf);
  if (selection === null) return ['off'];
  const { audio, video, data, manual } = selection;
  const flags = { video: video === 'all', audio, keyframes: video === 'keyframes', data, manual };
  return Object.entries(flags).flatMap(([name, set]) => (set ? [name] : []));
}

function statusOf(name: string, conf: RecorderSettings): RecorderStatus {
  return {
    name,
    flags: flagsOf(conf),
    unique: conf.record_unique,
    append: conf.record_append,
    lock: conf.record_lock,
    notify: conf.record_notify,
    path: conf.record_path,
    maxSize: conf.record_max_size,
    maxFrames: conf.record_max_frames,
    interval: conf.record_interval,
    suffix: conf.record_suffix,
  };
}

/** The recorders that are on; the one without a name comes last. */
function wantedOf({ within, ...own }: RecordSettings): ReadonlyMap<string, RecorderSettings> {
  const all: readonly (readonly [string, RecorderSettings])[] = [...Object.entries(within), ['', own]];
  return new Map(all.filter(([, conf]) => selectionOf(conf) !== null));
}

/** Recordings of live streams as FLV files. */
export const recordModule: Module = {
  name: 'record',
  tables: recordTables,
  application: serviceWithin(
    recorderTable,
    { name: 'recorder', table: recorderTable },
    {
      enabled: (conf) => wantedOf(conf).size > 0,
      start: (conf, context) => startRecord(conf, context),
    },
  ),
};
