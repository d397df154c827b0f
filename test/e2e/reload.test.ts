import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VIDEO } from '../../src/media/packet.ts';
import { start, until } from './children.ts';
import { type Mediad, makePlace, type Place, startMediad } from './harness.ts';
import { fixture } from './media.ts';
import { frames, type Player, playFlv, playRtmp, untilReceived } from './players.ts';

const PUBLISHERS = 20;
const PLAYERS = 100;
const FRAME_MS = 40;

/** What the configurations of this test differ in; everything else stays. */
interface Variant {
  readonly application?: string;
  readonly extraApplication?: string;
  readonly rtmpServer?: string;
  readonly rtmp?: string;
  readonly location?: string;
  readonly httpServer?: string;
  readonly main?: string;
}

function conf(place: Place, variant: Variant = {}): string {
  return `
auto_reload off;
error_log stderr warn;
${variant.main ?? ''}
rtmp {
  server {
    listen 127.0.0.1:${place.rtmp};
    ${variant.rtmpServer ?? ''}
    application live {
      live on;
      ${variant.application ?? ''}
    }
    ${variant.extraApplication ?? ''}
  }
  ${variant.rtmp ?? ''}
}
http {
  access_log off;
  server {
    listen 127.0.0.1:${place.http};
    location /live { flv_live on; }
    ${variant.location ?? ''}
  }
  ${variant.httpServer ?? ''}
}
`;
}

describe('reloads under load', () => {
  let place: Place;
  let server: Mediad;
  const players: Player[] = [];

  beforeAll(async () => {
    place = await makePlace();
    server = await startMediad(conf(place), place);
    // 30 seconds of media that never loop, so that every step between frames is known.
    const file = await fixture('longGop');
    const outputs = Array.from({ length: PUBLISHERS }, (_, index) => [
      '-c',
      'copy',
      '-f',
      'flv',
      server.rtmpUrl('live', `s${index}`),
    ]);
    await start('ffmpeg', ['-v', 'error', '-re', '-i', file, ...outputs.flat()]);
    for (let index = 0; index < PLAYERS; index++) {
      const name = `s${index % PUBLISHERS}`;
      const flv = server.httpUrl(`/live?port=${place.rtmp}&app=live&stream=${name}`);
      if (index < PUBLISHERS) {
        const probe = async (): Promise<boolean> => (await fetch(flv, { method: 'HEAD' })).status === 200;
        await until(`${name} is live`, probe, 10_000);
      }
      players.push(index % 2 === 0 ? playFlv(flv) : playRtmp(server.rtmpUrl('live', name)));
    }
    await Promise.all(players.map((player) => untilReceived(player, 5)));
  }, 60_000);

  afterAll(() => server.stop());

  test('twenty reloads of all kinds leave no gap and drop nobody', async () => {
    const [port, second] = place.spare as [number, number];
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(second, '127.0.0.1', resolve));
    const good: readonly Variant[] = [
      { application: 'hls on; hls_path hls; hls_fragment 2s;' },
      { application: 'hls on; hls_path hls; hls_fragment 4s;' },
      { application: 'hls on; hls_path hls; hls_fragment 4s; hls_playlist_length 60s;' },
      { application: 'hls on; hls_path hls-elsewhere;' },
      { application: '' },
      { application: 'gop_cache off;' },
      { application: 'gop_cache on; gop_max_frame_count 100; out_merge 20ms;' },
      { extraApplication: 'application second { live on; hls on; hls_path second; }' },
      { extraApplication: 'application third { live on; }' },
      { rtmpServer: `listen 127.0.0.1:${port};` },
      { rtmpServer: 'server_name live.example.com; ping 20s;' },
      { rtmpServer: 'chunk_size 8192; timeout 30s;' },
      { rtmp: `server { listen 127.0.0.1:${port}; application live { live on; } }` },
      { location: 'location /hls { root hls; add_header Cache-Control no-cache; }' },
      { location: 'add_header X-Test 1; location /other { return 204; }' },
      { httpServer: `server { listen 127.0.0.1:${port}; location / { return 200 ok; } }` },
      { main: 'worker_shutdown_timeout 1s;', application: 'idle_streams off;' },
    ];
    const bad: readonly Variant[] = [
      { application: 'hls maybe;' },
      { rtmpServer: `listen 127.0.0.1:${second};` },
      {
        httpServer: `server { listen 127.0.0.1:${port} ssl; ssl_certificate none.pem; ssl_certificate_key none.pem; }`,
      },
    ];
    for (const [index, variant] of good.entries()) {
      const { code, output } = await server.reload(conf(place, variant));
      expect(output, JSON.stringify(variant)).toContain('reloaded');
      expect(code).toBe(0);
      const wrong = bad[index];
      if (wrong === undefined) continue;
      const refused = await server.reload(conf(place, wrong));
      expect(refused.code, refused.output).toBe(1);
    }
    busy.close();
    const before = players.map((player) => frames(player, VIDEO).length);
    await Promise.all(
      players.map((player, index) =>
        until(
          'media go on after the last reload',
          () => frames(player, VIDEO).length > before[index]! + 10,
          10_000,
        ),
      ),
    );
    for (const player of players) {
      expect(player.ended).toBeUndefined();
      const times = frames(player, VIDEO).map(({ time }) => time);
      const steps = new Set(times.slice(1).map((time, index) => time - times[index]!));
      expect([...steps]).toEqual([FRAME_MS]);
    }
  }, 60_000);
});
