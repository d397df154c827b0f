import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Crowd } from '../reloads/crowd.ts';
import { seeded } from '../reloads/variants.ts';
import { conf, holds, type Outcome, pause, playlistOf, type Scene } from './fault.ts';

/** How long a start may take, ms. */
const START_MS = 3000;

/** Kills a server at random moments of its life, and looks at what the next one makes of what it finds. */
export async function runKills(scene: Scene, times: number, seed: number): Promise<Outcome> {
  const problems: string[] = [];
  const random = seeded(seed);
  const text = conf(scene, { application: 'hls_path hls; hls_playlist_length 10s;' });
  let [slowest, total, partial, numbers] = [0, 0, 0, 0];
  let last = -1;
  for (let round = 0; round < times; round += 1) {
    const name = `start ${round}`;
    const began = performance.now();
    const victim = await scene.start(text);
    const took = performance.now() - began;
    slowest = Math.max(slowest, took);
    total += took;
    if (took > START_MS) problems.push(`${name} took ${Math.round(took)} ms`);
    problems.push(...(await hiddenFiles(scene)).map((file) => `${name}: ${file} is served`));
    const crowd = await Crowd.gather(scene, 2, 2);
    // Most die in the middle of writing; every fourth lives long enough to make segments for certain.
    if (round % 4 === 0) await holds(async () => ((await playlistOf(scene, 's0'))?.last ?? -1) > last, 5000);
    await pause(random(1200));
    const list = await playlistOf(scene, 's0');
    if (list !== null) {
      numbers += 1;
      if (list.last < last) problems.push(`${name}: number ${list.last} comes after ${last}`);
      problems.push(
        ...(await missing(scene, list.text)).map((file) => `${name}: ${file} is listed and not there`),
      );
      last = Math.max(last, list.last);
    }
    await victim.end('SIGKILL');
    crowd.leave();
    partial += temporaryFiles(scene).length;
    // Of a kill in the middle of a write, which is a matter of microseconds.
    for (const name of ['.s0-1.ts.tmp', '.s0.m3u8.tmp'])
      writeFileSync(join(scene.folder, 'hls', name), 'half');
  }
  const survivor = await scene.start(text);
  const { code } = await survivor.end('SIGTERM');
  if (code !== 0) problems.push(`the last one ended with ${code}`);
  for (const left of ['logs/mediad.pid', 'logs/mediad.sock', 'live.sock']) {
    if (existsSync(join(scene.folder, left))) problems.push(`${left} is left`);
  }
  return {
    problems,
    figures: {
      kills: String(times),
      'time to start': `${Math.round(total / times)} ms, ${Math.round(slowest)} at most`,
      'playlists looked at': String(numbers),
      'half-written files found, put there for the most part': String(partial),
    },
  };
}

function temporaryFiles({ folder }: Scene): readonly string[] {
  const path = join(folder, 'hls');
  return existsSync(path) ? readdirSync(path).filter((name) => name.startsWith('.')) : [];
}

/** Files half written that are handed out. */
async function hiddenFiles(scene: Scene): Promise<readonly string[]> {
  const served: string[] = [];
  for (const name of temporaryFiles(scene)) {
    const answer = await fetch(`http://127.0.0.1:${scene.http}/hls/${name}`, {
      headers: { connection: 'close' },
    });
    await answer.arrayBuffer();
    if (answer.status !== 404) served.push(name);
  }
  return served;
}

/** Segments that a playlist names and that are answered with anything but themselves. */
async function missing({ http }: Scene, playlist: string): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const uri of playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    const answer = await fetch(`http://127.0.0.1:${http}/hls/${uri}`, { headers: { connection: 'close' } });
    const body = await answer.arrayBuffer();
    if (answer.status !== 200 || body.byteLength === 0 || body.byteLength % 188 !== 0)
      gone.push(`${uri} (status ${answer.status}, ${body.byteLength} bytes)`);
  }
  return gone;
}
