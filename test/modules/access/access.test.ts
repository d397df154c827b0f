import { afterEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/errors.ts';
import { memoryFiles } from '../../../src/config/files.ts';
import type { Module } from '../../../src/core/module.ts';
import { applicationService } from '../../../src/core/module.ts';
import { accessModule } from '../../../src/modules/access/access.ts';
import { rtmpModule } from '../../../src/rtmp/directives.ts';
import { connectTo, type RtmpClient } from '../../rtmp/client.ts';
import { startServer, type TestServer, until } from '../../rtmp/server.ts';

/** Everybody who got past the access rules. */
const asked: string[] = [];
const laterModule: Module = {
  name: 'later',
  tables: {},
  application: applicationService(
    {},
    {
      enabled: () => true,
      start(_conf, context) {
        context.gate(({ action, client }) => void asked.push(`${action} ${client.address}`));
        return {};
      },
    },
  ),
};

let server: TestServer;
const clients: RtmpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  asked.length = 0;
  await server.close();
});

function conf(inside: string, around = '', outside = ''): string {
  return `${outside} server { listen 127.0.0.1:PORT proxy_protocol; set_real_ip_from 127.0.0.1; ${around}
    application live { live on; ${inside} } }`;
}

async function start(inside: string, around?: string, outside?: string): Promise<void> {
  server = await startServer(conf(inside, around, outside), [accessModule, laterModule]);
}

async function ask(action: 'publish' | 'play', address: string, name: string = action): Promise<string> {
  const family = address.includes(':') ? `TCP6 ${address} ::1` : `TCP4 ${address} 192.0.2.1`;
  const client = await connectTo(server.port, 'live', { preface: Buffer.from(`PROXY ${family} 1 2\r\n`) });
  clients.push(client);
  client.call(action, [null, name, action === 'publish' ? 'live' : -2], await client.createStream());
  for (;;) {
    const { args } = await client.command('onStatus');
    const { level, code, description } = args[1] as Readonly<Record<string, string>>;
    if (level === 'error') {
      await client.closed;
      return `${code}: ${description}`;
    }
    if (code?.endsWith('.Start') === true) {
      client.destroy();
      await until(() => server.host.connections.size === 0 || clients.some((c) => !c.socket.destroyed));
      return 'in';
    }
  }
}

const NO_PUBLISH = 'NetStream.Publish.Denied: publish is not allowed from here';
const NO_PLAY = 'NetStream.Play.Failed: play is not allowed from here';

describe('allow and deny', () => {
  const outcome = async (address: string): Promise<string> =>
    [await ask('publish', address), await ask('play', address)]
      .map((answer) => (answer === 'in' ? '+' : answer === NO_PUBLISH || answer === NO_PLAY ? '-' : answer))
      .join('');

  test.each<readonly [string, Readonly<Record<string, string>>]>([
    ['', { '203.0.113.1': '++', '2001:db8::1': '++' }],
    ['deny all;', { '203.0.113.1': '--', '2001:db8::1': '--' }],
    ['deny publish all;', { '203.0.113.1': '-+', '2001:db8::1': '-+' }],
    ['deny play all;', { '203.0.113.1': '+-', '2001:db8::1': '+-' }],
    ['allow publish 203.0.113.0/24; deny publish all;', { '203.0.113.1': '++', '203.0.114.1': '-+' }],
    ['deny publish all; allow publish 203.0.113.0/24;', { '203.0.113.1': '-+' }],
    ['allow 203.0.113.1; deny all;', { '203.0.113.1': '++', '203.0.113.2': '--' }],
    ['allow 203.0.113.128/25; deny all;', { '203.0.113.127': '--', '203.0.113.128': '++' }],
    ['deny 0.0.0.0/0;', { '203.0.113.1': '--', '2001:db8::1': '++' }],
    ['deny ::/0;', { '203.0.113.1': '++', '2001:db8::1': '--' }],
    ['allow 2001:db8::/33; deny all;', { '2001:db8:7fff::1': '++', '2001:db8:8000::1': '--' }],
    ['deny 203.0.113.1;', { '::ffff:203.0.113.1': '--', '::ffff:203.0.113.2': '++' }],
    ['deny unix:;', { '203.0.113.1': '++' }],
    [
      'allow play all; deny publish 203.0.113.1; deny play all;',
      { '203.0.113.1': '-+', '203.0.113.2': '++' },
    ],
  ])('%s', async (rules, addresses) => {
    await start(rules);
    for (const [address, expected] of Object.entries(addresses)) {
      expect(await outcome(address), address).toBe(expected);
    }
  });

  test('of inner blocks are asked before those around them', async () => {
    await start('allow publish 203.0.113.1;', 'deny publish 203.0.113.0/24;', 'deny play all; allow all;');
    expect(await outcome('203.0.113.1')).toBe('+-');
    expect(await outcome('203.0.113.2')).toBe('--');
    expect(await outcome('203.0.114.1')).toBe('+-');
  });

  test('are asked before every other gate, and told to clients', async () => {
    await start('deny publish all;');
    expect(await ask('publish', '203.0.113.1')).toBe(NO_PUBLISH);
    expect(asked).toEqual([]);
    expect(server.application('live').streams.size).toBe(0);
    expect(await ask('play', '203.0.113.1')).toBe('in');
    expect(asked).toEqual(['play 203.0.113.1']);
    expect(server.log.find(({ msg }) => msg === 'publish refused')).toMatchObject({
      remote: '203.0.113.1',
      reason: 'publish is not allowed from here',
    });
  });

  test('count for new requests from a reload on, and leave those who are in alone', async () => {
    await start('');
    const before = await connectTo(server.port, 'live', {
      preface: Buffer.from('PROXY TCP4 203.0.113.1 192.0.2.1 1 2\r\n'),
    });
    clients.push(before);
    await before.publish('s');
    await server.reload(conf('deny all;'));
    expect(await ask('play', '203.0.113.1')).toBe(NO_PLAY);
    expect(await ask('publish', '203.0.113.1')).toBe(NO_PUBLISH);
    expect(server.application('live').streams.has('s')).toBe(true);
    await server.reload(conf('allow 203.0.113.1; deny all;'));
    expect(await ask('play', '203.0.113.1')).toBe('in');
    await server.reload(conf(''));
    expect(await ask('play', '203.0.113.9')).toBe('in');
    expect(before.socket.destroyed).toBe(false);
  });

  test.each([
    ['allow 203.0.113.300;', 'invalid parameter "203.0.113.300"'],
    ['allow 203.0.113.0/33;', 'invalid parameter "203.0.113.0/33"'],
    ['allow 203.0.113.0/;', 'invalid parameter "203.0.113.0/"'],
    ['allow watch all;', 'invalid parameter "watch"'],
    ['deny example.com;', 'invalid parameter "example.com"'],
    ['deny;', 'invalid number of arguments in "deny" directive'],
  ])('%s is a mistake', async (rule, message) => {
    await start('');
    const text = `rtmp { server { application live { ${rule} } } }`;
    const files = memoryFiles({ '/a.conf': text });
    const load = (): unknown => loadConfig({ file: '/a.conf', sources: [rtmpModule, accessModule], files });
    expect(load).toThrow(ConfigError);
    try {
      load();
    } catch (error) {
      expect((error as ConfigError).diagnostics.map((finding) => finding.message)).toEqual([message]);
    }
  });
});
