import { Crowd } from '../reloads/crowd.ts';
import { connectTo } from '../rtmp/client.ts';
import { conf, holds, type Outcome, pause, playlistOf, type Scene } from './fault.ts';

/** Moves the wall clock of the process: forward by an hour with the first SIGUSR2, then back by two. */
const JUMPER = `
const Real = Date;
let shift = 0;
globalThis.Date = class extends Real {
  constructor(...args) { if (args.length === 0) super(Real.now() + shift); else super(...args); }
  static now() { return Real.now() + shift; }
};
process.on('SIGUSR2', () => { shift = shift === 0 ? 3600000 : -3600000; });
`;

/** Lets the clock jump by ±1 h under publishers, players and one who does nothing. */
export async function runClockJumps(scene: Scene): Promise<Outcome> {
  const problems: string[] = [];
  const application = 'hls_path hls; drop_idle_publisher 2s; publish_gap 1s;';
  const text = conf(scene, { application }).replace(
    'listen unix',
    'ping 1s; ping_timeout 2s; timeout 20s; listen unix',
  );
  const victim = await scene.start(text, ['--import', `data:text/javascript,${encodeURIComponent(JUMPER)}`]);
  const crowd = await Crowd.gather(scene, 3, 6);
  const figures: Record<string, string> = {};
  let last = -1;
  for (const jump of ['+1 h', '-2 h']) {
    const idle = await connectTo(scene.rtmp, 'live');
    await idle.publish('idle');
    const began = performance.now();
    process.kill(victim.pid, 'SIGUSR2');
    await pause(300);
    if (idle.socket.destroyed) problems.push(`${jump}: an idle publisher is thrown out at once`);
    if (!(await holds(() => idle.socket.destroyed, 5000))) problems.push(`${jump}: an idle publisher stays`);
    figures[`idle publisher, 2 s allowed, after ${jump}`] =
      `thrown out after ${Math.round(performance.now() - began)} ms`;
    const list = await playlistOf(scene, 's0');
    if (list === null || list.last <= last)
      problems.push(`${jump}: HLS does not go on (${list?.last} after ${last})`);
    last = list?.last ?? last;
    if (!(await holds(async () => ((await playlistOf(scene, 's0'))?.last ?? -1) > last, 5000))) {
      problems.push(`${jump}: HLS stands still`);
    }
  }
  if (!(await crowd.caughtUp(5000))) problems.push('players stand still');
  const { frames, lost, ended } = crowd.toll;
  problems.push(...ended);
  if (lost > 0) problems.push(`${lost} frames were lost`);
  figures['frames, lost'] = `${frames}, ${lost}`;
  crowd.leave();
  await victim.end('SIGTERM');
  return { problems, figures };
}
