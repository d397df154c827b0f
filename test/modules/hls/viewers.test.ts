import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { VIDEO } from '../../../src/media/packet.ts';
import { AVC_CONFIG } from '../../hostile/sessions.ts';
import { until } from '../../rtmp/server.ts';
import { hex } from '../../wire/splits.ts';
import { type Station, startStation } from '../station.ts';

const HLS = 'hls on; hls_path hls; hls_fragment 300ms; hls_playlist_length 1s;';

const KEY = hex('1701000000 00000002 6501');

function conf(live: string): string {
  return `
    rtmp { server { listen RTMP; application live { live on; ${live} } } }
    http { access_log off; server { listen HTTP; location /hls { root .; } } }
  `;
}

/** Publishes key frames until the test is over; a picture every 50 ms. */
async function publish(station: Station, name: string): Promise<void> {
  const client = await station.client('live');
  const id = await client.publish(name);
  client.push(VIDEO, 0, AVC_CONFIG, id);
  let time = 0;
  const timer = setInterval(() => {
    time += 50;
    client.push(VIDEO, time, KEY, id);
  }, 50);
  onTestFinished(() => clearInterval(timer));
}

const ask = (station: Station, path: string, agent = 'a') =>
  station.get(path, { headers: { 'User-Agent': agent }, signal: AbortSignal.timeout(15_000) });

const relays = (station: Station) =>
  [...station.runtime.hub.applications()].flatMap((one) => one.relays.list());

describe('HLS viewers of a stream from elsewhere', () => {
  test('bring it, keep it, and let it go', async () => {
    const origin = await startStation(conf(''));
    const edge = await startStation(conf(`${HLS} pull rtmp://127.0.0.1:${origin.rtmp}/live;`));
    await publish(origin, 'cam');
    const [first, second] = await Promise.all([ask(edge, '/hls/cam.m3u8'), ask(edge, '/hls/cam.m3u8', 'b')]);
    expect([first.status, second.status]).toEqual([200, 200]);
    const segment = first.body.split('\n').find((line) => line.endsWith('.ts'))!;
    expect((await ask(edge, `/hls/${segment}`)).status).toBe(200);
    expect(relays(edge)).toMatchObject([{ stream: 'cam', state: 'live' }]);
    const [live] = [...edge.runtime.hub.applications()];
    expect(live!.streams.get('cam')!.visitors.count(performance.now())).toBe(2);
    expect([...live!.subscriptions].map(({ request }) => request.client.origin)).toEqual(['worker']);

    // A player that comes and goes does not end it for them.
    const player = await edge.client('live');
    await player.play('cam');
    player.destroy();
    await until(() => [...live!.subscriptions].length === 1);
    const now = performance.now.bind(performance);
    const ahead = vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    try {
      await expect.poll(() => relays(edge), { timeout: 15_000 }).toEqual([]);
    } finally {
      ahead.mockRestore();
    }
    expect([...live!.subscriptions]).toEqual([]);
  });

  test('are answered as ever where there is none', async () => {
    const origin = await startStation(conf('idle_streams off;'));
    const edge = await startStation(conf(`${HLS} pull rtmp://127.0.0.1:${origin.rtmp}/live name=cam;`));
    expect((await ask(edge, '/hls/cam.m3u8')).status).toBe(404);
    expect((await ask(edge, '/hls/other.m3u8')).status).toBe(404);
    expect((await ask(edge, '/hls/.m3u8')).status).toBe(404);
    expect((await ask(edge, '/hls/cam-1.ts')).status).toBe(404);
    await until(() => relays(edge).length === 0);
  });

  test('are told to come back while there is no segment', async () => {
    const origin = await startStation(conf(''));
    const edge = await startStation(
      conf(`${HLS.replace('300ms', '60s')} pull rtmp://127.0.0.1:${origin.rtmp}/live;`),
    );
    await publish(origin, 'cam');
    const answer = await ask(edge, '/hls/cam.m3u8');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
  });
});

describe('limits of players', () => {
  const playlist = async (station: Station, name = 'cam') =>
    await expect
      .poll(async () => (await ask(station, `/hls/${name}.m3u8`)).status, { timeout: 8000 })
      .toBe(200);

  test('hold for HLS viewers', async () => {
    const station = await startStation(conf(`${HLS} max_players 2;`));
    await publish(station, 'cam');
    await playlist(station);
    const player = await station.client('live');
    await player.play('cam');
    const refused = await ask(station, '/hls/cam.m3u8', 'b');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await ask(station, '/hls/cam.m3u8')).status).toBe(200);
    player.destroy();
    await expect.poll(async () => (await ask(station, '/hls/cam.m3u8', 'b')).status).toBe(200);
    const late = await station.client('live');
    const id = await late.createStream();
    late.call('play', [null, 'cam', -2], id);
    await late.status('NetStream.Play.Failed');
  });

  test('by address count them over all streams', async () => {
    const station = await startStation(conf(`${HLS} max_players_per_address 1;`));
    await publish(station, 'cam');
    await publish(station, 'other');
    await playlist(station);
    expect((await ask(station, '/hls/other.m3u8')).status).toBe(503);
    expect((await ask(station, '/hls/cam.m3u8')).status).toBe(200);
  });

  test('an overloaded server lets nobody new in', async () => {
    const station = await startStation(conf(HLS));
    await publish(station, 'cam');
    await playlist(station);
    station.runtime.audience.load.lag = 10_000;
    expect((await ask(station, '/hls/cam.m3u8')).status).toBe(200);
    expect((await ask(station, '/hls/cam.m3u8', 'b')).status).toBe(503);
  });
});
