import { describe, expect, test } from 'vitest';
import { VIDEO } from '../../../src/media/packet.ts';
import type { AmfObject } from '../../../src/wire/amf.ts';
import { AVC_CONFIG } from '../../hostile/sessions.ts';
import { hex } from '../../wire/splits.ts';
import { type Station, startStation } from '../station.ts';

const conf = (settings = ''): string => `
rtmp { server { listen RTMP; application live { live on; ${settings} } } }
http { access_log off; server { listen HTTP; location /live { flv_live on; } } }
`;

const KEY = hex('1701000000 00000002 6501');

/** What players of both kinds are told. */
async function play(station: Station): Promise<{ readonly rtmp: string; readonly http: number }> {
  const client = await station.client('live');
  const id = await client.createStream();
  client.call('play', [null, 'name', -2], id);
  let rtmp = '';
  while (rtmp === '') {
    const { code, description } = (await client.command('onStatus')).args[1] as AmfObject;
    if (code === 'NetStream.Play.Start') rtmp = 'started';
    else if (code === 'NetStream.Play.Failed') rtmp = String(description);
  }
  client.destroy();
  const path = `/live?port=${station.rtmp}&app=live&stream=name`;
  const { status } = await station.get(path, { method: 'HEAD' });
  return { rtmp, http: status };
}

describe('a server that is overloaded', () => {
  test('lets no further players in, keeps those there are, and takes publishers', async () => {
    const station = await startStation(conf());
    const publisher = await station.client('live');
    await publisher.publish('name');
    publisher.push(VIDEO, 0, AVC_CONFIG);
    publisher.push(VIDEO, 0, KEY);
    const early = await station.client('live');
    await early.play('name');
    expect(await play(station)).toEqual({ rtmp: 'started', http: 200 });

    const { load } = station.runtime.audience;
    load.lag = 600;
    expect(await play(station)).toEqual({ rtmp: 'the server is overloaded', http: 503 });
    load.lag = 400;
    load.memory = 0.95;
    expect(await play(station)).toEqual({ rtmp: 'the server is short of memory', http: 503 });
    publisher.push(VIDEO, 40, KEY);
    for (let frames = 0; frames < 2; ) if ((await early.media()).body[1] === 1) frames += 1;
    const second = await station.client('live');
    await second.publish('other');

    load.memory = 0.5;
    expect(await play(station)).toEqual({ rtmp: 'started', http: 200 });
  });

  test('is what the settings say it is, from a reload on', async () => {
    const station = await startStation(conf('overload_lag off; overload_memory off;'));
    const publisher = await station.client('live');
    await publisher.publish('name');
    publisher.push(VIDEO, 0, AVC_CONFIG);
    publisher.push(VIDEO, 0, KEY);
    const { load } = station.runtime.audience;
    Object.assign(load, { lag: 60_000, memory: 1 });
    expect(await play(station)).toEqual({ rtmp: 'started', http: 200 });
    await station.load(conf('overload_lag 50ms; overload_memory off;'));
    expect((await play(station)).http).toBe(503);
    load.lag = 40;
    await station.load(conf('overload_lag 50ms; overload_memory 10%;'));
    expect((await play(station)).rtmp).toBe('the server is short of memory');
  });

  test.each(['0%', '101%', '80', '80m', 'on'])('overload_memory %s is refused', async (value) => {
    await expect(startStation(conf(`overload_memory ${value};`))).rejects.toThrow(/overload_memory/);
  });
});
