import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, watch as watchFolder } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isAlive } from '../../src/daemon/pid-file.ts';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { readMediaPlaylist } from '../../src/wire/m3u8.ts';
import { each, Wolf } from '../hostile/wolf.ts';
import { Endpoint } from '../modules/notify/endpoint.ts';
import { until } from './children.ts';
import {
  agree,
  bodies,
  conf,
  mediad,
  ownerOf,
  play,
  players,
  publish,
  publishers,
  workersOf,
} from './crew.ts';
import { makePlace } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { type Player, playFlv, playRtmp, untilReceived } from './players.ts';

describe('workers', () => {
  test.each([2, 3])(
    'any of %d plays what one was given, to the byte, over RTMP and HTTP-FLV',
    async (count) => {
      const server = await mediad(conf(count, 'gop_cache on;'));
      await publish(server);
      const all = await play(server, count);
      for (const player of all) await untilReceived(player, 150, 20_000);
      const status = await workersOf(server);
      expect(status.map(({ viewers }) => viewers)).toEqual(Array.from({ length: count }, () => 2));
      expect(status.reduce((sum, one) => sum + one.publishers, 0)).toBe(1);
      const [first, ...others] = all;
      for (const other of others) {
        expect(agree(bodies(first!, VIDEO), bodies(other, VIDEO))).toBe(true);
        expect(agree(bodies(first!, AUDIO), bodies(other, AUDIO))).toBe(true);
      }
    },
    60_000,
  );

  test('players who wait at any worker get the stream when it is published', async () => {
    const server = await mediad(conf(2));
    const waiting: Player[] = [];
    const everywhere = async (): Promise<boolean> =>
      (await workersOf(server)).every(({ viewers }) => viewers > 0);
    // Connections go to the workers in turn, but a busy one gets fewer.
    while (waiting.length < 4 || (waiting.length < 20 && !(await everywhere()))) {
      const player = playRtmp(server.rtmpUrl('live', 'cam'));
      players.push(player);
      waiting.push(player);
      await until('it waits', () => player.status !== undefined);
    }
    expect(await everywhere()).toBe(true);
    await publish(server);
    for (const player of waiting) await untilReceived(player, 50);
    const left = publishers.splice(0);
    for (const publisher of left) await publisher.stop('SIGTERM');
    await until('it is over', () => server.log().includes('publish ended'));
    const before = waiting.map(({ received }) => received.length);
    await publish(server);
    for (const [at, player] of waiting.entries()) await untilReceived(player, before[at]! + 50);
  }, 60_000);

  test('a name has one publisher in the whole server', async () => {
    const server = await mediad(conf(2));
    await publish(server);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const second = await publishFile(await fixture('plain'), server.rtmpUrl('live', 'cam'));
      publishers.push(second);
      expect((await second.ended).code).not.toBe(0);
    }
    expect(server.log().match(/publish started/g)).toHaveLength(1);
    expect(server.log()).toContain('Already publishing');
  }, 60_000);

  test('a takeover reaches over workers, and players anywhere go on', async () => {
    const server = await mediad(conf(2, 'publish_conflict takeover;'));
    const first = await publish(server);
    const owner = await ownerOf(server);
    const all = await play(server, 2);
    for (const player of all) await untilReceived(player, 50);
    // Every second connection comes to the other worker.
    const status = async (): Promise<number> => (await ownerOf(server)).worker;
    await publish(server);
    await first.ended;
    if ((await status()) === owner.worker) await publish(server);
    expect(await status()).not.toBe(owner.worker);
    const before = all.map(({ received }) => received.length);
    for (const [at, player] of all.entries()) await untilReceived(player, before[at]! + 100);
  }, 60_000);

  test.each(['owner', 'other'])(
    'of a worker that is killed (the %s) only its own connections end',
    async (which) => {
      const server = await mediad(conf(2, 'publish_gap 10s; publish_conflict takeover;'));
      await publish(server);
      const owner = await ownerOf(server);
      const all = await play(server, 2);
      for (const player of all) await untilReceived(player, 50);
      const status = await workersOf(server);
      const victim = which === 'owner' ? owner : status.find(({ worker }) => worker !== owner.worker)!;
      process.kill(victim.pid, 'SIGKILL');
      await until('its players end', () => all.filter(({ ended }) => ended !== undefined).length === 2);
      await until('it serves again', () => server.log().includes('a worker serves again'));
      if (which === 'owner') await publish(server);
      const rest = all.filter(({ ended }) => ended === undefined);
      expect(rest).toHaveLength(2);
      const before = rest.map(({ received }) => received.length);
      for (const [at, player] of rest.entries()) await untilReceived(player, before[at]! + 100);
      const after = await workersOf(server);
      expect(after.map(({ pid }) => pid)).not.toContain(victim.pid);
      const again = await play(server, 2, 1);
      for (const player of again) await untilReceived(player, 50);
      const viewers = (await workersOf(server)).map((one) => one.viewers);
      expect([...viewers].sort()).toEqual([1, 3]);
    },
    60_000,
  );

  test('whoever comes to the sockets between them harms nobody', async () => {
    const server = await mediad(conf(2));
    const { place } = server;
    await publish(server);
    const all = await play(server, 2);
    for (const player of all) await untilReceived(player, 50);
    const pids = (await workersOf(server)).map(({ pid }) => pid);
    const [folder] = readdirSync(place.directory).filter((name) => name.startsWith('mediad-'));
    expect(lstatSync(place.path(folder!)).mode & 0o7777).toBe(0o700);
    const requests = ['', '{"place":', 'x'.repeat(70_000), '\xff\xfe\n', '{}\n'];
    const wolves: Wolf[] = [];
    await each(Array.from({ length: 2000 }).keys(), 50, async (at) => {
      const wolf = new Wolf(place.path(`${folder}/worker-${1 + (at % 2)}.sock`));
      wolves.push(wolf);
      await wolf.send(requests[at % requests.length]!);
    });
    const before = all.map(({ received }) => received.length);
    for (const [at, player] of all.entries()) await untilReceived(player, before[at]! + 100);
    for (const player of all.slice(1))
      expect(agree(bodies(all[0]!, VIDEO), bodies(player, VIDEO))).toBe(true);
    await until('they are let go', () => wolves.every(({ closed }) => closed), 10_000);
    for (const player of await play(server, 2, 1)) await untilReceived(player, 50);
    expect((await workersOf(server)).map(({ pid }) => pid)).toEqual(pids);
    expect(all.filter(({ ended }) => ended !== undefined)).toEqual([]);
  }, 60_000);

  test('programs get nothing of the channel between them', async () => {
    const place = await makePlace();
    const [files, variables] = [place.path('files'), place.path('variables')];
    const command = `sh -c "ls /proc/self/fd > ${files}; env > ${variables}.new; mv ${variables}.new ${variables}; exec sleep 100"`;
    const server = await mediad(conf(2, `exec_push ${command};`), place);
    await publish(server);
    await until('the program runs', () => existsSync(variables));
    // What the test itself was started with, everything below it has. ls has the folder open that it lists.
    const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    expect(readFileSync(files, 'utf8')).toBe(stdout);
    const found = readFileSync(variables, 'utf8');
    expect(found).toContain('PATH=');
    expect(found).not.toContain('NODE_CHANNEL');
  }, 30_000);

  test('callbacks, recordings, segments and programs of a stream run once', async () => {
    const endpoint = await Endpoint.start();
    const place = await makePlace();
    const application = `
      on_publish ${endpoint.url}/publish; on_done ${endpoint.url}/done;
      record all; record_path ${place.directory}; record_unique on;
      hls on; hls_path ${place.path('hls')}; hls_fragment 1s;
      exec_push sh -c "echo run >> ${place.path('ran')}; sleep 100";`;
    mkdirSync(place.path('hls'));
    // A file is told of once when it comes by its name, and would be again with another content.
    const made = new Map<string, number>();
    const watch = watchFolder(place.path('hls'), (_, name) => {
      if (name?.endsWith('.ts')) made.set(name, (made.get(name) ?? 0) + 1);
    });
    onTestFinished(() => watch.close());
    const server = await mediad(conf(3, application), place);
    await publish(server);
    const all = await play(server, 3);
    for (const player of all) await untilReceived(player, 150, 20_000);
    await until('there are segments', () => made.size >= 2, 20_000);
    await until('the program has run', () => existsSync(place.path('ran')));
    expect(endpoint.named('publish')).toHaveLength(1);
    expect(readdirSync(place.directory).filter((name) => name.endsWith('.flv'))).toHaveLength(1);
    expect(readFileSync(place.path('ran'), 'utf8')).toBe('run\n');
    for (const publisher of publishers.splice(0)) await publisher.stop('SIGTERM');
    await until('the end is told', () => endpoint.named('done').length >= 1);
    // By its end the server has told all there is to tell, and written what it had.
    await server.stop();
    expect(endpoint.named('publish')).toHaveLength(1);
    const ended = endpoint.named('done').map((call) => call.get('clientid'));
    expect([ended.length, new Set(ended).size]).toEqual([1 + all.length, 1 + all.length]);
    const listed = readMediaPlaylist(readFileSync(place.path('hls/cam.m3u8'), 'utf8'));
    await until('every segment is told of', () => made.size === listed?.segments.length);
    expect([...made]).toEqual(listed?.segments.map(({ uri }) => [uri, 1]));
  }, 60_000);

  test('a reload reaches all workers, and drops nobody', async () => {
    const server = await mediad(conf(2));
    const { place } = server;
    await publish(server);
    const all = await play(server, 2);
    for (const player of all) await untilReceived(player, 50);
    const next = conf(
      2,
      '',
      '',
      'location /new { return 200 yes; }',
    )(place).replace(
      `listen 127.0.0.1:${place.http};`,
      `listen 127.0.0.1:${place.http}; listen 127.0.0.1:${place.spare[0]};`,
    );
    const { code, output } = await server.reload(next);
    expect(output).toContain('1 publisher and 4 viewers kept');
    expect(code).toBe(0);
    for (const port of [place.http, place.spare[0]!, place.http, place.spare[0]!]) {
      expect(await (await fetch(`http://127.0.0.1:${port}/new`)).text()).toBe('yes');
    }
    const before = all.map(({ received }) => received.length);
    for (const [at, player] of all.entries()) await untilReceived(player, before[at]! + 50);
  }, 60_000);

  test('a reload that fails anywhere changes nothing anywhere', async () => {
    const place = await makePlace();
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(place.spare[1], '127.0.0.1', resolve));
    const server = await mediad(conf(2), place);
    const good = conf(2)(place);
    const http = `listen 127.0.0.1:${place.http};`;
    const bad = [
      [good.replace(http, `${http} listen 127.0.0.1:${place.spare[1]};`), 'is used by pid'],
      [
        good.replace(
          http,
          `${http} listen 127.0.0.1:${place.spare[2]} ssl; ssl_certificate no.pem; ssl_certificate_key no.pem;`,
        ),
        'no.pem',
      ],
      [good.replace('live on;', 'live onn;'), 'onn'],
    ] as const;
    for (const [text, reason] of bad) {
      const { code, output } = await server.reload(text);
      expect(output).toContain(reason);
      expect(output).toContain('reload refused');
      expect(code).toBe(1);
      for (let at = 0; at < 2; at += 1) expect((await fetch(server.httpUrl('/pid'))).status).toBe(200);
    }
    busy.close();
    const { code } = await server.reload(good.replace(http, `${http} listen 127.0.0.1:${place.spare[1]};`));
    expect(code).toBe(0);
    expect((await fetch(`http://127.0.0.1:${place.spare[1]}/pid`)).status).toBe(200);
  }, 60_000);

  test.each(['SIGTERM', 'SIGQUIT', 'SIGINT'] as const)(
    '%s leaves nothing',
    async (signal) => {
      const server = await mediad(conf(2));
      const pids = (await workersOf(server)).map(({ pid }) => pid);
      const sockets = (): readonly string[] =>
        readdirSync(server.place.directory).filter((name) => name.startsWith('mediad-'));
      expect(sockets()).toHaveLength(1);
      const access = await fetch(server.httpUrl('/pid'));
      expect(pids).toContain(Number(await access.text()));
      await server.stop(signal);
      expect(pids.filter(isAlive)).toEqual([]);
      expect(sockets()).toEqual([]);
    },
    30_000,
  );

  test('workers of a primary that is killed end, and the next start finds its way free', async () => {
    const server = await mediad(conf(2));
    const pids = (await workersOf(server)).map(({ pid }) => pid);
    await server.child.stop('SIGKILL');
    await until('its workers end', () => pids.every((pid) => !isAlive(pid)));
    const next = await mediad(conf(2), server.place);
    const folders = readdirSync(server.place.directory).filter((name) => name.startsWith('mediad-'));
    expect(folders).toEqual([expect.stringMatching(`^mediad-${next.pid}-`)]);
  }, 30_000);
});

describe('workers fetch from elsewhere', () => {
  test('what players anywhere ask for is pulled once, for as long as there are any', async () => {
    const source = await mediad(conf(1));
    await publish(source);
    const server = await mediad(conf(2, `idle_streams off; pull ${source.rtmpUrl('live', 'cam')};`));
    const opened = [0, 1, 2, 3].map(() => playFlv(server.httpUrl('/live/cam.flv')));
    players.push(...opened);
    for (const player of opened) await untilReceived(player, 100);
    expect((await workersOf(server)).map(({ viewers }) => viewers > 0)).toEqual([true, true]);
    expect(source.log().match(/play started/g)).toHaveLength(1);
    expect(server.log()).not.toContain('pull failed');
    for (const player of opened) player.close();
    await until('the pull ends', () => source.log().includes('play ended'), 20_000);
  }, 60_000);

  test('static pulls and programs run in one of them, and again when that one was killed', async () => {
    const source = await mediad(conf(1));
    await publish(source);
    const place = await makePlace();
    const application = `pull ${source.rtmpUrl('live', 'cam')} name=far static;
      exec_static sh -c "echo run >> ${place.path('ran')}; exec sleep 100";`;
    const server = await mediad(conf(3, application), place);
    const ran = (): number =>
      existsSync(place.path('ran')) ? readFileSync(place.path('ran'), 'utf8').length / 4 : 0;
    await until('it is pulled', () => source.log().includes('play started'));
    await until('the program runs', () => ran() === 1);
    const [first] = await workersOf(server);
    process.kill(first!.pid, 'SIGKILL');
    await until('it is pulled again', () => source.log().match(/play started/g)?.length === 2);
    await until('the program runs again', () => ran() === 2);
    const all = await play(server, 3, 1, 'far');
    for (const player of all) await untilReceived(player, 50);
    expect(source.log().match(/play started/g)).toHaveLength(2);
    expect(ran()).toBe(2);
  }, 60_000);

  test('a program that brings a stream runs once, and may publish to any of them', async () => {
    const place = await makePlace();
    const command = `sh -c "echo run >> ${place.path('ran')}; exec ffmpeg -nostdin -v error -re -stream_loop -1 -i ${await fixture('plain')} -c copy -f flv rtmp://127.0.0.1:${place.rtmp}/live/$name"`;
    const server = await mediad(conf(2, `idle_streams off; exec_pull ${command};`), place);
    const opened = [0, 1, 2, 3].map(() => playFlv(server.httpUrl('/live/cam.flv')));
    players.push(...opened);
    for (const player of opened) await untilReceived(player, 100, 20_000);
    expect(readFileSync(place.path('ran'), 'utf8')).toBe('run\n');
    for (const player of opened) player.close();
    await until('the program is ended', () => server.log().includes('publish ended'), 20_000);
  }, 60_000);
});
