import { describe, expect, test } from 'vitest';
import { DATA } from '../../../src/media/packet.ts';
import { until } from '../../e2e/children.ts';
import { freePorts } from '../../e2e/harness.ts';
import { Player, Publisher, TestServer } from './servers.ts';

function rtmp(port: number, app: string, inside = ''): string {
  return `server { listen 127.0.0.1:${port}; application ${app} { live on; ${inside} } }`;
}

describe('push', () => {
  test('a stream arrives at another server, metadata and all', async () => {
    const [a, b] = await freePorts(2);
    await TestServer.start(rtmp(b!, 'copy'));
    const source = await TestServer.start(rtmp(a!, 'live', `push rtmp://127.0.0.1:${b}/copy;`));
    const player = new Player(`rtmp://127.0.0.1:${b}/copy/show`);
    const publisher = await Publisher.start(`rtmp://127.0.0.1:${a}/live/show?secret=1`);
    publisher.run();
    await until('frames arrive', () => player.frames.length > 50);
    const first = player.frames[0]!;
    expect(player.frames).toEqual(player.frames.map((_, index) => first + index));
    expect(player.received.some(({ kind, body }) => kind === DATA && body.includes('onMetaData'))).toBe(true);
    expect(source.relays('live')).toMatchObject([
      { direction: 'push', stream: 'show', state: 'live', local: false, attempts: 1, lastError: '' },
    ]);
    expect(source.relays('live')[0]!.bytes).toBeGreaterThan(10_000);
    publisher.stop();
    await until('the push ends with its publisher', () => source.relays('live').length === 0);
  });
});
