import { flag, msec, msecOrOff, number, oneOf, readMsec, size, value } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import type { MergeSetting } from '../streams/flush.ts';

/** Longer than anybody wants, and short enough that what gathers is no burden, ms. */
const MAX_MERGE_MS = 5000;

/** Directives of live streams: what an application lets through, keeps for newcomers, and when it lets go. */
export const liveTable = {
  live: flag(false, 'Lets clients publish and play live streams in this application.', {
    example: 'live on;',
  }),
  meta: oneOf(
    ['on', 'off', 'copy'],
    'on',
    'What players get as onMetaData: an object of standard fields, the publisher’s own as it came, or none.',
    { example: 'meta copy;' },
  ),
  wait_key: flag(true, 'A player’s first video frame is a key frame.', { example: 'wait_key off;' }),
  wait_video: flag(false, 'A player gets no audio before its first video frame.', {
    example: 'wait_video on;',
  }),
  publish_notify: flag(false, 'Tells RTMP players NetStream.Play.PublishNotify and UnpublishNotify.', {
    example: 'publish_notify on;',
  }),
  play_restart: flag(
    false,
    'Tells RTMP players NetStream.Play.Start and Stop each time the publisher comes and goes.',
    { example: 'play_restart on;' },
  ),
  idle_streams: flag(
    true,
    'Players may wait for a publisher and stay when it leaves; off: they are refused, and sent away at its end.',
    { example: 'idle_streams off;' },
  ),
  drop_idle_publisher: msecOrOff(
    null,
    'Ends a publisher that has sent no audio or video for this long, also one that never sent any.',
    { shown: 'off', example: 'drop_idle_publisher 10s;' },
  ),
  publish_conflict: oneOf(
    ['reject', 'takeover'],
    'reject',
    'What a second publisher of a name gets: a refusal, or the name, from a first one that may long be dead.',
    { example: 'publish_conflict takeover;' },
  ),
  publish_gap: msec(
    0,
    'How long a stream waits for its publisher to return before it ends; players, recordings and relays stay attached.',
    { shown: '0', example: 'publish_gap 15s;' },
  ),
  sync: msecOrOff(
    300,
    'Accepted; a player that cannot keep up is skipped to a key frame as a whole, so its tracks stay in sync.',
    { example: 'sync 100ms;', shown: '300ms' },
  ),
  interleave: flag(false, 'Accepted; audio and video always travel in the order they came.', {
    example: 'interleave on;',
  }),
  gop_cache: flag(
    true,
    'Keeps the media since the last key frame, so that new players get a picture at once.',
    { example: 'gop_cache off;' },
  ),
  gop_max_frame_count: number(
    4096,
    'Frames in the cache above which it is emptied until the next key frame.',
    { example: 'gop_max_frame_count 1000;' },
  ),
  gop_max_video_count: number(2048, 'Video frames in the cache above which it is emptied.', {
    example: 'gop_max_video_count 500;',
  }),
  gop_max_audio_count: number(2048, 'Audio frames in the cache above which it is emptied.', {
    example: 'gop_max_audio_count 500;',
  }),
  gop_max_size: size(32 * 1024 * 1024, 'Bytes in the cache above which it is emptied.', {
    example: 'gop_max_size 16m;',
    shown: '32m',
  }),
  out_queue_size: size(
    8 * 1024 * 1024,
    'Bytes that may wait for a slow player before it is skipped to a later key frame.',
    { shown: '8m', least: 65_536, example: 'out_queue_size 4m;' },
  ),
  out_merge: value<MergeSetting>(
    ([word], context) => {
      const lower = word!.value.toLowerCase();
      if (lower === 'auto') return 'auto';
      if (lower === 'off') return 0;
      return readMsec(word!, context, { most: MAX_MERGE_MS });
    },
    'auto',
    'How long packets gather before one write to each player: auto grows from nothing to 100 ms with the audience.',
    'auto | off | time',
    { example: 'out_merge off;', shown: 'auto' },
  ),
} as const;

export type LiveSettings = Settings<typeof liveTable>;
