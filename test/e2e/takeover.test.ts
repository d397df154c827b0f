import { expect, test } from 'vitest';
import { decodeErrors, type ProbedPacket, probePackets } from '../ffmpeg.ts';
import { connectTo } from '../rtmp/client.ts';
import { probe } from './capture.ts';
import { type Child, until } from './children.ts';
import { type Mediad, plainConf, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';

/** A player over HTTP-FLV that keeps all it gets. */
class Capture {
  readonly chunks: Uint8Array[] = [];
  ended = false;
  readonly #stop = new AbortController();

  async start(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.#stop.signal });
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
    void this.#read(response);
  }

  async #read(response: Response): Promise<void> {
    try {
      for await (const chunk of response.body!) this.chunks.push(chunk);
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    } finally {
      this.ended = true;
    }
  }

  get bytes(): number {
    return this.chunks.reduce((sum, { length }) => sum + length, 0);
  }

  stop(): Buffer {
    this.#stop.abort();
    return wholeTags(Buffer.concat(this.chunks));
  }
}

/** An FLV file without the tag in the middle of which it ends. */
function wholeTags(flv: Buffer): Buffer {
  let end = 13;
  for (let at = end; at + 15 <= flv.length && at + 15 + flv.readUIntBE(at + 1, 3) <= flv.length; at = end) {
    end = at + 15 + flv.readUIntBE(at + 1, 3);
  }
  return flv.subarray(0, end);
}

async function grows(capture: Capture, by = 200_000): Promise<void> {
  const before = capture.bytes;
  await until(`the capture grows by ${by}`, () => capture.bytes - before > by, 20_000);
}

const published = (server: Mediad): number => server.log().split('publish started').length - 1;

async function discontinuities(server: Mediad, segments: number): Promise<number> {
  const before = await newest(server);
  return until(
    `${segments} more segments`,
    async () => {
      const list = await playlist(server);
      return (await newest(server)) >= before + segments
        ? list.split('#EXT-X-DISCONTINUITY\n').length - 1
        : undefined;
    },
    30_000,
  ) as Promise<number>;
}

async function playlist(server: Mediad): Promise<string> {
  const response = await fetch(server.httpUrl('/hls/cam.m3u8'));
  return response.status === 200 ? response.text() : '';
}

async function newest(server: Mediad): Promise<number> {
  return Number((await playlist(server)).match(/-([0-9]+)\.ts\n$/)?.[1] ?? 0);
}

function expectOneTimeLine(packets: readonly ProbedPacket[]): void {
  for (const kind of ['video', 'audio']) {
    const times = packets.filter(({ codec_type }) => codec_type === kind).map(({ dts }) => dts);
    expect(times.length).toBeGreaterThan(50);
    const steps = times.slice(1).map((time, i) => time - times[i]!);
    expect(Math.min(...steps), `steps of ${kind}, ms`).toBeGreaterThanOrEqual(0);
    expect(Math.max(...steps), `steps of ${kind}, ms`).toBeLessThan(500);
  }
}

test('a publisher that hangs loses its name to the next at once, and players see one stream', async () => {
  const server = await startMediad((place) =>
    plainConf(place, 'publish_conflict takeover; publish_gap 20s;'),
  );
  const url = server.rtmpUrl('live', 'cam');
  const file = await fixture('plain');
  const first: Child = await publishFile(file, url, { loop: true });
  const capture = new Capture();
  await until('the stream is there', async () => (await newest(server)) > 0, 20_000);
  await capture.start(server.httpUrl(`/live?app=live&stream=cam&port=${server.place.rtmp}`));
  await grows(capture);

  process.kill(first.pid, 'SIGSTOP');
  const asked = performance.now();
  const probing = await connectTo(server.place.rtmp, 'live');
  await probing.publish('cam');
  expect(performance.now() - asked).toBeLessThan(1000);
  const before = published(server);
  const second = await publishFile(file, url, { loop: true });
  await until('the second has taken over', () => published(server) > before);
  await probing.closed;
  await grows(capture);
  expect(capture.ended).toBe(false);
  expect(await discontinuities(server, 3), 'of publishers with the same codec parameters').toBe(0);
  process.kill(first.pid, 'SIGCONT');
  const { code } = await first.ended;
  expect(code, 'the first has been sent away').not.toBe(0);
  await grows(capture);

  // It dies, and comes back within the gap.
  await second.stop('SIGKILL');
  await until('the stream has lost its publisher', () => server.log().split('publish ended').length > 3);
  const third = await publishFile(file, url, { loop: true });
  await grows(capture);
  expect(capture.ended).toBe(false);
  expect(await discontinuities(server, 2), 'of a publisher that has come back').toBe(0);
  const flv = capture.stop();
  expectOneTimeLine(await probePackets(flv));
  expect(await decodeErrors(flv)).toBe('');

  // Another picture size.
  const other = await publishFile(await fixture('small'), url, { loop: true });
  expect(await discontinuities(server, 3), 'where the codec parameters have changed').toBe(1);
  const shown = await probe(server.httpUrl(`/live?app=live&stream=cam&port=${server.place.rtmp}`));
  expect(shown.find(({ codec_type }) => codec_type === 'video')?.width).toBe(320);
  await third.ended;
  await other.stop('SIGKILL');
  await server.stop();
});
