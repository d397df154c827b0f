import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHosts } from '../../../src/cli/hosts.ts';
import { Daemon } from '../../../src/daemon.ts';
import { modules } from '../../../src/modules/index.ts';
import { connectTo, type RtmpClient } from '../../rtmp/client.ts';
import { freePort } from '../../rtmp/server.ts';

let folder: string;
let daemon: Daemon;
let rtmp: number;
let http: number;
let publisher: RtmpClient;
const open: (() => void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-limit-'));
  [rtmp, http] = [await freePort(), await freePort()];
});

afterEach(async () => {
  for (const close of open.splice(0)) close();
  publisher.destroy();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

async function start(around: string, inside = ''): Promise<void> {
  const file = join(folder, 'media.conf');
  writeFileSync(
    file,
    `error_log error.log info; auto_reload off;
     rtmp { ${around} server { listen 127.0.0.1:${rtmp}; application live { live on; ${inside} } } }
     http { access_log off; server { listen 127.0.0.1:${http};
       set_real_ip_from 127.0.0.1;
       location / { flv_live on; flv_live_application ${rtmp}/live; } } }`,
  );
  daemon = await Daemon.start({ config: { file, sources: modules }, hosts: makeHosts, version: 'test' });
  publisher = await connectTo(rtmp, 'live');
  await publisher.publish('s');
}

/** The status and, of a refusal, the reason. */
function play(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port: http, path: '/s.flv', agent: false, headers: { 'X-Real-IP': address } },
      (response) => {
        open.push(() => request.destroy());
        if (response.statusCode === 200) {
          response.resume();
          resolve('200');
          return;
        }
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => {
          resolve(`${response.statusCode} ${(JSON.parse(body) as { error: string }).error}`);
        });
      },
    );
    request.on('error', reject);
  });
}

test('players over HTTP-FLV count, and are told with 503 and 403', async () => {
  await start('', 'deny play 203.0.113.9; max_players 2; max_players_per_address 1;');
  expect(await play('203.0.113.9')).toBe('403 play is not allowed from here');
  expect(await play('203.0.113.1')).toBe('200');
  expect(await play('203.0.113.1')).toBe('503 this address plays as many streams as it may');
  expect(await play('203.0.113.2')).toBe('200');
  expect(await play('203.0.113.3')).toBe('503 the stream has as many players as it may have');
  open[1]!();
  await expect.poll(() => play('203.0.113.3')).toBe('200');
});

test('max_connections counts them with those of RTMP', async () => {
  await start('max_connections 2;');
  expect(await play('203.0.113.1')).toBe('200');
  expect(await play('203.0.113.2')).toBe('503 the server has as many clients as it may have');
  await expect(connectTo(rtmp, 'live')).rejects.toThrow('NetConnection.Connect.Rejected');
});
