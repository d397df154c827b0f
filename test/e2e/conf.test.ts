import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makePlace, type Place, ROOT, runMediad, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { playFlv, playRtmp, untilReceived } from './players.ts';

const CONF = join(ROOT, 'conf');
const files = readdirSync(CONF).filter((name) => name.endsWith('.conf'));

/** How each example is published to and watched over HTTP-FLV, for a stream `s`. */
const USES: Readonly<
  Record<string, { readonly publish: string; readonly flv: string; readonly hls: string }>
> = {
  'all-processors.conf': { publish: 'live', flv: '/live/s.flv', hls: '/hls/s.m3u8' },
  'media.conf': { publish: 'live', flv: '/live/s.flv', hls: '/hls/s.m3u8' },
  'nginx-http-flv.conf': {
    publish: 'cctvf',
    flv: '/live?port=PORT&app=cctvf&stream=s',
    hls: '/cctvf/s.m3u8',
  },
  'audio-only-radio.conf': { publish: 'radio', flv: '/flv/s.flv', hls: '/s.m3u8' },
  'statistics.conf': { publish: 'live', flv: '/live/s.flv', hls: '/hls/s.m3u8' },
  'virtual-hosts.conf': { publish: 'live', flv: '/live/s.flv', hls: '/hls/s.m3u8' },
};

test('every example has a use to be tried', () => {
  expect(files.sort()).toEqual(Object.keys(USES).sort());
});

describe.each(files)('conf/%s', (name) => {
  test('holds as it stands', async () => {
    const { code, output } = await runMediad('-t', '-c', join(CONF, name));
    expect(output).toContain('test is successful');
    expect(code).toBe(0);
  });

  test('runs: a stream is published, and comes by RTMP, HTTP-FLV and HLS', async () => {
    const place = await makePlace();
    copyFileSync(join(CONF, 'mime.types'), place.path('mime.types'));
    const mediad = await startMediad(onPortsOf(place, readFileSync(join(CONF, name), 'utf8')), place);
    const { publish, flv, hls } = USES[name]!;
    const url = mediad.rtmpUrl(publish, 's');
    const kind = publish === 'radio' ? 'audioOnly' : 'plain';
    const publisher = await publishFile(await fixture(kind), url, { loop: true });

    const byRtmp = playRtmp(url);
    await untilReceived(byRtmp, 50);
    const byHttp = playFlv(mediad.httpUrl(flv.replace('PORT', String(place.rtmp))));
    await untilReceived(byHttp, 50);
    const playlist = async (): Promise<string> => {
      const answer = await fetch(mediad.httpUrl(hls));
      return answer.ok ? answer.text() : '';
    };
    await expect.poll(playlist, { timeout: 20_000, interval: 200 }).toMatch(/^#EXTM3U\n(.*\n)*.*\.ts\n/);

    byRtmp.close();
    byHttp.close();
    await publisher.stop();
    await mediad.stop();
  });
});

/** The example on free ports, logging to where the test can read it. */
function onPortsOf({ rtmp, http }: Place, text: string): string {
  const ported = text
    .replace(/^(\s*listen\s+)1935;/gm, `$1${rtmp};`)
    .replace(/^(\s*listen\s+)8080;/gm, `$1${http};`)
    .replace(/flv_live_application /g, `flv_live_application ${rtmp}/`);
  expect(ported).not.toBe(text);
  return ported;
}

describe.each(['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)])(
  '%s',
  (name) => {
    const text = readFileSync(join(ROOT, name), 'utf8');

    test('configurations in it hold', async () => {
      const place = await makePlace();
      copyFileSync(join(CONF, 'mime.types'), place.path('mime.types'));
      for (const [, conf] of text.matchAll(/^```nginx\n([^`]*?\brtmp \{[^`]*)^```/gm)) {
        writeFileSync(place.conf, conf!);
        const { output } = await runMediad('-t', '-c', place.conf);
        expect(output).toContain('test is successful');
      }
    });

    test('links in it lead to files', () => {
      const links = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
      expect(links.filter((link) => !existsSync(join(ROOT, dirname(name), link)))).toEqual([]);
    });
  },
);
