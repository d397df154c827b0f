import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { checkRtmp } from '../../src/rtmp/check.ts';
import { rtmpModule } from '../../src/rtmp/directives.ts';
import { openClient, type RtmpClient } from './client.ts';
import { startServer, type TestServer, until } from './server.ts';

const LINE = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 50000 1935\r\n');
const UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n');
const BINARY = Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007109c0000201c350078f', 'hex');

let server: TestServer;
const clients: RtmpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.close();
});

async function start(directives: string): Promise<void> {
  server = await startServer(
    `server { listen 127.0.0.1:PORT proxy_protocol; ${directives} application live { live on; } }`,
  );
}

/** The address that the server takes a publisher's to be. */
async function addressOf(preface: Buffer, piece?: number): Promise<string> {
  const client = await openClient(server.port, { preface, ...(piece === undefined ? {} : { piece }) });
  clients.push(client);
  await client.connect('live');
  await client.publish('s');
  const [publication] = [...server.application('live').publications];
  const { address } = publication!.request.client;
  client.destroy();
  await until(() => [...server.application('live').publications].length === 0);
  return address;
}

describe('a listen with proxy_protocol', () => {
  test('takes the address of a trusted proxy’s header, however it comes', async () => {
    await start('set_real_ip_from 127.0.0.0/8;');
    expect(await addressOf(LINE)).toBe('203.0.113.7');
    expect(await addressOf(BINARY)).toBe('203.0.113.9');
    expect(await addressOf(UNKNOWN)).toBe('127.0.0.1');
    expect(await addressOf(LINE, 7)).toBe('203.0.113.7');
    expect(await addressOf(BINARY, 1)).toBe('203.0.113.9');
    const lines = server.log.filter(({ msg }) => msg === 'publish started');
    expect(lines.map((line) => line['remote'])).toContain('203.0.113.7');
  });

  test('does not believe others', async () => {
    await start('set_real_ip_from 10.0.0.0/8;');
    expect(await addressOf(LINE)).toBe('127.0.0.1');
  });

  test('believes everybody where nobody is named, and says so', async () => {
    await start('');
    expect(await addressOf(LINE)).toBe('203.0.113.7');
    const text = 'rtmp { server { listen 1935 proxy_protocol; } server { listen 1936; } }';
    const { tree } = loadConfig({
      file: '/a.conf',
      sources: [rtmpModule],
      files: memoryFiles({ '/a.conf': text }),
    });
    expect(checkRtmp(tree).map(({ code, severity }) => [severity, code])).toEqual([
      ['warning', 'proxy-anybody'],
    ]);
  });

  test('closes what does not begin with a header', async () => {
    await start('set_real_ip_from 127.0.0.1;');
    await expect(openClient(server.port)).rejects.toThrow('closed in the handshake');
    await expect(openClient(server.port, { preface: LINE.subarray(0, 20) })).rejects.toThrow('closed');
    const refused = server.log.filter(({ msg }) => msg === 'connection refused');
    expect(refused.map((line) => line['reason'])).toEqual([
      'it does not begin with a PROXY header',
      expect.stringMatching(/PROXY line/),
    ]);
  });

  test('lets go of a connection that ends before its header', async () => {
    await start('set_real_ip_from 127.0.0.1;');
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(LINE.subarray(0, 10));
    await until(() =>
      server.log.some((line) => line['reason'] === 'the connection ended before its PROXY header'),
    );
    socket.destroy();
    expect(server.host.connections.size).toBe(0);
  });

  test('waits a bounded time, however slowly the header comes', async () => {
    await start('set_real_ip_from 127.0.0.1;');
    const socket = connect(server.port, '127.0.0.1');
    const began = performance.now();
    let at = 0;
    const drip = setInterval(() => socket.write(LINE.subarray(at, ++at)), 400);
    await new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
    clearInterval(drip);
    expect(performance.now() - began).toBeGreaterThan(4500);
    expect(performance.now() - began).toBeLessThan(7000);
  }, 10_000);

  test('does not hold a stop up by connections without a header', async () => {
    await start('set_real_ip_from 127.0.0.1;');
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
    await new Promise((resolve) => socket.on('connect', resolve));
    await until(() => server.reception.connections === 1);
    server.reception.close();
    await closed;
  });
});
