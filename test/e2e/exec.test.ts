// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of the configuration
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { VIDEO } from '../../src/media/packet.ts';
import { connectTo, openClient, type RtmpClient } from '../rtmp/client.ts';
import { until } from './children.ts';
import { type Mediad, makePlace, type Place, runMediad, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { startNginx } from './nginx.ts';
import { frames, playFlv, playRtmp, untilReceived } from './players.ts';

function conf(place: Place, applications: string, around = ''): string {
  return `
error_log stderr info;
rtmp { ${around} server { listen 127.0.0.1:${place.rtmp}; ${applications} } }
http { access_log off; server { listen 127.0.0.1:${place.http}; location /live { flv_live on; } } }
`;
}

/** A script in the folder; gives its path. */
function script(place: Place, name: string, text: string): string {
  const path = place.path(name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** A script that writes a line with its process number and then lasts, so as to be seen. */
function lasting(place: Place, name: string): string {
  return script(place, name, `echo "$$ $*" >>${place.path(`${name}.log`)}; exec sleep 1000`);
}

/** A script that forks, and does not listen to TERM with any of its processes. */
function stubborn(place: Place): string {
  return script(
    place,
    'stubborn',
    `trap "" TERM
sh -c 'trap "" TERM; echo $$ >>${place.path('pids')}; while :; do sleep 1000; done' &
echo $$ >>${place.path('pids')}
while :; do sleep 1000; done`,
  );
}

/** The process numbers that scripts have noted, and what they noted with them. */
function noted(place: Place, file: string): readonly { readonly pid: number; readonly text: string }[] {
  return lines(place.path(file)).map((line) => ({
    pid: Number.parseInt(line, 10),
    text: line.replace(/^[0-9]+ ?/, ''),
  }));
}

function lines(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

/** The processes of this machine that have a text in their command line. */
function commandsWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^[0-9]+$/.test(pid))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return command.includes(text) ? [command] : [];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function publish(mediad: Mediad, name: string, application = 'live'): Promise<RtmpClient> {
  const client = await connectTo(mediad.place.rtmp, application);
  await client.publish(name);
  return client;
}

test('ffmpeg hands streams on to this very server while they are published', async () => {
  const source = await fixture('plain');
  const mediad = await startMediad((place) =>
    conf(
      place,
      `application live { live on;
         exec ffmpeg -nostdin -i rtmp://127.0.0.1:${place.rtmp}/$app/$name
                     -c copy -f flv rtmp://127.0.0.1:${place.rtmp}/show/$name_src
                     -an -c:v libx264 -preset ultrafast -threads 1 -vf "scale=160:trunc(ow/a/2)*2" -g 25
                     -f flv rtmp://127.0.0.1:${place.rtmp}/show/\${name}_low 2>>${place.path('ffmpeg')}-$name.log;
       }
       application show { live on; }`,
    ),
  );
  const publisher = await publishFile(source, mediad.rtmpUrl('live', 'cam'), { loop: true });
  for (const name of ['cam_src', 'cam_low']) {
    const player = playRtmp(mediad.rtmpUrl('show', name));
    await untilReceived(player, 20, 30_000);
    expect(frames(player, VIDEO).length).toBeGreaterThan(0);
    player.close();
  }
  expect(readFileSync(mediad.place.path('ffmpeg-cam.log'), 'utf8')).toContain('/show/cam_low');
  const programs = () => commandsWith(mediad.rtmpUrl('show', ''));
  expect(programs()).toHaveLength(1);
  await publisher.stop();
  await until('ffmpeg is gone', () => programs().length === 0);
  await mediad.stop();
});

test('programs that ignore TERM and fork leave nothing behind, in twenty rounds', async () => {
  const mediad = await startMediad((place) =>
    conf(place, `exec_kill_timeout 100ms; application live { live on; exec ${stubborn(place)} $name; }`),
  );
  const { place } = mediad;
  for (let round = 1; round <= 20; round += 1) {
    const publisher = await publish(mediad, 'cam');
    await until(`round ${round} runs`, () => noted(place, 'pids').length === 2 * round);
    publisher.destroy();
    await until('the publisher is gone', () => mediad.log().split('publish ended').length === round + 1);
  }
  await until('all are gone', () => noted(place, 'pids').every(({ pid }) => !isRunning(pid)), 5000);
  expect(mediad.log()).toContain('killed');
  await mediad.stop();
});

test('nothing goes on after the server was killed', async () => {
  const mediad = await startMediad((place) =>
    conf(
      place,
      `exec_static ${lasting(place, 'static')};
       application live { live on; exec ${stubborn(place)}; exec_push ${lasting(place, 'push')}; }`,
    ),
  );
  const { place } = mediad;
  const publisher = await publish(mediad, 'cam');
  const all = () => ['pids', 'push.log', 'static.log'].flatMap((file) => noted(place, file));
  await until('all run', () => all().length === 4);
  expect(all().every(({ pid }) => isRunning(pid))).toBe(true);
  mediad.child.stop('SIGKILL');
  await until('all are gone', () => all().every(({ pid }) => !isRunning(pid)), 5000);
  publisher.destroy();
});

test('a stop of the server waits for programs to end, and kills what does not', async () => {
  const mediad = await startMediad((place) => {
    const slow = script(
      place,
      'slow',
      `trap 'sleep 0.3; echo done >>${place.path('slow.log')}; exit' TERM; echo ready >>${place.path('slow.log')}
       while :; do sleep 0.05; done`,
    );
    return conf(
      place,
      `exec_kill_timeout 1s; application live { live on; exec ${slow}; exec ${stubborn(place)}; }`,
    );
  });
  const { place } = mediad;
  const publisher = await publish(mediad, 'cam');
  await until(
    'both run',
    () => lines(place.path('slow.log')).length === 1 && noted(place, 'pids').length === 2,
  );
  await mediad.stop();
  expect(lines(place.path('slow.log'))).toEqual(['ready', 'done']);
  expect(noted(place, 'pids').filter(({ pid }) => isRunning(pid))).toEqual([]);
  publisher.destroy();
});

test('a reload in mid-stream touches the programs of changed lines only', async () => {
  const place = await makePlace();
  const program = lasting(place, 'p');
  const text = (...args: readonly string[]): string =>
    conf(place, `application live { live on; ${args.map((arg) => `exec ${program} ${arg};`).join(' ')} }`);
  const mediad = await startMediad(text('a $name', 'b'), place);
  const running = (): readonly string[] =>
    noted(place, 'p.log')
      .filter(({ pid }) => isRunning(pid))
      .map(({ pid, text: said }) => `${said} ${pid}`);
  const publisher = await publish(mediad, 'cam');
  await until('both run', () => running().length === 2);
  const before = running();

  expect((await mediad.reload(text('c', 'a $name', 'b x'))).code).toBe(0);
  await until('two new ones run', () => noted(place, 'p.log').length === 4 && running().length === 3);
  expect(
    running()
      .map((one) => one.replace(/ [0-9]+$/, ''))
      .sort(),
  ).toEqual(['a cam', 'b x', 'c']);
  expect(running()).toContain(before.find((one) => one.startsWith('a')));

  expect((await mediad.reload(text('a $name'))).code).toBe(0);
  await until('one runs', () => running().length === 1);
  expect(running()).toEqual([before.find((one) => one.startsWith('a'))]);
  expect((await mediad.reload(text())).code).toBe(0);
  await until('none runs', () => running().length === 0);
  expect(noted(place, 'p.log')).toHaveLength(4);
  publisher.destroy();
  await mediad.stop();
});

test('the publisher may return within publish_gap without its programs noticing', async () => {
  const mediad = await startMediad((place) =>
    conf(
      place,
      `application live { live on; publish_gap 1s; exec ${lasting(place, 'p')} $name;
         exec_publish ${script(place, 'e', `echo "$@" >>${place.path('e.log')}`)} start $name;
         exec_publish_done ${place.path('e')} stop $name; }`,
    ),
  );
  const { place } = mediad;
  const url = mediad.rtmpUrl('live', 'cam');
  const source = await fixture('plain');
  for (let round = 1; round <= 2; round += 1) {
    const publisher = await publishFile(source, url);
    await until('it is told', () => lines(place.path('e.log')).length === 2 * round - 1);
    await until('it runs', () => noted(place, 'p.log').length === 1);
    const player = playRtmp(url);
    await untilReceived(player, 5);
    player.close();
    await publisher.stop();
    await until('it is told', () => lines(place.path('e.log')).length === 2 * round);
  }
  const { pid } = noted(place, 'p.log')[0]!;
  expect(isRunning(pid)).toBe(true);
  await until('it has ended', () => !isRunning(pid));
  expect(noted(place, 'p.log')).toHaveLength(1);
  expect(lines(place.path('e.log')).toSorted()).toEqual(['start cam', 'start cam', 'stop cam', 'stop cam']);
  await mediad.stop();
});

test('exec_static runs once for each line, wherever it stands, and again when it ends', async () => {
  const place = await makePlace();
  const program = lasting(place, 's');
  const text = (more = ''): string =>
    conf(
      place,
      `exec_static ${program} server $x; application live { live on; exec_static ${program} app; } }
       server { listen 127.0.0.1:${place.spare[0]}; application live { live on; }`,
      `respawn off; respawn_timeout 50ms; exec_static ${program} rtmp; ${more}`,
    );
  const mediad = await startMediad(text(), place);
  const running = () => noted(place, 's.log').filter(({ pid }) => isRunning(pid));
  await until('three run', () => running().length === 3);
  expect(
    running()
      .map((one) => one.text)
      .sort(),
  ).toEqual(['app', 'rtmp', 'server $x']);
  const [first] = running();
  process.kill(first!.pid, 'SIGKILL');
  await until('it runs again', () => running().length === 3 && noted(place, 's.log').length === 4);
  expect(mediad.log()).toContain('signal SIGKILL');

  const before = running()
    .map(({ pid }) => pid)
    .sort();
  expect((await mediad.reload(text(`exec_static ${program} more;`))).code).toBe(0);
  await until('one more runs', () => running().length === 4);
  expect((await mediad.reload(text())).code).toBe(0);
  await until('it has ended', () => running().length === 3);
  expect(
    running()
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual(before);
  await mediad.stop();
  expect(running()).toEqual([]);
});

test('exec_pull publishes a stream as long as somebody plays it', async () => {
  const source = await fixture('plain');
  const mediad = await startMediad((place) =>
    conf(
      place,
      `application live { live on; exec_options on;
         exec_pull ffmpeg -nostdin -v error -re -stream_loop -1 -i ${source} -c copy -f flv
                          rtmp://127.0.0.1:${place.rtmp}/$app/$name name=film; }`,
    ),
  );
  const url = `rtmp://127.0.0.1:${mediad.place.rtmp}/live/film`;
  const programs = (): number =>
    mediad.log().split('program started').length - mediad.log().split('program stopped').length;
  const first = playRtmp(url);
  await untilReceived(first, 5, 20_000);
  const second = playFlv(mediad.httpUrl('/live/film.flv'));
  await untilReceived(second, 5);
  first.close();
  await untilReceived(second, second.received.length + 20);
  expect(programs()).toBe(1);
  second.close();
  await until('nothing runs', () => programs() === 0);

  const third = playFlv(mediad.httpUrl('/live/film.flv'));
  await untilReceived(third, 5, 20_000);
  third.close();
  const other = playFlv(mediad.httpUrl('/live/other.flv'));
  await until('it is refused', () => other.status === 404);
  await until('nothing runs', () => programs() === 0);
  await mediad.stop();
});

test('a program that is not there is told of by the check, at the start, and when it should run', async () => {
  const place = await makePlace();
  const text = conf(place, 'application live { live on;\n  exec nosuchprogram -i $nam; }');
  const mediad = await startMediad(text, place);
  const { code, output } = await runMediad('-t', '-c', place.conf);
  expect(code).toBe(0);
  const message = 'nosuchprogram is not found, but application "live" uses exec';
  expect(output).toContain(message);
  expect(output).toContain(`${place.conf}:4:3`);
  expect(output).toContain('unknown variable "$nam"');
  await until('it is logged', () => mediad.log().includes(JSON.stringify(message).slice(1, -1)));
  const publisher = await publish(mediad, 'cam');
  await until('it is logged', () => /"level":"error".*nosuchprogram is not found"/.test(mediad.log()));
  publisher.destroy();
  await mediad.stop();
});

describe('beside nginx', () => {
  /** One of each shape that configurations have; DUMP is a script that writes down its arguments, OUT a folder. */
  const LINES = {
    ladder: `exec DUMP ladder -i rtmp://localhost:1935/$app/$name -async 1
        -c:v libx264 -b:v 256k -vf "scale=480:trunc(ow/a/2)*2" -f flv rtmp://localhost/hls/$name_low
        -force_key_frames "expr:gte(t,n_forced*1)" -x264-params keyint=20:scenecut=1
        -c copy -f flv rtmp://localhost/hls/$name_1080p4128kbs?token=__TOKEN__;`,
    braces:
      "exec_push DUMP braces rtmp://localhost/small/${name} ${app}-${name}.x -vf scale='-1:${RESOLUTION}';",
    session: "exec_push DUMP session $addr '$flashver' $tcurl $swfurl $pageurl $args '' end;",
    edges: 'exec_push DUMP edges a\\,b $$name a$-b $NAME $namelow $name128 "\\$name" \'a "b"\' x$ ${name ;',
    log: 'exec_push DUMP log $app 2>>OUT/log-$name.err;',
    both: 'exec_push DUMP both 1>OUT/both.out 2>&1;',
    named: 'exec_push DUMP named name=cam $name;',
    unnamed: 'exec_push DUMP unnamed name=other $name;',
    shell: 'exec_push /bin/sh -c "echo $name >>OUT/shell";',
    static: 'exec_static DUMP static $name a\\b >OUT/static.out;',
    publish: 'exec_publish DUMP publish + $name;',
    done: 'exec_publish_done DUMP done - $name;',
    play: 'exec_play DUMP play $app $name $args $addr;',
    playDone: 'exec_play_done DUMP playDone $name;',
    pull: 'exec_pull DUMP pull http://localhost/$name.mp4 $app $args;',
  };

  /** Runs a publisher and a player, and gives what every line has left in the folder. */
  async function act(port: number, out: string): Promise<Readonly<Record<string, string>>> {
    const written = (...names: readonly string[]) =>
      until(`${names.join()} are written`, () =>
        names.every((name) => existsSync(`${out}/${name}`) && readFileSync(`${out}/${name}`, 'utf8') !== ''),
      );
    const facts = {
      tcUrl: 'rtmp://h/live',
      flashVer: 'A/1 (b)',
      swfUrl: 'http://s',
      pageUrl: 'http://p/?q=1',
    };
    const publisher = await openClient(port);
    await publisher.connect('live', facts);
    await publisher.publish('cam?a=1&b=2');
    await written('ladder', 'braces', 'session', 'edges', 'log', 'both.out', 'named', 'shell', 'publish');
    const player = await connectTo(port, 'live');
    player.call('play', [null, 'film?x=y', -2], await player.createStream());
    await written('play', 'pull');
    player.destroy();
    await written('playDone');
    publisher.destroy();
    await written('done', 'static.out');
    return Object.fromEntries(
      readdirSync(out)
        .sort()
        // nginx first writes the command line to descriptor 2 itself.
        .map((name) => [name, readFileSync(`${out}/${name}`, 'utf8').replace(/^'.*' \n/gm, '')]),
    );
  }

  function prepare(place: Place, name: string): { readonly out: string; readonly application: string } {
    const out = place.path(name);
    mkdirSync(out);
    const dump = script(
      place,
      `${name}.sh`,
      `if [ "$1" = static ]; then for a; do printf '[%s]' "$a"; done; exit; fi
for a; do printf '[%s]' "$a"; done >>${out}/$1; echo out; echo err >&2`,
    );
    const all = Object.values(LINES).join('\n').replaceAll('DUMP', dump).replaceAll('OUT', out);
    return { out, application: `application live { live on; respawn off; exec_options on; ${all} }` };
  }

  test('command lines and redirections are the same', async () => {
    const place = await makePlace();
    const theirs = prepare(place, 'theirs');
    const port = place.spare[0]!;
    await startNginx(place, port, theirs.application);
    const ours = prepare(place, 'ours');
    const mediad = await startMediad(conf(place, ours.application), place);
    const [expected, found] = [await act(port, theirs.out), await act(place.rtmp, ours.out)];
    expect(found).toEqual(expected);
    expect(found['ladder']).toContain('[rtmp://localhost/hls/cam_low]');
    await mediad.stop();
  });
});
