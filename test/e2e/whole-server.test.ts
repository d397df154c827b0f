import { createHash } from 'node:crypto';
import { Agent, get } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { readMediaPlaylist } from '../../src/wire/m3u8.ts';
import { type Child, until } from './children.ts';
import { type Mediad, type Place, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { type Player, playFlv, untilReceived } from './players.ts';

const running: Mediad[] = [];
const players: Player[] = [];
const publishers: Child[] = [];

afterEach(async () => {
  for (const player of players.splice(0)) player.close();
  for (const publisher of publishers.splice(0)) await publisher.stop('SIGKILL');
  for (const mediad of running.splice(0)) await mediad.stop();
});

const conf =
  (application: string) =>
  (place: Place): string =>
    `
worker_processes 2;
error_log stderr info;
rtmp { server { listen 127.0.0.1:${place.rtmp}; application live { live on; ${application} } } }
http {
  access_log off;
  server {
    listen 127.0.0.1:${place.http};
    location /pid { return 200 $pid; }
    location /live { flv_live on; flv_live_application live; }
    location /hls/ { root ${place.directory}; }
    location /api/ { api on; api_control on; }
    location /metrics { metrics on; }
    location = /status { stub_status; }
    location /page/ { player on; }
  }
}
`;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A connection that stays with the worker it has come to. */
class Desk {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #mediad: Mediad;

  constructor(mediad: Mediad) {
    this.#mediad = mediad;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = get(this.#mediad.httpUrl(path), { agent: this.#agent, headers }, (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      request.on('error', reject);
    });
  }

  async json(path: string) {
    return JSON.parse((await this.get(path)).body);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** One connection to each of the two workers. */
async function desks(mediad: Mediad): Promise<readonly [Desk, Desk]> {
  const byWorker = new Map<string, Desk>();
  for (let tries = 0; byWorker.size < 2 && tries < 20; tries += 1) {
    const desk = new Desk(mediad);
    const { body } = await desk.get('/pid');
    if (byWorker.has(body)) desk.close();
    else byWorker.set(body, desk);
  }
  const [one, two] = byWorker.values();
  return [one!, two!];
}

/** Who asks for a playlist and its segments: numbers do not go back, and each is one segment for good, as each name is. */
class Viewer {
  readonly #names = new Map<number, string>();
  readonly #bodies = new Map<string, string>();
  #first = 0;
  /** The number after the last one listed. */
  end = 0;
  /** Numbers of segments that do not continue the one before. */
  readonly breaks = new Set<number>();

  /** Gives how many segments are listed. */
  async look(desk: Desk): Promise<number> {
    const list = readMediaPlaylist((await desk.get('/hls/cam.m3u8')).body);
    if (list === null) return 0;
    const { mediaSequence, segments } = list;
    expect(mediaSequence).toBeGreaterThanOrEqual(this.#first);
    this.#first = mediaSequence;
    for (const [at, { uri, discontinuity }] of segments.entries()) {
      const number = mediaSequence + at;
      expect(this.#names.get(number) ?? uri).toBe(uri);
      this.#names.set(number, uri);
      if (discontinuity) this.breaks.add(number);
      if (!this.#bodies.has(uri)) await this.#read(desk, uri);
    }
    expect(new Set(this.#names.values()).size).toBe(this.#names.size);
    this.end = mediaSequence + segments.length;
    return segments.length;
  }

  /** Looks whether all that is listed is as it was when it was read first. */
  async lookBack(desk: Desk): Promise<void> {
    for (let at = this.#first; at < this.end; at += 1) await this.#read(desk, this.#names.get(at)!);
  }

  async #read(desk: Desk, uri: string): Promise<void> {
    const { status, body } = await desk.get(`/hls/${uri}`);
    expect(status).toBe(200);
    const digest = createHash('sha256').update(body).digest('hex');
    expect(this.#bodies.get(uri) ?? digest).toBe(digest);
    this.#bodies.set(uri, digest);
  }
}

async function start(application = ''): Promise<Mediad> {
  const mediad = await startMediad(conf(application));
  running.push(mediad);
  return mediad;
}

async function publish(mediad: Mediad, name: string): Promise<void> {
  publishers.push(await publishFile(await fixture('plain'), mediad.rtmpUrl('live', name), { loop: true }));
}

describe('with two workers', () => {
  test('each answers for both: streams, clients, metrics, requests, what the page lists', async () => {
    const mediad = await start();
    const both = await desks(mediad);
    await publish(mediad, 'one');
    await publish(mediad, 'two');
    await until('both streams are live', async () => (await both[0].json('/api/')).streams === 2);
    for (const desk of both) {
      expect(await desk.json('/api/')).toMatchObject({ publishers: 2, workers: { count: 2, answered: 2 } });
      const streams = (await desk.json('/api/streams')) as { name: string }[];
      expect(streams.map(({ name }) => name).sort()).toEqual(['one', 'two']);
      const { body } = await desk.get('/metrics');
      expect(body).toContain('mediad_workers 2');
      expect(body).toContain('mediad_streams{app="live"} 2');
      expect(body).toMatch(/^process_cpu_seconds_total\{worker="1"\}/m);
      expect(body).toMatch(/^process_cpu_seconds_total\{worker="2"\}/m);
      expect((await desk.get('/status')).body).toMatch(/^Active connections: 2 /);
      const page = (await desk.json('/page/player.json')) as { streams: { name: string; flv: string }[] };
      expect(page.streams.map(({ name }) => name).sort()).toEqual(['one', 'two']);
    }
  }, 30_000);

  test('a client of either worker is disconnected by either', async () => {
    const mediad = await start();
    const [one, two] = await desks(mediad);
    await publish(mediad, 'one');
    await publish(mediad, 'two');
    await until('both publish', async () => (await one.json('/api/clients')).length === 2);
    for (const { id } of (await two.json('/api/clients')) as { id: number }[]) {
      const answer = await fetch(mediad.httpUrl(`/api/clients/${id}`), { method: 'DELETE' });
      expect(await answer.json()).toEqual({ disconnected: 1 });
    }
    await until('both are gone', async () => (await one.json('/api/clients')).length === 0);
  }, 30_000);

  test('each has the playlist and all segments of a stream that one of them segments', async () => {
    const mediad = await start('hls on; hls_path hls; hls_fragment 1s; hls_playlist_length 4s;');
    const both = await desks(mediad);
    await publish(mediad, 'cam');
    const segments = (list: string): readonly string[] =>
      list.split('\n').filter((line) => line.endsWith('.ts'));
    let last = -1;
    const seen = new Set<string>();
    const list = async (desk: Desk): Promise<string | null> => {
      const { status, body } = await desk.get('/hls/cam.m3u8', { 'User-Agent': 'viewer' });
      if (last >= 0) expect(status).toBe(200);
      return status === 200 ? body : null;
    };
    const newest = (text: string): number =>
      Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)![1]) + segments(text).length;
    await until(
      'five segments have been asked of both',
      async () => {
        for (const desk of both) {
          const text = await list(desk);
          if (text === null) return false;
          // What one worker has listed the other one lists as well, as soon as it has been told.
          if (newest(text) < last)
            await expect.poll(async () => newest((await list(desk))!), { timeout: 300 }).toBe(last);
          last = Math.max(newest(text), last);
          for (const other of both) {
            const bodies = await Promise.all(segments(text).map((name) => other.get(`/hls/${name}`)));
            expect(bodies.map(({ status }) => status)).toEqual(bodies.map(() => 200));
          }
          for (const name of segments(text)) seen.add(name);
        }
        return seen.size >= 5;
      },
      25_000,
    );
    await until('the viewer is one', async () => (await both[0].json('/api/streams'))[0]?.viewers.hls === 1);
  }, 45_000);

  test('players of both workers are those of one stream, and its limit holds for them together', async () => {
    const mediad = await start('max_players 3;');
    const both = await desks(mediad);
    await publish(mediad, 'cam');
    await until('the stream is live', async () => (await both[0].json('/api/')).streams === 1);
    for (let count = 0; count < 3; count += 1) {
      const player = playFlv(mediad.httpUrl('/live/cam.flv'));
      players.push(player);
      await untilReceived(player, 5);
    }
    for (const desk of both) {
      const [stream, ...more] = await desk.json('/api/streams');
      expect(more).toEqual([]);
      expect(stream.viewers).toEqual({ rtmp: 0, 'http-flv': 3, hls: 0 });
      const clients = (await desk.json('/api/clients')) as { role: string }[];
      expect(clients.map(({ role }) => role).sort()).toEqual(['player', 'player', 'player', 'publisher']);
      expect((await desk.get('/live/cam.flv')).status).toBe(503);
    }
  }, 30_000);

  test('when a worker is killed the other one answers at once, its players no longer count, and HLS goes on', async () => {
    const mediad = await start('max_players 2; hls on; hls_path hls; hls_fragment 1s;');
    const both = await desks(mediad);
    await publish(mediad, 'cam');
    const [publisher] = await until('there is a publisher', async () => {
      const clients = (await both[0].json('/api/clients')) as { id: number }[];
      return clients.length === 1 ? clients : undefined;
    });
    const about = (await Promise.all(both.map((desk) => desk.json('/api/')))) as {
      worker: number;
      pid: number;
    }[];
    const at = about.findIndex(({ worker }) => worker === publisher!.id % 100);
    const survivor = both[1 - at]!;
    const player = playFlv(mediad.httpUrl('/live/cam.flv'));
    players.push(player);
    await untilReceived(player, 5);
    const viewer = new Viewer();
    // The list that has two segments is new, and the disk may not have it yet.
    await until('two segments are listed', async () => (await viewer.look(survivor)) >= 2, 15_000);
    const { end } = viewer;
    process.kill(about[at]!.pid, 'SIGKILL');
    // With the viewer of HLS it is as many as may be. The list of the one that is gone is on disk; its figures are left out until it runs again.
    const list = await survivor.get('/hls/cam.m3u8');
    expect([list.status, list.body]).toEqual([200, expect.stringContaining('.ts')]);
    await publish(mediad, 'cam');
    await until('it runs again', async () => (await survivor.json('/api/')).workers.answered === 2, 10_000);
    player.close();
    await until('it is published again', async () => (await survivor.json('/api/')).publishers === 1, 10_000);
    const again = await until('there is room for a player', async () => {
      const one = playFlv(mediad.httpUrl('/live/cam.flv'));
      players.push(one);
      return untilReceived(one, 5).then(
        () => one,
        () => undefined,
      );
    });
    expect((await survivor.json('/api/streams'))[0].viewers['http-flv']).toBe(1);
    again.close();
    const look = async (): Promise<boolean> => {
      await viewer.look(survivor);
      return viewer.end >= end + 2;
    };
    await until('two more segments are listed', look, 15_000);
    await viewer.lookBack(survivor);
    expect([...viewer.breaks]).toEqual([end]);
  }, 60_000);
});
