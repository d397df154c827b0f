import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePorts } from '../../e2e/harness.ts';
import { Publisher, TestServer } from './servers.ts';

const HOUR_MS = 3_600_000;

/** Lets events of sockets come until something holds; timers stand still. */
async function settled(holds: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`still not so: ${holds}`);
    await new Promise(setImmediate);
  }
}

test('targets and sources that are dead for an hour are asked less and less often, and leave nothing open', async () => {
  const [rtmp, closed] = (await freePorts(2)) as [number, number];
  let taken = 0;
  const mute = createServer((socket) => {
    taken += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      taken -= 1;
    });
    socket.resume();
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void mute.close());
  const { port } = mute.address() as AddressInfo;
  const conf = (relays: string): string =>
    `server { listen 127.0.0.1:${rtmp}; application live { live on; ${relays} } }`;
  const server = await TestServer.start(conf(''));
  const publisher = await Publisher.start(`rtmp://127.0.0.1:${rtmp}/live/show`);
  publisher.run();
  await settled(() => server.application('live').streams.get('show')?.live === true);
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  const before = sockets();

  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  await server.load(
    conf(`push rtmp://127.0.0.1:${closed}/gone; push rtmp://127.0.0.1:${port}/mute;
      pull rtmp://127.0.0.1:${closed}/gone name=other static;`),
  );
  const relays = () => server.relays('live');
  const refused = () => relays().filter(({ url }) => url.includes(`:${closed}/`));
  const start = Date.now();
  let timers = 0;
  let open = 0;
  while (Date.now() < start + HOUR_MS) {
    await settled(() => refused().every(({ state }) => state === 'waiting'));
    const waiting = relays().every(({ state }) => state === 'waiting');
    if (waiting) await settled(() => taken === 0);
    timers = Math.max(timers, vi.getTimerCount());
    open = Math.max(open, sockets() - before);
    vi.advanceTimersToNextTimer();
  }
  expect(relays()).toHaveLength(3);
  for (const { attempts, url } of relays()) {
    // 3, 6, 12, 24 and then 30 s, of which a fifth more or less; whoever is mute is given ten besides.
    expect(attempts, url).toBeGreaterThanOrEqual(HOUR_MS / (url.includes('mute') ? 46_000 : 36_000));
    expect(attempts, url).toBeLessThanOrEqual(HOUR_MS / 24_000 + 5);
  }
  expect(timers, 'one for each relay, and what the end of a connection may take').toBeLessThanOrEqual(5);
  expect(open, 'both ends of one, and those of the others on their way out').toBeLessThanOrEqual(4);

  await server.load(conf(''));
  await settled(() => taken === 0 && relays().length === 0);
  // A publisher that nobody waits for is read again and again by a timer of its own.
  publisher.stop();
  await settled(() => {
    vi.runOnlyPendingTimers();
    return server.application('live').streams.size === 0;
  });
  vi.runAllTimers();
  await settled(() => sockets() < before);
  expect(vi.getTimerCount()).toBe(0);
}, 30_000);
