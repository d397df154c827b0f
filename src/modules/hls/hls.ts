import { resolve } from 'node:path';
import { SECONDS } from '../../core/measures/measures.ts';
import { type ApplicationContext, applicationService, type Module, type Service } from '../../core/module.ts';
import { changedSettings } from '../../core/services.ts';
import { alone } from '../../core/workers/workers.ts';
import { keepClean } from './cleanup.ts';
import { type DiskAccess, DiskTrouble, realDisk, timedDisk } from './disk.ts';
import { Masters } from './master.ts';
import { type OutputCounts, type OutputGround, StreamOutput } from './output.ts';
import { type HlsSettings, hlsTable } from './table.ts';
import { HlsViewers } from './viewers.ts';

/** Settings that decide where files are and what they are called: a change begins anew. All others change in mid-stream. */
const LAYOUT: ReadonlySet<string> = new Set([
  'hls_path',
  'hls_nested',
  'hls_nested_index_filename',
  'hls_fragment_naming',
  'hls_keys',
  'hls_key_path',
  'hls_cleanup',
  'hls_type',
]);

/** The running HLS service of an application; `idle` is when all that was decided is on disk or given up. */
export interface HlsService extends Service<HlsSettings> {
  idle(): Promise<void>;
  close(): void;
}

/** Segments every stream of an application. */
export function startHls(
  conf: HlsSettings,
  context: ApplicationContext,
  disk: DiskAccess = realDisk,
): HlsService {
  let current = conf;
  const path = resolve(context.prefix, conf.hls_path);
  const help = 'Time to write a segment, a key or a playlist.';
  const writing = context.hub.measures.histogram('hls_file_write_seconds', help, SECONDS);
  const outputs = new Map<string, StreamOutput>();
  const shared = {
    conf: () => current,
    prefix: context.prefix,
    application: context.application,
    files: context.files,
    elsewhere: () => context.hub.workers !== alone,
    log: context.log,
    disk: timedDisk(disk, writing),
    trouble: new DiskTrouble(context.log, path),
    counts: countsOf(context),
  };
  const masters = new Masters(shared, outputs);
  const viewers = new HlsViewers(
    context,
    () => current,
    outputs,
    (file) => masters.protects(file),
  );
  context.own(context.files.guard(path, (file, visitor) => viewers.admit(file, visitor)));
  const ground: OutputGround = {
    ...shared,
    listed: (output) => {
      masters.listed(output);
      viewers.listed(output.name);
    },
    visited: (output) => viewers.visited(output.name),
    expired: (output) => {
      if (outputs.get(output.name) === output) outputs.delete(output.name);
      masters.expired(output);
    },
  };
  if (conf.hls_cleanup && conf.hls_type !== 'event') {
    const client = {
      age: () => {
        const reach = [...outputs.values()].map((output) => output.reach);
        return 2 * Math.max(current.hls_playlist_length, ...reach);
      },
      protects: (file: string) =>
        // What lists of other workers name stays as long as they do.
        (context.files.isForeign(file) && !file.endsWith('.m3u8')) ||
        masters.protects(file) ||
        [...outputs.values()].some((output) => output.protects(file)),
      log: context.log,
    };
    const paths = new Set([path]);
    if (conf.hls_key_path !== '') paths.add(resolve(context.prefix, conf.hls_key_path));
    for (const one of paths) context.own(keepClean(context.files, one, client));
  }
  context.forEachStream((stream) => {
    let output = outputs.get(stream.name);
    if (output === undefined) {
      output = new StreamOutput(stream.name, ground);
      outputs.set(stream.name, output);
    }
    return output.attach(stream);
  });
  const fits = (next: HlsSettings): boolean =>
    !changedSettings(current, next).some((name) => LAYOUT.has(name));
  return {
    fits,
    update(next) {
      if (!fits(next)) return false;
      current = next;
      return true;
    },
    close() {
      masters.close();
      for (const output of outputs.values()) output.close();
    },
    async idle() {
      await Promise.all([...outputs.values()].map((output) => output.idle()));
      await masters.idle();
    },
  };
}

function countsOf({ application, hub: { measures } }: ApplicationContext): OutputCounts {
  const app = { app: application.name };
  return {
    made: measures.total('hls_segments_total', 'HLS segments made.', app),
    served: measures.total('hls_segments_served_total', 'HLS segments given to players from memory.', app),
    sent: measures.total('hls_sent_bytes_total', 'Bytes of these segments that players were given.', app),
  };
}

/** HLS: MPEG-TS segments and playlists. */
export const hlsModule: Module = {
  name: 'hls',
  tables: { application: hlsTable },
  application: applicationService(hlsTable, {
    enabled: (conf) => conf.hls && conf.hls_path !== '',
    start: (conf, context) => startHls(conf, context),
  }),
};
