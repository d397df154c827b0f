import { expect, test } from 'vitest';
import { banner } from '../../src/cli/banner.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { modules } from '../../src/modules/index.ts';

function bannerOf(text: string): string {
  const config = loadConfig({
    file: '/x/media.conf',
    sources: modules,
    files: memoryFiles({ '/x/media.conf': text }),
  });
  return banner({ config, watches: true }, '1.0.0');
}

test('names addresses to publish to and to watch at', () => {
  const lines = bannerOf(`
    rtmp {
      server { listen 127.0.0.1:1936; application live { live on; } application vod { } }
      server { listen [::1]:1935; application cam { live on; } }
    }
    http {
      server { listen 127.0.0.1:8080; location /flv { flv_live on; } location / { player on; } }
      server { listen 127.0.0.1:80; location ~ \\.flv$ { flv_live on; } }
    }
  `).split('\n');
  expect(lines).toEqual([
    expect.stringMatching(/^mediad 1\.0\.0 \(node .*\) ready in \d+ ms, configuration \/x\/media\.conf$/),
    '  publish   rtmp://127.0.0.1:1936/live/STREAM   OBS: server rtmp://127.0.0.1:1936/live, stream key STREAM',
    '  publish   rtmp://[::1]/cam/STREAM   OBS: server rtmp://[::1]/cam, stream key STREAM',
    '  watch     http://127.0.0.1:8080/',
    '  HTTP-FLV  http://127.0.0.1:8080/flv?app=APPLICATION&stream=STREAM',
    '  http      http://127.0.0.1/',
    '  auto_reload on: edit the file, save, done (mediad -t checks first)',
    '',
  ]);
});

test('stays short, and shows an address that others may reach for a wildcard', () => {
  const servers = Array.from(
    { length: 9 },
    (_, n) => `server { listen ${2000 + n}; application a { live on; } }`,
  );
  const text = bannerOf(`rtmp { ${servers.join(' ')} }`);
  expect(text).toContain('            and 5 more\n');
  expect(text).not.toContain('0.0.0.0');
});
