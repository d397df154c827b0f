import type { ServerStatistics, StreamStatistics } from '../../core/statistics/statistics.ts';
import type { Sheet } from './sheet.ts';

/** The labels of a stream. */
type Named = { readonly app: string; readonly stream: string };

/** The figures of applications and of the first `most` streams. Servers may have applications of one name. */
export function addStreams(sheet: Sheet, servers: readonly ServerStatistics[], most: number): void {
  const applications = new Map<string, Map<string, StreamStatistics[]>>();
  for (const { applications: all } of servers) {
    for (const { name, streams } of all) {
      const known = applications.get(name) ?? new Map<string, StreamStatistics[]>();
      applications.set(name, known);
      for (const stream of streams) known.set(stream.name, [...(known.get(stream.name) ?? []), stream]);
    }
  }
  const live = sheet.gauge('mediad_streams', 'Streams with a publisher whose media flow.');
  const viewers = sheet.gauge('mediad_viewers', 'Players of all streams.');
  const shown: (readonly [Named, readonly StreamStatistics[]])[] = [];
  for (const [app, streams] of applications) {
    const all = [...streams.values()].flat();
    live({ app }, all.filter((stream) => stream.live).length);
    for (const protocol of ['rtmp', 'http-flv', 'hls'] as const) {
      viewers(
        { app, protocol },
        sum(all, (stream) => stream.viewers[protocol]),
      );
    }
    for (const [stream, same] of streams) if (shown.length < most) shown.push([{ app, stream }, same]);
  }
  const total = [...applications.values()].reduce((count, streams) => count + streams.size, 0);
  sheet.gauge('mediad_streams_unlisted', 'Streams without figures of their own: see metrics_streams.')(
    {},
    total - shown.length,
  );
  addEach(sheet, shown);
}

function sum(streams: readonly StreamStatistics[], value: (stream: StreamStatistics) => number): number {
  return streams.reduce((total, stream) => total + value(stream), 0);
}

function addEach(sheet: Sheet, streams: readonly (readonly [Named, readonly StreamStatistics[]])[]): void {
  const name = (rest: string): string => `mediad_stream_${rest}`;
  const up = sheet.gauge(name('live'), 'Whether media flow.');
  const viewers = sheet.gauge(name('viewers'), 'Players.');
  const received = sheet.counter(name('received_bytes_total'), 'Bytes of media received.');
  const sent = sheet.counter(name('sent_bytes_total'), 'Bytes given to players.');
  const frames = sheet.counter(name('frames_total'), 'Frames received.');
  const bitrate = sheet.gauge(name('bits_per_second'), 'What comes, on average over 10 s.');
  const rate = sheet.gauge(name('frame_rate'), 'Pictures per second, on average over 10 s.');
  const key = sheet.gauge(name('keyframe_interval_seconds'), 'Time between the newest two key frames.');
  const gap = sheet.gauge(name('av_offset_seconds'), 'Newest audio minus newest video.');
  const silence = sheet.gauge(name('silence_seconds'), 'Time since the newest media.');
  const repairs = sheet.counter(name('timestamp_repairs_total'), 'Timestamps that had to be changed.');
  const dropped = sheet.counter(name('dropped_frames_total'), 'Frames that players missed.');
  const lag = sheet.gauge(
    name('ingest_lag_seconds'),
    'How far media are behind the clock, against the best of the last 5 minutes.',
  );
  const health = sheet.gauge(name('health'), 'What is wrong with the stream; 1 for each issue it has.');
  for (const [labels, same] of streams) {
    const first = same.find((stream) => stream.live) ?? same[0]!;
    up(labels, first.live ? 1 : 0);
    for (const protocol of ['rtmp', 'http-flv', 'hls'] as const) {
      viewers(
        { ...labels, protocol },
        sum(same, (stream) => stream.viewers[protocol]),
      );
    }
    received(
      labels,
      sum(same, ({ counters }) => counters.bytesIn),
    );
    for (const protocol of ['rtmp', 'http-flv', 'hls'] as const) {
      sent(
        { ...labels, protocol },
        sum(same, (stream) => stream.sent[protocol]),
      );
    }
    lag(labels, first.lag / 1000);
    for (const issue of first.issues) health({ ...labels, issue }, 1);
    frames(
      { ...labels, kind: 'audio' },
      sum(same, ({ counters }) => counters.audioPackets),
    );
    frames(
      { ...labels, kind: 'video' },
      sum(same, ({ counters }) => counters.videoPackets),
    );
    frames(
      { ...labels, kind: 'key' },
      sum(same, ({ counters }) => counters.keyFrames),
    );
    bitrate(
      { ...labels, kind: 'audio' },
      sum(same, ({ rates }) => rates.audio),
    );
    bitrate(
      { ...labels, kind: 'video' },
      sum(same, ({ rates }) => rates.video),
    );
    rate(labels, first.rates.frameRate);
    key(labels, first.keyInterval / 1000);
    gap(labels, first.gap / 1000);
    silence(labels, first.live ? first.silence / 1000 : 0);
    repairs(
      labels,
      sum(same, (stream) => stream.repairs),
    );
    dropped(
      { ...labels, reason: 'slow' },
      sum(same, (stream) => stream.skippedPackets),
    );
  }
}
