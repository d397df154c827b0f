import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { run } from '../ffmpeg.ts';
import { type Call, Endpoint } from '../modules/notify/endpoint.ts';
import { start, until } from './children.ts';
import { freePorts, type Mediad, makePlace, type Place, startMediad } from './harness.ts';
import { startNginx } from './nginx.ts';

const running: Mediad[] = [];

afterEach(async () => {
  for (const mediad of running.splice(0)) if (mediad.child.running) await mediad.stop();
});

async function mediad(conf: (place: Place) => string, place: Place): Promise<Mediad> {
  const started = await startMediad(conf, place);
  running.push(started);
  return started;
}

function publish(url: string) {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10', '-c:v', 'libx264', '-g', '5'];
  return start('ffmpeg', ['-nostdin', '-v', 'error', ...picture, '-f', 'flv', url]);
}

/** The folder of recordings, made since the originals do not. */
function folderOf(place: Place): string {
  const folder = place.path('rec');
  mkdirSync(folder, { recursive: true });
  return folder;
}

function settings(folder: string, endpoint: Endpoint): string {
  return `record all; record_path ${folder}; on_record_done ${endpoint.url}/done;
    exec_record_done /bin/echo $app $name $path $filename $basename $dirname $recorder >${folder}/told;
    recorder clip { record all manual; record_suffix -clip.flv; on_record_done ${endpoint.url}/clip;
      exec_record_done /bin/echo $path $recorder >${folder}/clip; }`;
}

async function probe(file: string): Promise<{ readonly seconds: number; readonly frames: number }> {
  const { stdout } = await run('ffprobe', [
    ...['-v', 'error', '-count_packets', '-select_streams', 'v', '-show_entries'],
    ...['stream=nb_read_packets:format=duration', '-of', 'json', file],
  ]);
  const { streams, format } = JSON.parse(stdout.toString());
  return { seconds: Number(format.duration), frames: Number(streams[0].nb_read_packets) };
}

/** Publishes, records a clip in between, and tells what was answered, called and run. */
async function perform(rtmp: number, http: number, folder: string, endpoint: Endpoint) {
  const publisher = await publish(`rtmp://127.0.0.1:${rtmp}/live/cam?key=1`);
  const answers: string[] = [];
  const control = async (method: string, query = 'name=cam&rec=clip'): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${http}/control/record/${method}?app=live&${query}`);
    const body = await answer.text();
    answers.push(`${answer.status} ${answer.status === 200 ? body.replace(folder, 'FOLDER') : ''}`);
  };
  await until('a recording', () => readdirSync(folder).some((file) => file.endsWith('.flv')), 20_000);
  await until('some of it', () => readFileSync(join(folder, readdirSync(folder)[0]!)).length > 2000, 20_000);
  const name = 'name=cam&rec=clip';
  for (const query of [name, name, 'name=none&rec=clip', 'name=cam&rec=none']) await control('start', query);
  await until(
    'a clip',
    () => {
      const clip = readdirSync(folder).find((file) => file.endsWith('-clip.flv'));
      return clip !== undefined && readFileSync(join(folder, clip)).length > 9000;
    },
    20_000,
  );
  await control('stop', name);
  await control('stop', name);
  await publisher.stop('SIGTERM');
  await until('both calls', () => endpoint.calls.length === 2, 20_000);
  await until('both programs', () => existsSync(join(folder, 'told')) && existsSync(join(folder, 'clip')));
  await until('their words', () =>
    ['told', 'clip'].every((file) => readFileSync(join(folder, file)).length > 0),
  );
  const words = ['told', 'clip'].map((file) =>
    readFileSync(join(folder, file), 'utf8').replaceAll(folder, 'FOLDER'),
  );
  const changing = ['clientid', 'tcurl', 'flashver'];
  const fields = (call: Call): string =>
    call.fields
      .map(([field, value]) => `${field}=${changing.includes(field) ? '' : value.replace(folder, 'FOLDER')}`)
      .join('&');
  return { answers, words, calls: endpoint.calls.map((call) => `${call.path} ${fields(call)}`).sort() };
}

describe('recordings', () => {
  test('beside nginx with its RTMP module: answers, callbacks and programs are the same', async () => {
    const [theirs, ours] = [await Endpoint.start(), await Endpoint.start()];
    const [there, here] = [await makePlace(), await makePlace()];
    const [rtmp, http] = (await freePorts(2)) as [number, number];
    const [folder, own] = [folderOf(there), folderOf(here)];
    await startNginx(
      there,
      rtmp,
      `application live { live on; ${settings(folder, theirs)} }`,
      `http { access_log off; server { listen 127.0.0.1:${http}; location /control { rtmp_control all; } } }`,
    );
    await mediad(
      (place) => `rtmp { server { listen 127.0.0.1:${place.rtmp};
        application live { live on; ${settings(own, ours)} } } }
        http { server { listen 127.0.0.1:${place.http}; location /control { rtmp_control all; } } }`,
      here,
    );
    const nginx = await perform(rtmp, http, folder, theirs);
    const mine = await perform(here.rtmp, here.http, own, ours);
    // On purpose: they say besides how large and how long the file is.
    const more = /&size=[1-9][0-9]+&duration=[0-9]+/;
    for (const call of mine.calls) expect(call).toMatch(more);
    expect({ ...mine, calls: mine.calls.map((call) => call.replace(more, '')) }).toEqual(nginx);
    expect(nginx.answers[0]).toMatch(/^200 FOLDER/);
  }, 60_000);

  test('are whole after SIGTERM, and can be played after SIGKILL', async () => {
    const endpoint = await Endpoint.start();
    const place = await makePlace();
    const conf = ({ rtmp }: Place): string => `rtmp { server { listen 127.0.0.1:${rtmp};
      application live { live on; record all; record_path rec; on_record_done ${endpoint.url}; } } }`;
    const files = (): readonly string[] =>
      existsSync(place.path('rec'))
        ? readdirSync(place.path('rec')).map((file) => join(place.path('rec'), file))
        : [];
    for (const [name, signal] of [
      ['term', 'SIGTERM'],
      ['kill', 'SIGKILL'],
    ] as const) {
      const server = await mediad(conf, place);
      const publisher = await publish(server.rtmpUrl('live', name));
      const file = (): string | undefined => files().find((one) => one.endsWith(`${name}.flv`));
      await until('two seconds', () => file() !== undefined && readFileSync(file()!).length > 25_000, 20_000);
      await server.child.stop(signal);
      await publisher.stop('SIGKILL');
      const { seconds, frames } = await probe(file()!);
      expect(seconds).toBeGreaterThan(0.5);
      expect(frames).toBeGreaterThan(5);
    }
    expect(endpoint.calls.map((call) => call.get('name'))).toEqual(['term']);
  }, 60_000);
});
