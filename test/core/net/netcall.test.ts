import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Lane, LaneFull } from '../../../src/core/net/lane.ts';
import { lookup } from '../../../src/core/net/lookups.ts';
import { type Netcall, Netcalls } from '../../../src/core/net/netcall.ts';
import { Endpoint } from '../../modules/notify/endpoint.ts';
import { Stage } from '../../modules/notify/fixtures.ts';

let directory: string;
let tls: { readonly key: string; readonly cert: string };

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mediad-notify-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const options = ['-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '1', ...subject];
  execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('https', () => {
  test.each([
    [
      'is trusted by its authority',
      () => `netcall_ssl_trusted_certificate ${join(directory, 'cert.pem')};`,
      true,
    ],
    ['is not looked at', () => 'netcall_ssl_verify off;', true],
    ['of nobody we know is refused', () => '', false],
    [
      'with an authority that cannot be read is refused',
      () => 'netcall_ssl_trusted_certificate /nowhere.pem;',
      false,
    ],
  ])('a certificate %s', async (_how, settings, accepted) => {
    const endpoint = await Endpoint.start(tls);
    const stage = await Stage.open(`on_publish ${endpoint.url}/p;`, settings());
    if (accepted) {
      await stage.publish('a');
      await stage.publish('b');
      expect(endpoint.calls.map(({ connection }) => connection)).toEqual([1, 1]);
    } else {
      expect(await stage.refusedPublish('cam')).toMatchObject({ code: 'NetStream.Publish.Denied' });
      expect(endpoint.calls).toEqual([]);
      expect(stage.status('on_publish').failures).toBe(1);
    }
  });
});

describe('a call', () => {
  function call(url: string, more: Partial<Netcall> = {}): Netcall {
    return {
      url,
      method: 'GET',
      body: '',
      type: '',
      lane: 'ask',
      timeout: 2000,
      connectTimeout: 1000,
      verify: true,
      authorities: '',
      ...more,
    };
  }

  function client(): Netcalls {
    const netcalls = new Netcalls();
    onTestFinished(() => netcalls.close(0));
    return netcalls;
  }

  test('to a name that does not exist says so', async () => {
    await expect(client().call(call('http://name.invalid/'))).rejects.toMatchObject({
      name: 'NetcallError',
      failure: 'connect',
    });
  });

  test('to a port that takes no connection ends after the time to connect', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1, resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    // TLS to a peer that says nothing never gets anywhere either.
    await expect(
      client().call(call(`https://127.0.0.1:${port}/`, { connectTimeout: 100 })),
    ).rejects.toMatchObject({ failure: 'connect', message: 'no connection in time' });
  });

  test('is not given up for a turn of our own that took longer than the time to connect', async () => {
    const endpoint = await Endpoint.start();
    const answer = client().call(call(endpoint.url, { connectTimeout: 100 }));
    await new Promise((resolve) => setImmediate(resolve));
    const end = performance.now() + 300;
    while (performance.now() < end);
    await expect(answer).resolves.toMatchObject({ status: 200 });
  });

  test('is made anew where every kept connection turns out to be closed', async () => {
    const kept = new Set<Socket>();
    let others = 0;
    const server = createServer((socket) => {
      if (kept.size < 5) kept.add(socket);
      else others += 1;
      let asked = 0;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        asked += 1;
        // As an endpoint that has been started again: what it knew of is reset.
        if (kept.has(socket) && asked > 1) socket.destroy();
        else setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), 50);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const netcalls = client();
    const ask = (): Promise<unknown> => netcalls.call(call(`http://127.0.0.1:${port}/`));
    await Promise.all(Array.from({ length: 5 }, ask));
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    expect(others).toBe(1);
  });

  test('is waited for when all is closed, but not for ever', async () => {
    const endpoint = await Endpoint.start();
    const held: (() => void)[] = [];
    endpoint.answer = (_call, response) => void held.push(() => response.end());
    const netcalls = client();
    const answers = [1, 2].map(() => netcalls.call(call(endpoint.url, { lane: 'tell' })));
    const closed = netcalls.close(5000);
    while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const answer of held) answer();
    await closed;
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    const late = netcalls.call(call(endpoint.url, { timeout: 300 }));
    await netcalls.close(50);
    await expect(late).rejects.toMatchObject({ name: 'NetcallError' });
  });

  test('gets the Location in the letters it was sent', async () => {
    const endpoint = await Endpoint.start();
    endpoint.answer = (_call, response) => {
      response.writeHead(302, { Location: Buffer.from('straße').toString('latin1') }).end();
    };
    expect((await client().call(call(endpoint.url))).location).toBe('straße');
  });
});

describe('a lane', () => {
  test('lets so many in, keeps so many waiting in their order, and turns the rest away', async () => {
    const lane = new Lane(2, 2);
    const order: number[] = [];
    const first = await lane.enter();
    const second = await lane.enter();
    const third = lane.enter().then((leave) => {
      order.push(3);
      return leave;
    });
    const fourth = lane.enter().then((leave) => {
      order.push(4);
      return leave;
    });
    await expect(lane.enter()).rejects.toThrow(LaneFull);
    expect([lane.active, lane.waiting]).toEqual([2, 2]);
    first();
    first();
    (await third)();
    await fourth;
    expect(order).toEqual([3, 4]);
    second();
    expect([lane.active, lane.waiting]).toEqual([1, 0]);
  });

  test('is not entered by one that no longer waits', async () => {
    const lane = new Lane(1, 5);
    const leave = await lane.enter();
    const stop = new AbortController();
    const given = lane.enter(stop.signal);
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    leave();
    expect([lane.active, lane.waiting]).toEqual([0, 0]);
  });
});

test('a name is asked for once while many wait for it, and for both forms of answers', async () => {
  const ask = (all: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lookup('localhost', { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
    });
  const answers = await Promise.all([ask(true), ask(true), ask(false)]);
  expect(answers[0]).toEqual(answers[1]);
  expect((answers[0] as { address: string }[])[0]!.address).toBe(answers[2]);
  await expect(
    new Promise((_resolve, reject) => lookup('name.invalid', {}, (error) => reject(error))),
  ).rejects.toMatchObject({ code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
});
