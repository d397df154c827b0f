import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, runToEnd, start } from './children.ts';
import { ROOT } from './harness.ts';

const CACHE = join(ROOT, '.cache/media');

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
const AUDIO = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
const X264 = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-threads',
  '1',
  '-pix_fmt',
  'yuv420p',
  '-b:v',
  '800k',
];
const AAC = ['-c:a', 'aac', '-ac', '2', '-b:a', '96k'];
const BOTH = [...VIDEO, ...AUDIO];
const NO_B_FRAMES = ['-bf', '0', '-g', '50', '-sc_threshold', '0'];

/** Media files by what is in them; each is made by ffmpeg when it is first asked for, and kept. */
const FIXTURES = {
  /** H.264 without B-frames, GOP of 2 s, and AAC; 12 s. */
  plain: ['-t', '12', ...BOTH, ...X264, ...NO_B_FRAMES, ...AAC],
  /** As plain, with B-frames, so that composition times differ. */
  bframes: ['-t', '12', ...BOTH, ...X264, '-preset', 'veryfast', '-bf', '2', '-g', '50', ...AAC],
  /** A key frame every 10 s only; 30 s. */
  longGop: ['-t', '30', ...BOTH, ...X264, '-bf', '0', '-g', '250', '-sc_threshold', '0', ...AAC],
  audioOnly: ['-t', '12', ...AUDIO, ...AAC],
  videoOnly: ['-t', '12', ...VIDEO, ...X264, ...NO_B_FRAMES],
  mp3: ['-t', '12', ...BOTH, ...X264, ...NO_B_FRAMES, '-c:a', 'libmp3lame', '-ac', '2', '-b:a', '96k'],
  /** Another picture size, as after a publisher's change of settings. */
  small: [
    ...['-t', '12', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', ...AUDIO],
    ...[...X264, ...NO_B_FRAMES, ...AAC],
  ],
} as const;

export type FixtureName = keyof typeof FIXTURES;

/** The path of an FLV file. */
export async function fixture(name: FixtureName): Promise<string> {
  const args = orderInputs(FIXTURES[name]);
  const hash = createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 12);
  const path = join(CACHE, `${name}-${hash}.flv`);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  const { code, output } = await runToEnd('ffmpeg', ['-v', 'error', '-y', ...args, '-f', 'flv', unfinished]);
  if (code !== 0) throw new Error(`ffmpeg could not make ${name}: ${output}`);
  renameSync(unfinished, path);
  return path;
}

/** ffmpeg takes `-t` for the output only after all inputs. */
function orderInputs([option, seconds, ...rest]: readonly string[]): string[] {
  return [...rest, option!, seconds!];
}

export interface PublishOptions {
  /** At the pace of the clock; without it as fast as it goes. On by default. */
  readonly realtime?: boolean;
  /** From the beginning again at the end. */
  readonly loop?: boolean;
  /** Further options of ffmpeg for the output. */
  readonly output?: readonly string[];
}

/** Publishes a file with its media untouched. */
export function publishFile(file: string, url: string, options: PublishOptions = {}): Promise<Child> {
  return start('ffmpeg', [
    ...['-nostdin', '-v', 'warning'],
    ...(options.realtime === false ? [] : ['-re']),
    ...(options.loop === true ? ['-stream_loop', '-1'] : []),
    ...['-i', file, '-c', 'copy', ...(options.output ?? []), '-f', 'flv', url],
  ]);
}

/** Publishes a moving test picture, encoded while it runs: 640x360, 25 frames per second, GOP of `gop` s, and a tone. */
export function publishTest(url: string, gop = 2): Promise<Child> {
  return start('ffmpeg', [
    ...['-nostdin', '-v', 'warning', '-re', ...VIDEO, '-re', ...AUDIO, ...X264, '-tune', 'zerolatency'],
    ...['-g', String(25 * gop), '-sc_threshold', '0', ...AAC, '-f', 'flv', url],
  ]);
}
