import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Crowd } from '../reloads/crowd.ts';
import { conf, holds, type Outcome, playlistOf, type Scene } from './fault.ts';

/** A folder whose disk can be made to fail. */
interface Disk {
  readonly kind: string;
  fill(): void;
  free(): void;
  /** Null where that cannot be done. */
  readonly readOnly: ((on: boolean) => void) | null;
  remove(): void;
}

/** A small file system of its own where this process may mount one, else a folder that a file takes the place of. */
function makeDisk(path: string): Disk {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    const away = `${path}.away`;
    return {
      kind: 'a folder that is gone, with a file in its place',
      fill: () => {
        renameSync(path, away);
        writeFileSync(path, '');
      },
      free: () => {
        rmSync(path);
        renameSync(away, path);
      },
      readOnly: null,
      remove: () => undefined,
    };
  }
  const filler = join(path, 'filler');
  return {
    kind: 'a file system of 4 MB that is full',
    fill: () => {
      try {
        writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
      } catch {
        // It is full now, which was to be.
      }
    },
    free: () => rmSync(filler),
    readOnly: (on) => execFileSync('mount', ['-o', `remount,${on ? 'ro' : 'rw'}`, path], { stdio: 'ignore' }),
    remove: () => execFileSync('umount', ['-l', path], { stdio: 'ignore' }),
  };
}

/** Takes the disk away from HLS, and the room from the logs, under publishers and players. */
export async function runDiskFull(scene: Scene, roundMs: number): Promise<Outcome> {
  const problems: string[] = [];
  const [disk, logs] = [makeDisk(join(scene.folder, 'hls')), makeDisk(join(scene.folder, 'logs-disk'))];
  const main = 'error_log stderr info; error_log logs-disk/error.log debug;';
  const text = conf(scene, { main }).replace('access_log access.log', 'access_log logs-disk/access.log');
  const victim = await scene.start(text);
  const began = performance.now();
  const figures: Record<string, string> = { disk: disk.kind };
  try {
    const crowd = await Crowd.gather(scene, 3, 6);
    const playlist = join(scene.folder, 'hls/s0.m3u8');
    const onDisk = (): string => (existsSync(playlist) ? readFileSync(playlist, 'utf8') : '');
    const advances = async (by: number): Promise<boolean> => {
      const from = (await playlistOf(scene, 's0'))?.last ?? -1;
      return holds(async () => ((await playlistOf(scene, 's0'))?.last ?? -1) >= from + by, roundMs + 5000);
    };
    const written = (): Promise<boolean> =>
      holds(async () => onDisk() !== '' && onDisk() === (await playlistOf(scene, 's0'))?.text, 5000);
    if (!(await advances(2)) || !(await written())) problems.push('no HLS before the fault');
    const segments = Math.ceil(roundMs / 1000);
    const round = async (what: string, fail: () => void, mend: () => void): Promise<void> => {
      fail();
      const ask = setInterval(() => void get(scene, '/logged').catch(() => undefined), 50);
      if (!(await advances(segments))) problems.push(`${what}: HLS stands still`);
      clearInterval(ask);
      mend();
      const mended = performance.now();
      if (!(await written())) problems.push(`${what}: nothing is written after it`);
      figures[`on disk again after ${what}`] = `${Math.round(performance.now() - mended)} ms`;
    };
    await round(
      'a full disk',
      () => {
        disk.fill();
        logs.fill();
      },
      () => {
        disk.free();
        logs.free();
      },
    );
    const { readOnly } = disk;
    if (readOnly !== null)
      await round(
        'a read-only one',
        () => readOnly(true),
        () => readOnly(false),
      );
    const told = (victim.log().match(/HLS files cannot be written/g) ?? []).length;
    const minutes = Math.floor((performance.now() - began) / 60_000);
    if (told < 1 || told > 1 + minutes) problems.push(`the log complains ${told} times`);
    const before = lines(join(scene.folder, 'logs-disk/access.log'));
    await get(scene, '/logged');
    if (!(await holds(() => lines(join(scene.folder, 'logs-disk/access.log')) > before, 5000))) {
      problems.push('the access log does not go on');
    }
    if (!(await crowd.caughtUp(5000))) problems.push('players stand still');
    const { frames, lost, ended } = crowd.toll;
    problems.push(...ended);
    if (lost > 0) problems.push(`${lost} frames were lost`);
    figures['frames, lost'] = `${frames}, ${lost}`;
    crowd.leave();
    const { code } = await victim.end('SIGTERM');
    if (code !== 0) problems.push(`it ended with ${code}`);
    problems.push(...brokenLines(join(scene.folder, 'logs-disk/error.log')));
  } finally {
    await victim.end('SIGKILL');
    disk.remove();
    logs.remove();
  }
  return { problems, figures };
}

async function get({ http }: Scene, path: string): Promise<void> {
  await (await fetch(`http://127.0.0.1:${http}${path}`, { headers: { connection: 'close' } })).text();
}

function lines(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length : 0;
}

/** A line that could only be begun must not spoil the next one. */
function brokenLines(path: string): readonly string[] {
  const broken = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => {
      try {
        JSON.parse(line);
        return false;
      } catch {
        return true;
      }
    });
  return broken.length > 1 ? [`${broken.length} lines of the log are broken: ${broken[0]}`] : [];
}
