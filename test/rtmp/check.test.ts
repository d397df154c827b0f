import { describe, expect, test } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { checkRtmp, rtmpWanted, serverSpecs } from '../../src/rtmp/check.ts';
import { rtmpModule } from '../../src/rtmp/directives.ts';

function load(rtmp: string): Config {
  const files = memoryFiles({ '/prefix/test.conf': `rtmp {\n${rtmp}\n}` });
  return loadConfig({ file: '/prefix/test.conf', sources: [rtmpModule], files });
}

describe('addresses', () => {
  test.each([
    ['server { }', ['0.0.0.0:1935']],
    [
      'server { listen 1940; listen [::]:1940; listen unix:/tmp/x.sock; }',
      ['0.0.0.0:1940', '[::]:1940', 'unix:/tmp/x.sock'],
    ],
    ['server { listen 127.0.0.1; } server { listen 127.0.0.1:1935; }', ['127.0.0.1:1935', '127.0.0.1:1935']],
    ['', []],
  ])('of %j', (rtmp, expected) => {
    expect(rtmpWanted(load(rtmp).tree).map(({ listen }) => listen.key)).toEqual(expected);
  });

  test('stand where they are written', () => {
    const wanted = rtmpWanted(load('server {\nlisten 1;\n  listen 2;\n}').tree);
    expect(wanted.map(({ at }) => [at.line, at.column])).toEqual([
      [3, 8],
      [4, 10],
    ]);
  });
});

test.each(['ssl', 'http2'])('listen with %s is an error: clients could not connect', (option) => {
  const { tree } = load(`server { listen 1935 ${option}; application live { live on; } }`);
  expect(checkRtmp(tree)).toMatchObject([
    { severity: 'error', message: expect.stringContaining(`"${option}"`) },
  ]);
});

test('names that two servers of an address share are warned of', () => {
  const { tree } = load(`
    server { listen 1; server_name a b; }
    server { listen 1; server_name b; }
    server { listen 2; server_name b; }
    server { listen 2; }
    server { listen 2; }
  `);
  expect(checkRtmp(tree).map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    'warning: conflicting server name "b" on 0.0.0.0:1, ignored',
    'warning: conflicting server name "" on 0.0.0.0:2, ignored',
  ]);
});

test.each([
  ['application', 'application live { live on; } application live { live on; }', 'application live'],
  ['listen port', 'listen 70000;', 'invalid port'],
  ['server_name', 'server_name ~(;', 'invalid regular expression'],
  ['chunk_size', 'chunk_size 10;', 'chunk_size'],
  ['max_streams', 'max_streams 100000;', 'max_streams'],
  ['max_amf_depth', 'max_amf_depth 257;', 'max_amf_depth'],
  ['max_amf_values', 'max_amf_values 10;', 'max_amf_values'],
  ['meta', 'application live { meta maybe; }', 'invalid value "maybe"'],
  ['out_merge', 'application live { out_merge 1h; }', 'out_merge'],
])('a wrong %s is told', (_, text, message) => {
  let found: string;
  try {
    found = load(`server { ${text} }`)
      .warnings.map((warning) => warning.message)
      .join('\n');
  } catch (error) {
    found = (error as Error).message;
  }
  expect(found).toContain(message.split(' ')[0]);
});

test('settings flow inward, and a server has its own listen and names only', () => {
  const { tree } = load(`
    live on; gop_cache off; chunk_size 5000;
    server { listen 1; server_name a; wait_key off; application x { gop_cache on; } application y { } }
    server { listen 2; chunk_size 6000; application x { live off; } }
  `);
  const [one, two] = serverSpecs(tree);
  expect([one!.names, two!.names]).toEqual([['a'], []]);
  expect([one!.block.settings['chunk_size'], two!.block.settings['chunk_size']]).toEqual([5000, 6000]);
  const seen = [...one!.applications, ...two!.applications].map(({ settings }) => [
    settings['live'],
    settings['gop_cache'],
    settings['wait_key'],
  ]);
  expect(seen).toEqual([
    [true, true, false],
    [true, false, false],
    [false, false, true],
  ]);
});
