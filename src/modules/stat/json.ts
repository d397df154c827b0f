import type { RecordingStatus } from '../../core/applications/recordings.ts';
import type {
  ApplicationStatistics,
  ClientStatistics,
  StreamStatistics,
} from '../../core/statistics/statistics.ts';
import type { StatFacts } from './facts.ts';
import { countClients, timeOf } from './xml.ts';

/** The statistics as JSON, in the fields of nginx-http-flv; our own ones come after theirs. */
export function statJson(facts: StatFacts): string {
  const { root, scalars, servers, control, workers } = facts;
  const page = {
    ...Object.fromEntries(scalars),
    servers: servers.map(({ port, applications }, index) => ({
      port,
      server_index: index,
      applications: applications.map((application) => applicationObject(facts, application)),
    })),
    ...(control === '' ? {} : { control }),
    ...(workers.count > 1 ? { workers } : {}),
  };
  return `${JSON.stringify({ [root]: page })}\n`;
}

function applicationObject(facts: StatFacts, application: ApplicationStatistics): object {
  const { name, live, streams } = application;
  const shown = streams.map((stream) => streamObject(facts, stream));
  return {
    name,
    ...(facts.shown.live && live ? { live: { streams: shown, nclients: countClients(streams) } } : {}),
    ...(facts.shown.records ? { recorders: recordersObject(application) } : {}),
  };
}

function recordersObject({ recorders }: ApplicationStatistics): object {
  const lists = recorders.map((one) => ({
    id: one.name,
    flags: one.flags,
    unique: one.unique,
    append: one.append,
    lock_file: one.lock,
    notify: one.notify,
    path: one.path,
    max_size: one.maxSize,
    max_frames: one.maxFrames,
    interval: one.interval ?? -1,
    suffix: one.suffix,
  }));
  return { count: lists.length, lists };
}

function recordObject(one: RecordingStatus, now: number): object {
  return {
    recorder: one.recorder,
    epoch: one.epoch,
    time_shift: one.shift,
    recording: true,
    file: one.file,
    time: Math.max(now - one.since, 0),
    size: one.bytes,
    nframes: one.frames,
  };
}

function streamObject({ shown, now }: StatFacts, stream: StreamStatistics): object {
  const { rates, counters, facts } = stream;
  const known = stream.publishing && (facts.video !== null || facts.audio !== null);
  return {
    name: stream.name,
    time: timeOf(stream, now),
    bw_in: rates.in,
    bytes_in: counters.bytesIn,
    bw_out: rates.out,
    bytes_out: stream.bytesOut,
    bw_audio: rates.audio,
    bw_video: rates.video,
    ...(shown.clients
      ? { clients: [...stream.clients].reverse().map((client) => clientObject(client, stream, now)) }
      : {}),
    ...(shown.records ? { records: stream.recordings.map((one) => recordObject(one, now)) } : {}),
    ...(known ? { meta: metaObject(stream) } : {}),
    nclients: stream.clients.length,
    publishing: stream.publishing,
    active: stream.live,
    key_interval: stream.keyInterval,
    av_gap: stream.gap,
    repairs: stream.repairs,
    lag: stream.lag,
    issues: stream.issues,
    viewers: {
      rtmp: stream.viewers.rtmp,
      http_flv: stream.viewers['http-flv'],
      hls: stream.viewers.hls,
    },
  };
}

function clientObject(client: ClientStatistics, stream: StreamStatistics, now: number): object {
  return {
    id: client.id,
    address: client.address,
    time: Math.max(now - client.since, 0),
    flashver: client.flashver,
    pageurl: client.pageurl,
    swfurl: client.swfurl,
    dropped: client.droppedPackets,
    avsync: stream.gap,
    timestamp: Math.max(stream.timestamp - client.delay, 0),
    publishing: client.role === 'publisher',
    active: client.active,
    protocol: client.protocol,
    bytes_in: client.bytesIn,
    bytes_out: client.bytesOut,
    skips: client.skips,
    backlog: client.backlog,
    delay: client.delay,
  };
}

function metaObject({ facts, rates }: StreamStatistics): object {
  const { video, audio } = facts;
  const rate = rates.frameRate > 0 ? rates.frameRate : (video?.frameRate ?? 0);
  return {
    video: {
      width: video?.width ?? 0,
      height: video?.height ?? 0,
      frame_rate: Math.round(rate * 1000) / 1000,
      codec: video?.codec ?? '',
      profile: video?.profile ?? '',
      compat: video?.compatibility ?? 0,
      level: Math.round((video?.level ?? 0) * 10) / 10,
    },
    audio: {
      codec: audio?.codec ?? '',
      profile: audio?.profile ?? '',
      channels: audio?.channels ?? 0,
      sample_rate: audio?.sampleRate ?? 0,
    },
  };
}
