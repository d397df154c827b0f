import { describe, expect, test } from 'vitest';
import { signedQuery } from '../../src/core/applications/signed-url.ts';
import type { Measurement, MediadPlayer } from '../../src/web/measurement.ts';
import { type OpenPage, openPage } from './chromium.ts';
import { plainConf, startMediad } from './harness.ts';
import { publishTest } from './media.ts';

const WATCHED_MS = 20_000;
const EVERY_MS = 500;
const FRAMES_PER_SECOND = 25;

interface Sample {
  readonly at: number;
  readonly flv: Measurement;
  readonly hls: Measurement;
}

function read({ page }: OpenPage): Promise<Sample> {
  return page.evaluate(() => {
    const { flv, hls } = (globalThis as unknown as { mediadPlayer: MediadPlayer }).mediadPlayer;
    return { at: performance.now(), flv, hls };
  });
}

async function untilPlaying(opened: OpenPage, sides: readonly ('flv' | 'hls')[]): Promise<void> {
  const playing = async (): Promise<boolean> => {
    const sample = await read(opened);
    return sides.every((side) => sample[side].state === 'playing' && sample[side].delayMs !== null);
  };
  await expect.poll(playing, { timeout: 25_000, interval: 100 }).toBe(true);
}

function delays(samples: readonly Sample[], side: 'flv' | 'hls'): number[] {
  return samples.map((sample) => sample[side].delayMs!);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('the player page', async () => {
  const mediad = await startMediad((place) => plainConf(place, '', 'location / { player on; }'));
  const opened = await openPage(mediad.httpUrl('/'));
  const { page } = opened;
  let publisher = await startPublisher();

  function startPublisher(): ReturnType<typeof publishTest> {
    return publishTest(mediad.rtmpUrl('live', 'test'));
  }

  test('waits for a stream that nobody publishes', async () => {
    const idle = await openPage(mediad.httpUrl('/#live/nobody'));
    await expect
      .poll(() => idle.page.locator('#flv').textContent())
      .toContain('Waiting for somebody to publish live/nobody');
    await idle.close();
  });

  test('plays both ways at a delay that is small and stays', { timeout: 90_000 }, async () => {
    await untilPlaying(opened, ['flv', 'hls']);
    // What comes first is caught up with: only then is the delay to stay.
    await expect.poll(async () => (await read(opened)).flv.delayMs, { timeout: 10_000 }).toBeLessThan(1000);
    const samples: Sample[] = [await read(opened)];
    while (samples.at(-1)!.at - samples[0]!.at < WATCHED_MS) {
      await page.waitForTimeout(EVERY_MS);
      samples.push(await read(opened));
    }
    const seconds = (samples.at(-1)!.at - samples[0]!.at) / 1000;
    for (const side of ['flv', 'hls'] as const) {
      expect(samples.every((sample) => sample[side].state === 'playing')).toBe(true);
      const frames = samples.at(-1)![side].decodedFrames - samples[0]![side].decodedFrames;
      const dropped = samples.at(-1)![side].droppedFrames - samples[0]![side].droppedFrames;
      expect((frames - dropped) / (seconds * FRAMES_PER_SECOND)).toBeGreaterThan(0.95);
      const all = delays(samples, side);
      const third = Math.floor(all.length / 3);
      expect(Math.abs(mean(all.slice(-third)) - mean(all.slice(0, third)))).toBeLessThan(300);
    }
    expect(Math.max(...delays(samples, 'flv'))).toBeLessThan(1000);
    expect(Math.min(...delays(samples, 'flv'))).toBeGreaterThan(0);
    expect(opened.errors).toEqual([]);
  });

  test('lets sound on at one side at a time', async () => {
    const muted = (): Promise<boolean[]> =>
      page.$$eval('video', (videos) => videos.map((video) => video.muted));
    expect(await muted()).toEqual([true, true]);
    await page.keyboard.press('m');
    expect(await muted()).toEqual([false, true]);
    await page.keyboard.press('2');
    await page.keyboard.press('m');
    expect(await muted()).toEqual([true, false]);
    await page.keyboard.press('m');
    expect(await muted()).toEqual([true, true]);
  });

  test('waits for a publisher that has gone, and goes on with it', { timeout: 90_000 }, async () => {
    await publisher.stop();
    await expect.poll(async () => (await read(opened)).flv.state, { timeout: 15_000 }).toBe('waiting');
    publisher = await startPublisher();
    await untilPlaying(opened, ['flv', 'hls']);
    await expect.poll(async () => (await read(opened)).flv.delayMs, { timeout: 10_000 }).toBeLessThan(1000);
  });

  test('nothing is left when the server is told to stop', async () => {
    await opened.close();
    await publisher.stop();
    await mediad.stop();
    expect(mediad.child.running).toBe(false);
  });
});

describe('the first page', async () => {
  const mediad = await startMediad((place) => plainConf(place, '', 'location / { player on; }'));

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('tells how to publish, %s, %d pixels wide', async (scheme, width) => {
    const opened = await openPage(mediad.httpUrl('/'), { dark: scheme === 'dark', width });
    const server = `rtmp://127.0.0.1:${mediad.place.rtmp}/live`;
    await expect.poll(() => opened.page.locator('#obs-server').textContent()).toBe(server);
    expect(await opened.page.locator('#ffmpeg-file').textContent()).toContain(`${server}/test`);
    const overflow = await opened.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBe(0);
    expect(opened.errors).toEqual([]);
    await opened.close();
  });

  test('asks for addresses where the server keeps to itself what is live, and plays them', async () => {
    const quiet = await startMediad((place) => plainConf(place, '', 'location / { player nolist; }'));
    const publisher = await publishTest(quiet.rtmpUrl('live', 'secret'));
    const opened = await openPage(quiet.httpUrl('/'));
    await opened.page.fill('input[name=flv]', '/live?app=live&stream=secret');
    await opened.page.click('#addresses button');
    await untilPlaying(opened, ['flv']);
    expect(await opened.page.locator('#hls').textContent()).toContain('No HLS address was given.');
    await opened.close();
    await publisher.stop();
    await quiet.stop();
  });

  test('asks for streams with the arguments that it was opened with', { timeout: 60_000 }, async () => {
    const key = 'a key of at least 32 characters, for this test';
    const closed = await startMediad((place) =>
      plainConf(place, `sign play; sign_key "${key}";`, 'location / { player on; }').replace(
        'alias hls/;',
        'alias hls/; sign_files live;',
      ),
    );
    const publisher = await publishTest(closed.rtmpUrl('live', 'door'));
    const query = signedQuery(
      {
        action: 'play',
        application: 'live',
        name: 'door',
        prefix: false,
        expires: 4_000_000_000,
        address: '',
      },
      key,
      { sign: 'sign', expires: 'expires', prefix: 'prefix' },
    );
    const opened = await openPage(closed.httpUrl(`/?${query}#live/door`));
    await untilPlaying(opened, ['flv', 'hls']);
    await opened.close();
    const stranger = await openPage(closed.httpUrl('/#live/door'));
    await expect
      .poll(() => stranger.page.locator('#flv').textContent(), { timeout: 15_000 })
      .toContain('does not let this be played here (403)');
    await expect
      .poll(() => stranger.page.locator('#hls').textContent(), { timeout: 15_000 })
      .toContain('does not let this be played here (403)');
    await stranger.close();
    await publisher.stop();
    await closed.stop();
  });
});
