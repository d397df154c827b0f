import { anyOf, flag, msecOrOff, offset, text } from '../../config/rows.ts';
import type { BlockRow, Settings } from '../../config/table.ts';

const recorder: BlockRow<string> = {
  kind: 'block',
  opens: 'recorder',
  read: ([word]) => word!.value,
  min: 1,
  max: 1,
  contexts: ['application'],
  key: (name) => name,
  duplicates: 'ignored',
  syntax: 'name { … }',
  help: 'One more recorder of the application, which takes over whatever of record_* it does not say itself. Its name is rec= of the control URLs, $recorder of programs and recorder of callbacks.',
  example: 'recorder audio { record audio; record_suffix -audio.flv; }',
};

/** Directives of a recorder; those of an application are its own recorder, and the defaults of named ones. */
export const recorderTable = {
  record: anyOf(
    ['off', 'all', 'audio', 'video', 'keyframes', 'manual', 'av', 'data'],
    [],
    'What is recorded into FLV files: all (or av) for audio and video, keyframes for key frames alone, data for script data; with manual only from record/start to record/stop of rtmp_control. off, whatever else is written, records nothing.',
    { max: Number.POSITIVE_INFINITY, shown: 'nothing', example: 'record all;' },
  ),
  record_path: text('', 'Directory of recordings; made where it is missing.', {
    shown: '""',
    syntax: 'path',
    example: 'record_path /var/rec;',
  }),
  record_suffix: text(
    '.flv',
    'Put after the stream’s name; with a % it goes through strftime, in local time when the file is opened.',
    {
      shown: '.flv',
      example: 'record_suffix -%Y%m%d-%H%M%S.flv;',
    },
  ),
  record_unique: flag(false, 'Puts - and the Unix time of opening between name and suffix.', {
    example: 'record_unique on;',
  }),
  record_append: flag(
    false,
    'Goes on with a file that is there, where its time ended; off: it is begun anew.',
    { example: 'record_append on;' },
  ),
  record_lock: flag(
    false,
    'Locks each file while it is written, as flock(2) does, so that other programs can see that it is in use; needs the program flock.',
    { example: 'record_lock on;' },
  ),
  record_max_size: offset(
    0,
    'A file ends with the frame that brings it to so many bytes; the next one begins with a key frame, or when record_interval is over. 0: never.',
    { shown: '0', example: 'record_max_size 512m;' },
  ),
  record_max_frames: offset(0, 'A file ends after so many frames; 0: never.', {
    shown: '0',
    syntax: 'number',
    example: 'record_max_frames 10k;',
  }),
  record_interval: msecOrOff(
    null,
    'A file ends after so much media, at the next key frame, or audio frame where no video is recorded, with which the next file begins.',
    { shown: 'off', example: 'record_interval 15m;' },
  ),
  record_interval_size: offset(
    0,
    'A file ends at the first key frame after so many bytes, with which the next file begins, so that no frame is lost between two; 0: never.',
    { shown: '0', example: 'record_interval_size 512m;' },
  ),
  record_notify: flag(
    false,
    'Tells RTMP publishers of each file that is begun, ended or lost: the status NetStream.Record.Start, Stop or Failed with the recorder’s name.',
    { example: 'record_notify on;' },
  ),
} as const;

/** The module's directives by scope. */
export const recordTables = { application: { recorder }, recorder: recorderTable } as const;

export type RecorderSettings = Settings<typeof recorderTable>;

/** What of a stream a recorder takes. */
export interface Selection {
  readonly audio: boolean;
  readonly video: 'all' | 'keyframes' | 'none';
  readonly data: boolean;
  readonly manual: boolean;
}

/** What the flags of `record` come to; null where there is no recorder. `manual` alone stands for everything. */
export function selectionOf({ record }: Pick<RecorderSettings, 'record'>): Selection | null {
  const flags = new Set<string>(record);
  if (flags.size === 0 || flags.has('off')) return null;
  const manual = flags.delete('manual');
  const both = flags.size === 0 || flags.has('all') || flags.has('av');
  const video = both || flags.has('video') ? 'all' : flags.has('keyframes') ? 'keyframes' : 'none';
  return { audio: both || flags.has('audio'), video, data: flags.has('data'), manual };
}
