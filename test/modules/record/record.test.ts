import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Application } from '../../../src/core/applications/application.ts';
import type { Publication } from '../../../src/core/applications/publication.ts';
import type { Client } from '../../../src/core/applications/request.ts';
import { AUDIO, DATA, VIDEO } from '../../../src/media/packet.ts';
import { EcmaArray, writeAmf0 } from '../../../src/wire/amf0.ts';
import { readMetadata } from '../../../src/wire/metadata.ts';
import { decodeErrors, makeFlv, probePackets, readFlvTags, run, type Tag } from '../../ffmpeg.ts';
import { AVC_HEADER, keyFrame } from '../../http/publishing.ts';
import { until } from '../../rtmp/server.ts';
import { OTHER_RECORD, Publisher } from '../hls/studio.ts';
import { type Station, startStation } from '../station.ts';

const confOf = (application: string): string => `
  rtmp { server { listen RTMP; application live { live on; record_path rec; ${application} } } }
  http { access_log off; server { listen HTTP; location /control { rtmp_control all; }
    location /rtmp { rtmp_stat all; } location /xml { rtmp_stat record live; rtmp_stat_root http-flv; } location /json { rtmp_stat all; rtmp_stat_format json; }
    location /api/ { api on; } } }`;

/** A server with a recorder, and means to publish to it without a connection. */
class Deck {
  readonly station: Station;

  private constructor(station: Station) {
    this.station = station;
  }

  static async open(application: string): Promise<Deck> {
    return new Deck(await startStation(confOf(application)));
  }

  get #application(): Application {
    return [...this.station.runtime.hub.applications()][0]!;
  }

  reload(application: string) {
    return this.station.load(confOf(application));
  }

  publish(name = 's', args = ''): Promise<Publication> {
    const application = this.#application;
    const client = {
      ...{ id: 7, protocol: 'rtmp', origin: 'client', address: '127.0.0.1', flashver: 'enc' },
      ...{ tcurl: '', swfurl: '', pageurl: '', connectArgs: '', log: application.log },
    } as Client;
    return application.publish({
      ...{ action: 'publish', client, application, name, args, type: 'live' },
      dismiss: () => undefined,
    });
  }

  async publisher(name = 's', args = ''): Promise<Publisher> {
    return new Publisher(await this.publish(name, args));
  }

  /** The files when all that has ended is closed. */
  async files(): Promise<readonly string[]> {
    await this.station.runtime.hub.settled();
    const folder = join(this.station.folder, 'rec');
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  read(file: string): Buffer {
    return readFileSync(join(this.station.folder, 'rec', file));
  }

  tags(file: string): readonly Tag[] {
    return readFlvTags(this.read(file));
  }

  metadata(file: string) {
    return readMetadata(this.tags(file)[0]!.body)!;
  }
}

/** Frames of a file without headers. */
function frames(tags: readonly Tag[], kind: number = VIDEO): readonly Tag[] {
  return tags.filter((tag) => tag.kind === kind && tag.body[1] !== 0);
}

function play(publisher: Publisher, ms: number, gop = 1000): void {
  publisher.run({ ms, gop, instant: true }, () => undefined);
}

describe('files of a real encoder', () => {
  test('three rotations have every frame of the source, and open in ffprobe', async () => {
    const source = await makeFlv(6, '-g', '25');
    const deck = await Deck.open('record all; record_interval 2s;');
    const publication = await deck.publish();
    for (const { kind, time, body } of readFlvTags(source)) {
      const now = performance.now();
      if (kind === DATA) publication.describe(body, now);
      else publication.push(kind, time, body, now);
    }
    publication.close();
    const files = await deck.files();
    expect(files).toEqual(['s-1.flv', 's-2.flv', 's.flv']);
    const wanted = await probePackets(source);
    const got = await Promise.all(files.map((file) => probePackets(deck.read(file))));
    const count = (type: string) => (packets: typeof wanted) =>
      packets.filter((packet) => packet.codec_type === type).length;
    const sum = (type: string): number => got.map(count(type)).reduce((one, other) => one + other);
    expect(sum('video')).toBe(count('video')(wanted));
    // What came before the first key frame is no part of it.
    expect(count('audio')(wanted) - sum('audio')).toBeLessThan(4);
    for (const file of files) {
      const path = join(deck.station.folder, 'rec', file);
      const { stdout } = await run('ffprobe', ['-v', 'error', '-show_format', '-of', 'json', path]);
      const { duration, tags } = JSON.parse(stdout.toString()).format;
      expect(Number(duration)).toBeCloseTo(2, 0);
      expect(tags['encoder']).toMatch(/^Lavf/);
      expect(await decodeErrors(deck.read(file))).toBe('');
      const { filesize, width, keyframes } = deck.metadata(file);
      expect(filesize).toBe(deck.read(file).length);
      expect(width).toBe(320);
      const { filepositions, times } = keyframes as unknown as Record<'filepositions' | 'times', number[]>;
      expect(times).toEqual([0, 1]);
      for (const at of filepositions) expect([...deck.read(file).subarray(at, at + 1)]).toEqual([VIDEO]);
    }
  }, 30_000);
});

describe('content', () => {
  test('header, metadata, sequence headers, then frames from the first key frame, from 0', async () => {
    const deck = await Deck.open('record all;');
    const publisher = await deck.publisher();
    publisher.time = 5000;
    publisher.videoHeader();
    publisher.audioHeader();
    publisher.picture(false);
    publisher.sound();
    publisher.time = 5040;
    publisher.picture(true);
    publisher.sound(5050);
    publisher.stop();
    expect(await deck.files()).toEqual(['s.flv']);
    expect(deck.tags('s.flv').map(({ kind, time, body }) => [kind, time, body[1]])).toEqual([
      [DATA, 0, 0],
      [VIDEO, 0, 0],
      [AUDIO, 0, 0],
      [VIDEO, 0, 1],
      [AUDIO, 10, 1],
    ]);
    expect(deck.read('s.flv')[4]).toBe(5);
  });

  test.each([
    ['audio', 4, [AUDIO]],
    ['video', 1, [VIDEO]],
    ['keyframes', 1, [VIDEO]],
  ])('record %s', async (flags, header, kinds) => {
    const deck = await Deck.open(`record ${flags};`);
    const publisher = await deck.publisher();
    play(publisher, 3000);
    publisher.stop();
    await deck.files();
    expect(deck.read('s.flv')[4]).toBe(header);
    const tags = deck.tags('s.flv').slice(1);
    expect([...new Set(tags.map(({ kind }) => kind))]).toEqual(kinds);
    if (flags === 'keyframes') expect(frames(tags).map(({ body }) => body[0])).toEqual([0x17, 0x17, 0x17]);
  });

  test('a stream without video is recorded from its beginning', async () => {
    const deck = await Deck.open('record all;');
    const publisher = await deck.publisher();
    publisher.audioHeader();
    publisher.sound(0);
    const [stream] = [...deck.station.runtime.hub.applications()][0]!.streams.values();
    await until(() => stream!.settled);
    for (let time = 23; time < 1000; time += 23) publisher.sound(time);
    publisher.stop();
    await deck.files();
    const times = frames(deck.tags('s.flv'), AUDIO).map(({ time }) => time);
    expect(times).toEqual(Array.from({ length: 44 }, (_, index) => index * 23));
    expect(deck.read('s.flv')[4]).toBe(4);
  });

  test('other parameters in mid-stream are recorded, repeated ones are not', async () => {
    const deck = await Deck.open('record all;');
    const publisher = await deck.publisher();
    play(publisher, 1000);
    publisher.videoHeader();
    play(publisher, 1000);
    publisher.videoHeader(OTHER_RECORD);
    play(publisher, 1000);
    publisher.stop();
    await deck.files();
    const headers = deck.tags('s.flv').filter(({ kind, body }) => kind === VIDEO && body[1] === 0);
    expect(headers.map(({ body }) => body.includes(OTHER_RECORD))).toEqual([false, true]);
  });
});

describe('limits', () => {
  test.each([
    ['record_max_frames 10;', 10],
    ['record_max_size 9k;', 2],
  ])('%s ends a file, and the next one has another name', async (limit, count) => {
    const deck = await Deck.open(`record video; ${limit}`);
    const publisher = await deck.publisher();
    play(publisher, 3000);
    publisher.stop();
    expect(await deck.files()).toEqual(['s-1.flv', 's-2.flv', 's.flv']);
    for (const file of await deck.files()) {
      const all = frames(deck.tags(file));
      expect(all.length).toBe(count);
      expect(all[0]!.body[0]).toBe(0x17);
      expect(all[0]!.time).toBe(0);
    }
  });

  test('a file that is full waits for the end of the interval', async () => {
    const deck = await Deck.open('record video; record_max_frames 5; record_interval 3s;');
    const publisher = await deck.publisher();
    play(publisher, 5000);
    publisher.stop();
    expect(await deck.files()).toEqual(['s-1.flv', 's.flv']);
  });

  test('the next publisher begins the file anew, unless record_append is on', async () => {
    const deck = await Deck.open('record all;');
    const once = async (): Promise<number> => {
      const publisher = await deck.publisher();
      play(publisher, 2000);
      publisher.stop();
      expect(await deck.files()).toEqual(['s.flv']);
      return frames(deck.tags('s.flv')).length;
    };
    expect([await once(), await once()]).toEqual([50, 50]);
    await deck.reload('record all; record_append on;');
    expect(await once()).toBe(100);
    const times = deck.tags('s.flv').map(({ time }) => time);
    expect(times.slice(1).every((time, index) => index === 0 || time >= times[index]! - 30)).toBe(true);
    expect(deck.metadata('s.flv')['duration']).toBeGreaterThan(3.9);
    expect(deck.metadata('s.flv')['keyframes']).toMatchObject({ times: { length: 4 } });
    expect((await probePackets(deck.read('s.flv'))).length).toBeGreaterThan(250);
  });
});

describe('the disk', () => {
  test('folders are made; where they cannot be, the stream goes on', async () => {
    const deck = await Deck.open(
      'record all; record_suffix /deep/%%/x.flv; recorder bad { record all; record_path media.conf; }',
    );
    const publisher = await deck.publisher();
    play(publisher, 2000);
    publisher.stop();
    expect(await deck.files()).toEqual(['s']);
    expect(deck.read('s/deep/%/x.flv').length).toBeGreaterThan(10_000);
  });

  test('a file that is not closed yet is whole up to a moment ago', async () => {
    const deck = await Deck.open('record all;');
    const publisher = await deck.publisher();
    play(publisher, 3000);
    const complete = (): boolean =>
      existsSync(join(deck.station.folder, 'rec/s.flv')) && deck.read('s.flv').length > 50_000;
    await until(complete);
    const copy = deck.read('s.flv');
    expect((await probePackets(copy)).filter(({ codec_type: type }) => type === 'video').length).toBe(75);
    publisher.stop();
    await deck.files();
  });
});

describe('control and reload', () => {
  const get = async (deck: Deck, query: string): Promise<string> => {
    const { status, body } = await deck.station.get(`/control/record/${query}`);
    return `${status} ${status === 200 ? body.replace(deck.station.folder, '') : ''}`.trim();
  };

  test('manual recorders start and stop', async () => {
    const deck = await Deck.open(
      'record all manual; recorder x { record audio manual; record_suffix -x.flv; }',
    );
    const publisher = await deck.publisher();
    play(publisher, 1000);
    expect(await get(deck, 'stop?app=live&name=s')).toBe('204');
    expect(await get(deck, 'start?app=live&name=s')).toBe('200 /rec/s.flv');
    expect(await get(deck, 'start?app=live&name=s')).toBe('204');
    expect(await get(deck, 'start?app=live&name=s&rec=x')).toBe('200 /rec/s-x.flv');
    expect(await get(deck, 'start?app=live&name=s&rec=y')).toBe('500');
    expect(await get(deck, 'start?app=live&name=nobody')).toBe('204');
    expect(await get(deck, 'foo?app=live&name=s')).toBe('500');
    play(publisher, 1000);
    expect(await get(deck, 'stop?app=live&name=s')).toBe('200 /rec/s.flv');
    expect(await get(deck, 'stop?app=live&name=s')).toBe('204');
    play(publisher, 1000);
    expect(await get(deck, 'stop?app=live&name=s&rec=x')).toBe('200 /rec/s-x.flv');
    expect(await deck.files()).toEqual(['s-x.flv', 's.flv']);
    expect(frames(deck.tags('s.flv')).length).toBe(25);
    publisher.stop();
  });

  test('recorders come, change and go in mid-stream; others are left alone', async () => {
    const deck = await Deck.open('recorder a { record all; record_suffix -a.flv; }');
    const publisher = await deck.publisher();
    play(publisher, 2000);
    await deck.reload(
      'recorder a { record all; record_suffix -a.flv; } recorder b { record video; record_suffix -b.flv; record_max_frames 5; }',
    );
    play(publisher, 2000);
    await deck.reload('recorder a { record all; record_suffix -a.flv; }');
    play(publisher, 1000);
    await deck.reload('');
    play(publisher, 1000);
    publisher.stop();
    const files = await deck.files();
    expect(files.filter((file) => file.includes('-a'))).toEqual(['s-a.flv']);
    expect(frames(deck.tags('s-a.flv')).length).toBe(125);
    expect(files.filter((file) => file.includes('-b')).length).toBeGreaterThan(1);
  });
});

test('endpoints and programs are told, each recorder its own', async () => {
  const calls: string[] = [];
  const endpoint = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      calls.push(`${request.url} ${body}`);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void endpoint.close());
  await until(() => endpoint.listening);
  const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`;
  const deck = await Deck.open(`record all; on_record_done ${url}/done; on_record_started ${url}/started;
    exec_options on;
    exec_record_done /bin/echo never >$path.txt name=other;
    exec_record_done /bin/echo $name $path $filename $basename $dirname [$recorder] $size \${duration}ms >$path.txt name=s "name=a b";
    recorder x { record all; record_suffix -x.flv; on_record_done ${url}/x; on_record_started off; }`);
  const { folder } = deck.station;
  const publisher = await deck.publisher('a b', 'token=1&path=/etc');
  play(publisher, 1000);
  publisher.stop();
  await deck.files();
  await until(() => calls.length === 3);
  const base = 'app=live&flashver=enc&swfurl=&tcurl=&pageurl=&addr=127.0.0.1&clientid=7';
  const path = `${folder}/rec/a%2520b`;
  const told = (file: string): string => `size=${deck.read(file).length}&duration=998`;
  expect(calls.sort()).toEqual([
    `/done ${base}&call=record_done&recorder=&name=a%20b&path=${path}.flv&${told('a%20b.flv')}&token=1`,
    `/started ${base}&call=record_started&recorder=&name=a%20b&path=${path}.flv&token=1`,
    `/x ${base}&call=record_done&recorder=x&name=a%20b&path=${path}-x.flv&${told('a%20b-x.flv')}&token=1`,
  ]);
  const at = (file: string): string => join(folder, 'rec', file);
  await until(() => existsSync(at('a%20b.flv.txt')) && existsSync(at('a%20b-x.flv.txt')));
  await until(() => readFileSync(at('a%20b.flv.txt')).length > 0);
  expect(readFileSync(at('a%20b.flv.txt'), 'utf8')).toBe(
    `a b ${at('a%20b.flv')} a%20b.flv a%20b ${folder}/rec [] ${deck.read('a%20b.flv').length} 998ms\n`,
  );
});

test('record_interval_size goes on with the next file at a key frame, and loses no frame', async () => {
  const deck = await Deck.open('record all; record_interval_size 20k;');
  const publisher = await deck.publisher();
  play(publisher, 4000);
  publisher.stop();
  const files = await deck.files();
  expect(files.length).toBeGreaterThan(1);
  const of = files.map((file) => frames(deck.tags(file)));
  expect(of.flat().length).toBe(100);
  for (const all of of) expect(all[0]!.body[0]! >> 4, 'a key frame').toBe(1);
  // Numbers sort behind the first file's suffix; each of those that are full has its size, and no more than a group.
  const sizes = files.map((file) => deck.read(file).length).sort((one, other) => one - other);
  for (const size of sizes.slice(1)) expect(size).toBeGreaterThanOrEqual(20_480);
});

test('record_lock holds a lock on the file until it is closed, and one that is locked is recorded all the same', async () => {
  const deck = await Deck.open('record all; record_lock on;');
  const path = join(deck.station.folder, 'rec/s.flv');
  const isLocked = (): boolean =>
    readFileSync('/proc/locks', 'utf8').includes(`:${statSync(path).ino} `) &&
    spawnSync('flock', ['-n', path, 'true']).status !== 0;
  const publisher = await deck.publisher();
  play(publisher, 1000);
  await until(() => existsSync(path));
  await until(isLocked);
  publisher.stop();
  await deck.files();
  expect(isLocked()).toBe(false);
  const holder = spawn('flock', ['-x', path, 'sleep', '60'], { stdio: 'ignore', detached: true });
  onTestFinished(() => void process.kill(-holder.pid!, 'SIGKILL'));
  await until(isLocked);
  const next = await deck.publisher();
  play(next, 2000);
  next.stop();
  expect(await deck.files()).toEqual(['s.flv']);
  expect(frames(deck.tags('s.flv')).length).toBe(50);
});

test('record_notify tells the publisher of its files', async () => {
  const deck = await Deck.open('record all; record_notify on; recorder x { record all; record_path s.flv; }');
  const client = await deck.station.client('live');
  const id = await client.publish('s');
  const told = async (code: string) => (await client.status(`NetStream.Record.${code}`))['description'];
  const send = (from: number): void => {
    client.push(VIDEO, from, AVC_HEADER, id);
    client.push(VIDEO, from, keyFrame(1), id);
  };
  writeFileSync(join(deck.station.folder, 's.flv'), '');
  send(0);
  expect([await told('Start'), await told('Start')]).toEqual(['x', '']);
  // Its folder is a file.
  expect(await told('Failed')).toBe('x');
  expect((await deck.station.get('/control/record/stop?app=live&name=s')).status).toBe(200);
  expect(await told('Stop')).toBe('');
  client.destroy();
});

test('metadata of a publisher that is long or damaged leave the file as it should be', async () => {
  const deck = await Deck.open('record all;');
  const long = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`field${index}`, 'ü'.repeat(40)]),
  );
  for (const [index, body] of [
    writeAmf0('onMetaData', new EcmaArray({ ...long, duration: 9 })),
    Buffer.concat([writeAmf0('onMetaData'), Buffer.from([8, 0, 0, 0, 9, 0])]),
  ].entries()) {
    const publisher = await deck.publisher(`m${index}`);
    publisher.publication.describe(body, performance.now());
    play(publisher, 1000);
    publisher.stop();
    await deck.files();
    expect(deck.metadata(`m${index}.flv`)['duration']).toBeCloseTo(1, 1);
    expect((await probePackets(deck.read(`m${index}.flv`))).length).toBeGreaterThan(50);
  }
});

test('statistics show recorders, and what is being written', async () => {
  const deck = await Deck.open(
    'record all; record_unique off; recorder x { record keyframes manual; record_max_size 1m; record_interval 5s; }',
  );
  const publisher = await deck.publisher();
  play(publisher, 2000);
  const { file, size, time } = JSON.parse((await deck.station.get('/json')).body)['http-flv'].servers[0]
    .applications[0].live.streams[0].records[0];
  expect(file).toBe(join(deck.station.folder, 'rec/s.flv'));
  expect(size).toBeGreaterThan(1000);
  expect(time).toBeGreaterThanOrEqual(0);
  const xml = (await deck.station.get('/xml')).body.replaceAll('\r\n', '');
  expect(xml).toMatch(
    new RegExp(
      `<records><record><recorder></recorder><epoch>0</epoch><time_shift>0</time_shift><recording/><file>${file}</file>` +
        `<time>\\d+</time><size>${size}</size><nframes>\\d\\d+</nframes></record></records><meta>`,
    ),
  );
  expect(xml).toContain(
    '<recorders><count>2</count><recorder><id>x</id><flags><keyframes/><manual/></flags><path>rec</path>' +
      '<max_size>1048576</max_size><max_frames>0</max_frames><interval>5000</interval><suffix>.flv</suffix></recorder>' +
      '<recorder><id></id><flags><video/><audio/></flags><path>rec</path><max_size>0</max_size>' +
      '<max_frames>0</max_frames><interval>-1</interval><suffix>.flv</suffix></recorder></recorders></application>',
  );
  const debian = (await deck.station.get('/rtmp')).body.replaceAll('\r\n', '');
  expect(debian.match(/<publishing\/><recording\/><active\/>/g)).toHaveLength(2);
  expect(debian).toMatch(/<\/issues><records>.*<\/records><\/stream>/);
  const recordings = async () => JSON.parse((await deck.station.get('/api/recordings')).body);
  expect(await recordings()).toMatchObject({
    files: [{ app: 'live', stream: 's', recorder: '', file, bytes: size }],
    finished: [{ app: 'live', count: 0 }],
  });
  publisher.stop();
  expect(await recordings()).toMatchObject({ files: [], finished: [{ app: 'live', count: 1 }] });
  await deck.files();
});
