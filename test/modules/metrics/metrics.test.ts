import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AUDIO, VIDEO } from '../../../src/media/packet.ts';
import { AAC_HEADER, AVC_HEADER, frame, keyFrame, sound } from '../../http/publishing.ts';
import { until } from '../../rtmp/server.ts';
import { type Station, startStation } from '../station.ts';

const conf = (location = 'metrics on;') => `
  rtmp { server { listen RTMP; application live { live on; out_merge off; } application other { live on; } } }
  http { access_log off; server { listen HTTP; location = /metrics { ${location} } location /flv { flv_live on; } } }
`;

/** Every sample by its name and labels; throws where a line is none, or one stands twice (text format 0.0.4). */
function samples(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) \S/.exec(line);
    if (type !== null) {
      if (type[1] === 'TYPE' && typed.has(type[2]!)) throw new Error(`${type[2]} has two types`);
      if (type[1] === 'TYPE') typed.add(type[2]!);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (\S+)$/.exec(
      line,
    );
    if (sample === null || Number.isNaN(Number(sample[2]))) throw new Error(`no sample: ${line}`);
    if (found.has(sample[1]!)) throw new Error(`twice: ${sample[1]}`);
    found.set(sample[1]!, Number(sample[2]));
  }
  return found;
}

async function scrape(station: Station): Promise<ReadonlyMap<string, number>> {
  const answer = await station.get('/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return samples(answer.body);
}

/** Gives what sends one more frame. */
async function publish(station: Station, name: string): Promise<(time: number) => void> {
  const client = await station.client('live');
  const id = await client.publish(name);
  client.push(VIDEO, 0, AVC_HEADER, id);
  client.push(AUDIO, 0, AAC_HEADER, id);
  client.push(VIDEO, 0, keyFrame(1), id);
  client.push(AUDIO, 0, sound(1), id);
  client.push(VIDEO, 40, frame(1), id);
  client.push(VIDEO, 2000, keyFrame(1), id);
  const [live] = [...station.runtime.hub.applications()];
  await until(() => live!.streams.get(name)?.counters.keyFrames === 2);
  return (time) => client.push(VIDEO, time, frame(1), id);
}

test('tells what is there, in the text format of Prometheus', async () => {
  const station = await startStation(conf());
  const send = await publish(station, 'cam');
  const player = await station.client('live');
  await player.play('cam');
  await player.media();
  send(2040);
  let newest = 0;
  while (newest < 2040) newest = (await player.media()).timestamp;
  const now = await scrape(station);
  const own = (name: string, more = '') => now.get(`mediad_stream_${name}{app="live",stream="cam"${more}}`);
  expect(own('live')).toBe(1);
  expect(own('viewers', ',protocol="rtmp"')).toBe(1);
  expect(own('viewers', ',protocol="hls"')).toBe(0);
  expect(own('frames_total', ',kind="video"')).toBe(4);
  expect(own('frames_total', ',kind="audio"')).toBe(1);
  expect(own('frames_total', ',kind="key"')).toBe(2);
  expect(own('received_bytes_total')).toBe(
    [AVC_HEADER, AAC_HEADER, keyFrame(1), sound(1), frame(1), keyFrame(1), frame(1)].reduce(
      (n, b) => n + b.length,
      0,
    ),
  );
  expect(own('sent_bytes_total', ',protocol="rtmp"')).toBeGreaterThan(100);
  expect(own('ingest_lag_seconds')).toBeGreaterThanOrEqual(0);
  expect(own('keyframe_interval_seconds')).toBe(2);
  expect(own('av_offset_seconds')).toBe(-2.04);
  expect(own('dropped_frames_total', ',reason="slow"')).toBe(0);
  expect(now.get('mediad_streams{app="live"}')).toBe(1);
  expect(now.get('mediad_streams{app="other"}')).toBe(0);
  expect(now.get('mediad_viewers{app="live",protocol="rtmp"}')).toBe(1);
  expect(now.get('mediad_connections{protocol="rtmp"}')).toBe(2);
  expect(now.get('mediad_connections_total{protocol="rtmp"}')).toBe(2);
  expect(now.get('mediad_received_bytes_total{protocol="rtmp"}')).toBeGreaterThan(3000);
  expect(now.get('mediad_config_last_reload_successful')).toBe(1);
  expect(now.get('mediad_flush_bytes_count')).toBeGreaterThan(0);
  expect(now.get('mediad_flush_seconds_bucket{le="+Inf"}')).toBe(now.get('mediad_flush_seconds_count'));
  expect(now.get('mediad_flush_seconds_sum')).toBeGreaterThan(0);
  expect(now.get('mediad_stream_health{app="live",stream="cam",issue="av-desync"}')).toBe(1);
  expect((await scrape(station)).get('mediad_http_requests_total{code="2xx"}')).toBe(1);
  expect(now.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect([...now.keys()].find((key) => key.startsWith('mediad_build_info{version="'))).toBeDefined();
});

test('totals go on after connections have ended', async () => {
  const station = await startStation(conf());
  const player = await station.client('live');
  const before = (await scrape(station)).get('mediad_received_bytes_total{protocol="rtmp"}')!;
  player.socket.destroy();
  await until(() => station.runtime.hub.traffic.sum().open === 0);
  const after = await scrape(station);
  expect(after.get('mediad_received_bytes_total{protocol="rtmp"}')).toBeGreaterThanOrEqual(before);
  expect(after.get('mediad_connections{protocol="rtmp"}')).toBe(0);
  expect(after.get('mediad_connections_total{protocol="rtmp"}')).toBe(1);
});

test('has no more series than it may, whatever names clients choose', async () => {
  const station = await startStation(conf('metrics on; metrics_streams 2;'));
  for (const name of ['a"b', 'c\u00e4{}', 'third', 'fourth']) await publish(station, name);
  const now = await scrape(station);
  const named = new Set([...now.keys()].flatMap((key) => /stream="((?:[^"\\]|\\.)*)"/.exec(key)?.[1] ?? []));
  expect([...named]).toEqual(['a\\"b', 'cä{}']);
  expect(now.get('mediad_streams_unlisted')).toBe(2);
  expect(now.get('mediad_streams{app="live"}')).toBe(4);
});

test('HTTP-FLV players count as such', async () => {
  const station = await startStation(conf());
  await publish(station, 'cam');
  const stop = new AbortController();
  const answer = await fetch(
    `http://127.0.0.1:${station.http}/flv?app=live&stream=cam&port=${station.rtmp}`,
    { signal: stop.signal },
  );
  await answer.body!.getReader().read();
  const now = await scrape(station);
  expect(now.get('mediad_stream_viewers{app="live",stream="cam",protocol="http-flv"}')).toBe(1);
  expect(now.get('mediad_connections{protocol="http-flv"}')).toBe(1);
  stop.abort();
  await until(() => station.runtime.hub.traffic.byProtocol().get('http-flv')?.open === 0);
});

test('is there only where it is asked for', async () => {
  const station = await startStation(conf('metrics off;'));
  expect((await station.get('/metrics')).status).toBe(404);
  await station.load(conf());
  expect((await station.get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405);
});

test('recordings, segments and connections that broke off are counted', async () => {
  const application = 'live on; record all; record_path rec; hls on; hls_path hls; hls_fragment 1s;';
  const text = conf()
    .replace('live on; out_merge off;', application)
    .replace('location /flv', 'location /hls/ { root .; } location /flv');
  const station = await startStation(text);
  await publish(station, 'cam');
  const first = await scrape(station);
  expect(first.get('mediad_recordings{app="live"}')).toBe(1);
  expect(first.get('mediad_recordings_finished_total{app="live"}')).toBe(0);
  expect(first.get('mediad_hls_segments_total{app="live"}')).toBe(1);
  expect(first.get('mediad_hls_segments_served_total{app="live"}')).toBe(0);
  const list = await station.get('/hls/cam.m3u8');
  const segment = /^cam-.*\.ts$/m.exec(list.body)![0];
  const { body } = await station.get(`/hls/${segment}`, { headers: { Range: 'bytes=0-187' } });
  expect(body.length).toBeGreaterThan(0);
  expect((await station.get(`/hls/${segment}`, { method: 'HEAD' })).status).toBe(200);
  const broken = connect(station.rtmp, '127.0.0.1');
  broken.end('GET / HTTP/1.1\r\n\r\n');
  await once(broken.resume(), 'close');
  const [live] = [...station.runtime.hub.applications()];
  for (const { request } of [...live!.publications]) request.dismiss('the test goes on');
  await until(() => live!.recorders.finished === 1);
  await station.runtime.hub.settled();
  const now = await scrape(station);
  expect(now.get('mediad_recordings{app="live"}')).toBe(0);
  expect(now.get('mediad_recordings_finished_total{app="live"}')).toBe(1);
  const [file] = readdirSync(join(station.folder, 'rec'));
  const size = statSync(join(station.folder, 'rec', file!)).size;
  expect(now.get('mediad_record_bytes_total{app="live"}')).toBe(size);
  expect(now.get('mediad_hls_segments_served_total{app="live"}')).toBe(1);
  expect(now.get('mediad_hls_sent_bytes_total{app="live"}')).toBe(188);
  expect(now.get('mediad_hls_file_write_seconds_count')).toBeGreaterThan(0);
  expect(now.get('mediad_connection_errors_total{protocol="rtmp",reason="protocol"}')).toBe(1);
});
