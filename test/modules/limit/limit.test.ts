import { afterEach, describe, expect, test } from 'vitest';
import { VIDEO } from '../../../src/media/packet.ts';
import { limitModule } from '../../../src/modules/limit/limit.ts';
import { connectTo, openClient, type RtmpClient } from '../../rtmp/client.ts';
import { startServer, type TestServer, until } from '../../rtmp/server.ts';

const HEADER = Buffer.from('1700000000014d401f', 'hex');
const proxied = (address: string): Buffer =>
  Buffer.from(
    address.includes(':')
      ? `PROXY TCP6 ${address} 2001:db8::1 1 2\r\n`
      : `PROXY TCP4 ${address} 192.0.2.1 1 2\r\n`,
  );

let server: TestServer;
const clients: RtmpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.close();
});

async function start(outside: string, inside = ''): Promise<void> {
  server = await startServer(conf(outside, inside), [limitModule]);
}

const conf = (outside: string, inside: string): string =>
  `${outside} server { listen 127.0.0.1:PORT proxy_protocol; set_real_ip_from 127.0.0.1;
     application live { live on; ${inside} } application more { live on; } }`;

async function enter(app = 'live', address = '203.0.113.1'): Promise<RtmpClient> {
  const client = await connectTo(server.port, app, { preface: proxied(address) });
  clients.push(client);
  return client;
}

/** What a publisher is told. */
async function publish(name: string, address?: string): Promise<string> {
  const client = await enter('live', address);
  client.call('publish', [null, name, 'live'], await client.createStream());
  const { args } = await client.command('onStatus');
  const info = args[1] as Readonly<Record<string, string>>;
  return info['code'] === 'NetStream.Publish.Start' ? 'in' : `${info['code']}: ${info['description']}`;
}

async function play(name: string, address?: string): Promise<string> {
  const client = await enter('live', address);
  client.call('play', [null, name, -2], await client.createStream());
  for (;;) {
    const { args } = await client.command('onStatus');
    const info = args[1] as Readonly<Record<string, string>>;
    if (info['code'] === 'NetStream.Play.Start') return 'in';
    if (info['level'] === 'error') return `${info['code']}: ${info['description']}`;
  }
}

/** The client that came last goes away, and the server has noticed. */
async function leave(): Promise<void> {
  const before = server.host.connections.size;
  clients.pop()!.destroy();
  await until(() => server.host.connections.size < before);
}

describe('max_connections_per_address', () => {
  test('counts the clients of each address, whatever they do', async () => {
    await start('max_connections_per_address 2;');
    await enter('live', '203.0.113.1');
    await enter('more', '203.0.113.1');
    await expect(enter('live', '203.0.113.1')).rejects.toThrow('this address has as many connections');
    expect(await publish('a', '203.0.113.2')).toBe('in');
    await enter('live', '2001:db8::5');
    await enter('live', '2001:db8::6');
    await expect(enter('live', '2001:db8::7')).rejects.toThrow('this address has as many connections');
    await leave();
    await enter('live', '2001:db8::7');
    await server.reload(conf('max_connections_per_address 3;', ''));
    await enter('live', '203.0.113.1');
    await expect(enter('live', '203.0.113.1')).rejects.toThrow('this address has as many connections');
  });
});

describe('max_connections', () => {
  test('is told to clients above it, whichever application they want', async () => {
    await start('max_connections 2;');
    await enter();
    await enter('more');
    const third = await openClient(server.port, { preface: proxied('203.0.113.1') });
    clients.push(third);
    const { name, args } = await third.connect('live');
    expect(name).toBe('_error');
    expect(args[1]).toEqual({
      level: 'error',
      code: 'NetConnection.Connect.Rejected',
      description: 'the server has as many clients as it may have',
    });
    await third.closed;
    clients.pop();
    await leave();
    await enter();
  });

  test('of an application lets its clients in where others are kept out; 0 keeps everybody out', async () => {
    await start('max_connections 0;', 'max_connections 1;');
    await enter();
    await expect(enter('more')).rejects.toThrow('as many clients as it may have');
    await server.reload(conf('', 'max_connections off;'));
    await enter();
    await enter('more');
  });
});

describe('limits of an application', () => {
  const FULL = 'NetStream.Play.Failed: the stream has as many players as it may have';

  test('max_players is for each stream', async () => {
    await start('', 'max_players 2;');
    expect([await play('a'), await play('a'), await play('a'), await play('b')]).toEqual([
      'in',
      'in',
      FULL,
      'in',
    ]);
    await leave();
    // The refused one has gone by itself.
    clients.pop();
    await leave();
    expect(await play('a')).toBe('in');
  });

  test('max_players_per_address', async () => {
    await start('', 'max_players_per_address 1;');
    const refused = 'NetStream.Play.Failed: this address plays as many streams as it may';
    expect(await play('a', '203.0.113.1')).toBe('in');
    expect(await play('b', '203.0.113.1')).toBe(refused);
    expect(await play('b', '203.0.113.2')).toBe('in');
  });

  test('max_publishers_per_address', async () => {
    await start('', 'max_publishers_per_address 1; publish_conflict takeover;');
    const refused = 'NetStream.Publish.Denied: this address publishes as many streams as it may';
    expect(await publish('a', '203.0.113.1')).toBe('in');
    expect(await publish('b', '203.0.113.1')).toBe(refused);
    expect(await publish('b', '203.0.113.2')).toBe('in');
    expect(await publish('a', '203.0.113.1'), 'it takes its own name over').toBe('in');
    expect(await publish('a', '203.0.113.2'), 'of another address').toBe(refused);
  });

  test('of an address count all those of the same 64 bits of IPv6 together', async () => {
    await start('', 'max_players_per_address 1; max_publishers_per_address 1; publish_conflict takeover;');
    expect(await play('a', '2001:db8:0:7::1')).toBe('in');
    expect(await play('b', '2001:db8:0:7:1234:5678:9abc:def0')).toContain('this address plays');
    expect(await play('b', '2001:db8:0:8::1')).toBe('in');
    expect(await publish('a', '2001:db8:0:7::1')).toBe('in');
    expect(await publish('b', '2001:db8:0:7::2')).toContain('this address publishes');
    expect(await publish('a', '2001:db8:0:7::2'), 'it takes its own name over').toBe('in');
    expect(await publish('b', '2001:db8:0:8::2')).toBe('in');
  });

  test('max_live_streams', async () => {
    await start('', 'max_live_streams 1; publish_conflict takeover;');
    const refused = 'NetStream.Publish.Denied: the application has as many streams as it may have';
    expect(await play('waited-for')).toBe('in');
    expect(await publish('a')).toBe('in');
    expect(await publish('b')).toBe(refused);
    expect(await publish('a'), 'the same stream again').toBe('in');
  });

  test('hold where several ask at the same moment, and others wait before them', async () => {
    await start('', 'max_players 1; max_live_streams 1;');
    server.application('live').gates.add(99, () => new Promise((resolve) => setTimeout(resolve, 30)));
    const published = await Promise.all(['a', 'b', 'c'].map((name) => publish(name)));
    expect(published.filter((outcome) => outcome === 'in')).toHaveLength(1);
    const played = await Promise.all([play('x'), play('x'), play('x')]);
    expect(played.filter((outcome) => outcome === 'in')).toHaveLength(1);
    expect(played.filter((outcome) => outcome === FULL)).toHaveLength(2);
  });

  test('count those who were there before a reload made them', async () => {
    await start('');
    expect([await play('a'), await publish('s')]).toEqual(['in', 'in']);
    await server.reload(conf('', 'max_players 1; max_publishers_per_address 1;'));
    expect(await play('a')).toBe(FULL);
    expect(await publish('t')).toContain('this address publishes');
    await server.reload(conf('', 'max_players 2; max_publishers_per_address 2;'));
    expect([await play('a'), await publish('t')]).toEqual(['in', 'in']);
    await server.reload(conf('', ''));
    expect(await play('a')).toBe('in');
  });
});

describe('max_publish_bitrate', () => {
  test('sends a publisher away that goes on above it, and no other', async () => {
    await start('', 'max_publish_bitrate 800k 2s;');
    const stream = async (name: string, bytes: number): Promise<RtmpClient> => {
      const client = await enter();
      const id = await client.publish(name);
      client.push(VIDEO, 0, HEADER, id);
      let time = 0;
      const timer = setInterval(() => {
        time += 100;
        client.push(VIDEO, time, Buffer.concat([Buffer.from('1701000000', 'hex'), Buffer.alloc(bytes)]), id);
      }, 100);
      void client.closed.then(() => clearInterval(timer));
      return client;
    };
    const modest = await stream('modest', 7_000);
    const greedy = await stream('greedy', 20_000);
    const { description } = await greedy.status('NetStream.Unpublish.Success');
    expect(description).toBe('the publisher sends more than it may');
    await greedy.closed;
    await until(() =>
      server.log.some(({ msg }) => msg === 'the publisher sends more than max_publish_bitrate'),
    );
    // The modest one has been there for longer than the window when the same time has passed once more.
    await until(() => server.application('live').streams.get('modest')!.counters.bytesIn > 250_000, 6000);
    expect([...server.application('live').streams.keys()]).toEqual(['modest']);
    modest.destroy();
  });
});
