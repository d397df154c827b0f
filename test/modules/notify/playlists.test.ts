import { existsSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../../../src/core/applications/request.ts';
import { until } from '../../rtmp/server.ts';
import { Publisher } from '../hls/studio.ts';
import { type Station, startStation } from '../station.ts';
import { Endpoint } from './endpoint.ts';

function start(endpoint: Endpoint): Promise<Station> {
  return startStation(`rtmp { server { listen RTMP; application live {
    live on; hls on; hls_path hls; hls_fragment 1s; on_playlist ${endpoint.url}/list; } } }`);
}

async function publisher(station: Station): Promise<Publisher> {
  const application = [...station.runtime.hub.applications()][0]!;
  const client = {
    ...{ id: 7, protocol: 'rtmp', origin: 'client', address: '127.0.0.1', flashver: 'enc' },
    ...{ tcurl: '', swfurl: '', pageurl: '', connectArgs: '', log: application.log },
  } as Client;
  return new Publisher(
    await application.publish({
      ...{ action: 'publish', client, application, name: 'cam', args: 'user=1&path=/etc', type: 'live' },
      dismiss: () => undefined,
    }),
  );
}

test('on_playlist comes when a playlist is on the disk, with its path, also of the last segment', async () => {
  const endpoint = await Endpoint.start();
  const station = await start(endpoint);
  const path = join(station.folder, 'hls/cam.m3u8');
  const there: boolean[] = [];
  endpoint.answer = (_call, response) => {
    there.push(existsSync(path));
    response.end();
  };
  const cam = await publisher(station);
  cam.run({ ms: 1100, gop: 1000, instant: true }, () => undefined);
  await until(() => endpoint.calls.length === 1);
  expect(endpoint.calls[0]!.fields).toEqual([
    ...[
      ['app', 'live'],
      ['flashver', 'enc'],
      ['swfurl', ''],
      ['tcurl', ''],
      ['pageurl', ''],
    ],
    ...[
      ['addr', '127.0.0.1'],
      ['clientid', '7'],
      ['call', 'playlist'],
      ['module', 'hls'],
    ],
    ...[
      ['name', 'cam'],
      ['path', path],
      ['user', '1'],
    ],
  ]);
  cam.stop();
  await until(() => endpoint.calls.length === 2);
  expect(endpoint.calls[1]!.body).toBe(endpoint.calls[0]!.body);
  expect(there).toEqual([true, true]);
});

test('a slow endpoint has one request of a stream at a time, and hears of the newest after it', async () => {
  const endpoint = await Endpoint.start();
  const station = await start(endpoint);
  const held: ServerResponse[] = [];
  endpoint.answer = (_call, response) => void held.push(response);
  let written = 0;
  [...station.runtime.hub.applications()][0]!.playlists.observe(() => {
    written += 1;
  });
  const cam = await publisher(station);
  for (const playlists of [1, 2, 3, 4]) {
    cam.run({ ms: 1000, gop: 1000, instant: true }, () => undefined);
    if (playlists > 1) await until(() => written === playlists - 1);
  }
  await until(() => held.length === 1);
  expect(station.runtime.hub.callbacks.list().find(({ hook }) => hook === 'on_playlist')).toMatchObject({
    requests: 1,
    pending: 1,
  });
  held[0]!.end();
  await until(() => held.length === 2);
  held[1]!.end();
  cam.stop();
  await until(() => held.length === 3);
  held[2]!.end();
  await until(() => station.runtime.hub.callbacks.list().every(({ pending }) => pending === 0));
  expect(endpoint.calls.length).toBe(3);
});
