import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/core/applications/request.ts';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { readMediaPlaylist } from '../../src/wire/m3u8.ts';
import { makeCrew } from '../core/workers.ts';
import { AAC_HEADER, AVC_HEADER, keyFrame, sound } from '../http/publishing.ts';
import { until } from '../rtmp/server.ts';
import { type Station, startCrew } from './station.ts';

const conf = (more = '') => `
  rtmp { server { listen RTMP; application live { live on; ${more} } application other { live on; } } }
  http { access_log off; server { listen HTTP;
    location /api { api on; api_control on; } location /xml { rtmp_stat all; } location /json { rtmp_stat all; rtmp_stat_format json; }
    location /control { rtmp_control all; } location /metrics { metrics on; } location /status { stub_status; }
    location /flv { flv_live on; } location /page/ { player on; } location /hls/ { root .; }
  } }`;

function liveOf({ runtime }: Station) {
  return runtime.hub.servers[0]!.application('live')!;
}

async function publish(station: Station, name: string) {
  const client = await station.client('live');
  const id = await client.publish(name);
  client.push(VIDEO, 0, AVC_HEADER, id);
  client.push(AUDIO, 0, AAC_HEADER, id);
  client.push(VIDEO, 0, keyFrame(1), id);
  await until(() => liveOf(station).streams.get(name)?.live === true);
  return client;
}

async function play(station: Station, name: string) {
  const client = await station.client('live');
  await client.play(name);
  return client;
}

/** What a worker has of a stream that it fetches from another one. */
function mirror(station: Station, name: string): void {
  const application = liveOf(station);
  const client: Client = {
    ...{ id: 0, protocol: 'rtmp', origin: 'worker', address: 'unix:', log: station.runtime.log },
    ...{ flashver: '', tcurl: '', swfurl: '', pageurl: '', connectArgs: '' },
  };
  const copy = application.mirror({
    ...{ action: 'publish', client, application, name, args: '', type: 'live' },
    dismiss: () => undefined,
  })!;
  const now = performance.now();
  copy.push(VIDEO, 0, AVC_HEADER, now);
  copy.push(VIDEO, 0, keyFrame(1), now);
  copy.endOfRead(now);
}

async function json(station: Station, path: string, init?: RequestInit) {
  const { status, body } = await station.get(path, init);
  return { status, data: JSON.parse(body) };
}

/** Two workers: the stream `cam` belongs to the first, and has players at both. */
async function crew(more = '') {
  const stations = await startCrew(conf(more), 2);
  const [one, two] = stations as [Station, Station];
  const publisher = await publish(one, 'cam');
  mirror(two, 'cam');
  const players = [await play(one, 'cam'), await play(two, 'cam'), await play(two, 'cam')] as const;
  return { stations, one, two, publisher, players };
}

describe('whoever is asked answers for all workers', () => {
  test('a stream is one, with all of its players and nothing of what workers hand to each other', async () => {
    const { stations } = await crew();
    for (const station of stations) {
      const { data } = await json(station, '/api/streams');
      expect(data).toMatchObject([
        {
          app: 'live',
          name: 'cam',
          publishing: true,
          facts: { audio: { codec: 'AAC' } },
          viewers: { rtmp: 3, 'http-flv': 0, hls: 0 },
          issues: [],
        },
      ]);
      const clients = (await json(station, '/api/clients')).data as { id: number; role: string }[];
      expect(clients.map(({ role }) => role)).toEqual(['publisher', 'player', 'player', 'player']);
      expect(new Set(clients.map(({ id }) => id)).size).toBe(4);
      expect((await json(station, '/api/')).data).toMatchObject({
        streams: 1,
        publishers: 1,
        players: 3,
        workers: { count: 2, answered: 2 },
        traffic: { open: 4 },
      });
      const xml = (await station.get('/xml')).body.replaceAll('\r\n', '');
      expect(xml.match(/<stream>/g)).toHaveLength(1);
      expect(xml).toMatch(/<nclients>4<\/nclients><publishing\/><active\/>/);
      expect(xml).toContain('<naccepted>4</naccepted>');
      expect(xml).toContain('<workers><count>2</count><answered>2</answered></workers></rtmp>');
      const page = (await json(station, '/json')).data['http-flv'];
      expect(page.servers[0].applications[0].live.nclients).toBe(4);
      expect((await json(station, '/page/player.json')).data).toMatchObject({
        streams: [{ app: 'live', name: 'cam' }],
        publish: [{ app: 'live' }, { app: 'other' }],
      });
    }
  });

  test('a worker that gives no answer is left out, and that is said', async () => {
    const [one] = (await startCrew(conf(), 2, 1)) as [Station];
    await publish(one, 'cam');
    expect((await json(one, '/api/')).data).toMatchObject({
      publishers: 1,
      worker: 1,
      workers: { count: 2, answered: 1 },
    });
    expect((await one.get('/xml')).body).toContain(
      '<workers><count>2</count><answered>1</answered></workers>',
    );
    expect((await one.get('/metrics')).body).toContain('mediad_workers 1\n');
  });

  test('bytes are those given to players', async () => {
    const { one, two } = await crew();
    const { data } = await json(two, '/api/streams/live/cam');
    const own = liveOf(one).streams.get('cam')!.bytesOut + liveOf(two).streams.get('cam')!.bytesOut;
    expect(data.bytesOut).toBe(own);
    expect(data.sent.rtmp).toBe(own);
  });

  test('metrics are of all workers, those of processes by worker', async () => {
    const { stations } = await crew();
    for (const station of stations) {
      const { body } = await station.get('/metrics');
      expect(body).toContain('mediad_workers 2\n');
      expect(body).toContain('mediad_stream_viewers{app="live",stream="cam",protocol="rtmp"} 3\n');
      expect(body).toContain('mediad_connections{protocol="rtmp"} 4\n');
      expect(body).toMatch(/^process_resident_memory_bytes\{worker="1"\} \d+$/m);
      expect(body).toMatch(/^process_resident_memory_bytes\{worker="2"\} \d+$/m);
      expect(body).not.toMatch(/^process_resident_memory_bytes \d+$/m);
    }
  });

  test('connections and requests of HTTP are added up', async () => {
    const [one, two] = (await startCrew(conf(), 2)) as [Station, Station];
    for (let count = 0; count < 3; count += 1) await one.get('/status');
    expect((await two.get('/status')).body).toMatch(/accepts handled requests\n \d+ \d+ 4 /);
  });

  test('a client of another worker is disconnected, once', async () => {
    const { one, two, players } = await crew();
    const clients = (await json(one, '/api/clients')).data as { id: number }[];
    const last = clients.at(-1)!.id;
    expect((await json(one, `/api/clients/${last}`)).data).toMatchObject({ role: 'player' });
    expect((await json(one, `/api/clients/${last}`, { method: 'DELETE' })).data).toEqual({ disconnected: 1 });
    expect(await players[2].closed).toBe('end');
    expect((await json(two, `/api/clients/${last}`, { method: 'DELETE' })).status).toBe(404);
  });

  test('control reaches sessions of every worker, and none of those between them', async () => {
    const { one, two, publisher } = await crew();
    const control = async (station: Station, path: string) => {
      const { status, body } = await station.get(`/control/${path}`);
      return status === 200 ? body : String(status);
    };
    expect(await control(one, 'drop/subscriber?app=live&name=cam')).toBe('3');
    expect(await control(one, 'drop/subscriber?app=live&name=cam')).toBe('0');
    expect(await control(two, 'redirect/publisher?app=live&name=none&newname=x')).toBe('0');
    expect(await control(two, 'record/start?app=live&name=cam')).toBe('500');
    expect(await control(two, 'drop/client?app=live')).toBe('1');
    expect(await publisher.closed).toBe('end');
  });

  test('a recorder of another worker starts, and tells its file', async () => {
    const { one, two } = await crew('record all manual; record_path rec;');
    const start = await two.get('/control/record/start?app=live&name=cam');
    expect([start.status, start.body]).toEqual([200, `${one.folder}/rec/cam.flv`]);
    expect((await one.get('/control/record/start?app=live&name=cam')).status).toBe(204);
  });
});

test('events of every worker are told, none of those between them', async () => {
  const [one, two] = (await startCrew(conf(), 2)) as [Station, Station];
  const stop = new AbortController();
  const answer = await fetch(`http://127.0.0.2:${two.http}/api/events`, { signal: stop.signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  // The first worker has to hear that somebody listens.
  await one.get('/api/');
  await publish(one, 'cam');
  mirror(two, 'cam');
  await play(one, 'cam');
  await publish(two, 'own');
  while (!text.includes('"stream":"own"')) text += (await reader.read()).value;
  const told = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(
    ([, kind, data]) => `${kind} ${JSON.parse(data!).stream}`,
  );
  expect(told.sort()).toEqual(['play cam', 'publish cam', 'publish own']);
  stop.abort();
});

const entered = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

describe('limits hold for all workers together', () => {
  test('players of a stream', async () => {
    const { one, two } = await crew('max_players 4;');
    expect(await entered(play(two, 'cam'))).toBe(true);
    expect(await entered(play(one, 'cam'))).toBe(false);
    expect(await entered(play(two, 'cam'))).toBe(false);
    expect(await entered(play(two, 'more'))).toBe(true);
  });

  test('streams of an application, and of an address', async () => {
    const { one, two } = await crew('max_live_streams 2; max_publishers_per_address 2;');
    expect(await entered(publish(two, 'second'))).toBe(true);
    expect(await entered(publish(one, 'third'))).toBe(false);
    expect(await entered(publish(two, 'third'))).toBe(false);
  });

  test('connections', async () => {
    const { one, two, players } = await crew('max_connections 5;');
    expect(await entered(one.client('live'))).toBe(true);
    expect(await entered(two.client('live'))).toBe(false);
    players[0].destroy();
    await until(() => one.runtime.hub.servers[0]!.clients.size === 3);
    await until(() => two.runtime.hub.tallies.open('connections').of('') === 4);
    expect(await entered(two.client('live'))).toBe(true);
  });
});

describe('HLS', () => {
  /** The disk takes nothing, so that every file can only be had from memory. */
  const hls = 'hls on; hls_path media.conf/hls; hls_fragment 1s; hls_continuous on;';
  const fromMemory = conf(hls).replace('location /hls/ { root .; }', 'location / { root .; }');

  function segments(list: string): readonly string[] {
    return list.split('\n').filter((line) => line.endsWith('.ts'));
  }

  test('whichever worker is asked has the playlist and its segments', async () => {
    const stations = await startCrew(fromMemory, 2);
    const [one, two] = stations as [Station, Station];
    const client = await broadcast(one);
    const url = '/media.conf/hls/cam.m3u8';
    await expect.poll(async () => segments((await two.get(url)).body).length).toBe(3);
    for (const station of stations) {
      const list = await station.get(url);
      expect(list.headers.get('content-type')).toContain('mpegurl');
      for (const name of segments(list.body)) {
        const segment = await station.get(`/media.conf/hls/${name}`);
        expect([segment.status, segment.headers.get('content-type')]).toEqual([200, 'video/mp2t']);
      }
    }
    const [last] = segments((await one.get(url)).body).slice(-1);
    const bodies = await Promise.all(stations.map((each) => each.get(`/media.conf/hls/${last}`)));
    expect(bodies[1]!.body).toBe(bodies[0]!.body);
    expect((await two.get('/media.conf/hls/cam-1.ts')).status).toBe(404);
    // One viewer, whichever workers it asks; the other one has another name.
    await two.get(url, { headers: { 'User-Agent': 'another' } });
    await expect.poll(async () => (await json(one, '/api/streams')).data[0].viewers.hls).toBe(2);
    client.destroy();
  });

  async function broadcast(station: Station) {
    const client = await station.client('live');
    const id = await client.publish('cam');
    client.push(VIDEO, 0, AVC_HEADER, id);
    client.push(AUDIO, 0, AAC_HEADER, id);
    for (let time = 0; time <= 3000; time += 1000) {
      client.push(VIDEO, time, keyFrame(1), id);
      client.push(AUDIO, time, sound(1), id);
    }
    return client;
  }

  test('a viewer counts once for the limits, whichever workers are asked, and is not refused by the next one', async () => {
    const stations = await startCrew(
      conf('hls on; hls_path hls; hls_fragment 1s; max_players 2; max_players_per_address 2;'),
      2,
    );
    const [one, two] = stations as [Station, Station];
    const client = await broadcast(one);
    const ask = async (station: Station, agent: string) =>
      (await station.get('/hls/cam.m3u8', { headers: { 'User-Agent': agent } })).status;
    await expect.poll(() => ask(one, 'first')).toBe(200);
    await expect.poll(() => ask(two, 'first')).toBe(200);
    await expect.poll(() => ask(two, 'second')).toBe(200);
    await expect.poll(() => ask(one, 'third')).toBe(503);
    for (const station of stations) {
      expect([await ask(station, 'first'), await ask(station, 'second')]).toEqual([200, 200]);
      expect(await ask(station, 'third')).toBe(503);
      expect(await entered(play(station, 'cam'))).toBe(false);
    }
    client.destroy();
  });

  test('a publisher that returns to another worker goes on with the list', async () => {
    const stations = await startCrew(conf('hls on; hls_path hls; hls_fragment 1s; hls_continuous on;'), 2);
    const [one, two] = stations as [Station, Station];
    const list = async (station: Station) => (await station.get('/hls/cam.m3u8')).body;
    const sequence = (text: string) => Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + segments(text).length;
    let ends = 0;
    for (const owner of [one, two, one]) {
      const before = ends;
      const client = await broadcast(owner);
      for (const station of stations) {
        await expect
          .poll(async () => {
            ends = sequence(await list(station));
            return ends;
          })
          .toBeGreaterThanOrEqual(before + 3);
      }
      expect(ends).toBeLessThanOrEqual(before === 0 ? ends : before + 4);
      client.destroy();
      await until(() => [...liveOf(owner).publications].length === 0);
    }
    // The end of the last segment is listed at the end of its publisher.
    await expect.poll(async () => new Set(await Promise.all(stations.map(list))).size).toBe(1);
    for (const name of segments(await list(one))) {
      for (const station of stations) expect((await station.get(`/hls/${name}`)).status).toBe(200);
    }
  });

  test('a publisher whose worker has died goes on behind what players have seen, also where the disk has not got it', async () => {
    const team = makeCrew(3);
    const stations = await startCrew(fromMemory, 3, 3, team);
    const [one, two, three] = stations as [Station, Station, Station];
    const path = '/media.conf/hls/cam.m3u8';
    const list = async (station: Station) => readMediaPlaylist((await station.get(path)).body);
    const names = new Set<string>();
    let end: number | null = null;
    for (const [owner, other] of [
      [one, two],
      [two, three],
    ] as const) {
      const client = await broadcast(owner);
      await expect.poll(async () => (await list(other))?.segments.length).toBe(3);
      client.destroy();
      await expect.poll(async () => (await list(other))?.segments.length).toBe(4);
      const { mediaSequence, segments: found } = (await list(other))!;
      expect(mediaSequence).toBe(end ?? mediaSequence);
      expect(found.map(({ discontinuity }) => discontinuity)).toEqual([end !== null, false, false, false]);
      expect(found.filter(({ uri }) => names.has(uri))).toEqual([]);
      for (const { uri } of found) names.add(uri);
      end = mediaSequence + found.length;
      team.exchange.leave(owner.runtime.workers.index);
      await until(() => !other.runtime.files.has(`${other.folder}${path}`));
    }
  });

  test('a stream whose publisher has gone to another worker is segmented there alone', async () => {
    const [one] = (await startCrew(conf('hls on; hls_path hls; publish_gap 20s;'), 2)) as [Station, Station];
    const client = await broadcast(one);
    await play(one, 'cam');
    client.destroy();
    const application = liveOf(one);
    const stream = application.streams.get('cam')!;
    await until(() => application.publicationOf(stream) === undefined);
    const running = new Set<string>();
    application.forEachStream(({ name }) => {
      running.add(name);
      return () => running.delete(name);
    });
    expect([...running]).toEqual(['cam']);
    mirror(one, 'cam');
    expect([...running]).toEqual([]);
    expect(stream.live).toBe(true);
  });
});
