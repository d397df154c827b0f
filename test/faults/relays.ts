import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { Crowd } from '../reloads/crowd.ts';
import { conf, type Outcome, pause, type Scene } from './fault.ts';

/** Pushes to peers that are not there in every way there is, for so long, ms. */
export async function runDeadPeers(scene: Scene, duration: number): Promise<Outcome> {
  const problems: string[] = [];
  // It takes connections and says nothing.
  const mute = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  const peers = ['no-such-host.invalid', '127.0.0.1:1', '10.255.255.1', `127.0.0.1:${port}`];
  const pushes = peers.map((peer) => `push rtmp://${peer}/x;`).join(' ');
  const application = `hls_path hls; push_reconnect 200ms; ${pushes} pull rtmp://127.0.0.1:1/y name=y static;`;
  const victim = await scene.start(conf(scene, { application }));
  const crowd = await Crowd.gather(scene, 3, 4);
  const most = 3 * peers.length + 2;
  const base = descriptors(victim.pid);
  let peak = 0;
  const end = performance.now() + duration;
  while (performance.now() < end) {
    await pause(200);
    peak = Math.max(peak, descriptors(victim.pid) - base);
  }
  if (peak > most) problems.push(`${peak} descriptors more are open`);
  const relays = await relaysOf(scene);
  const attempts = relays.map((relay) => relay.attempts);
  // 200 ms that double up to 30 s: with a fifth of chance, so many attempts fit into the time at most.
  const limit =
    Math.ceil(Math.log2(Math.min(duration, 30_000) / (200 * 0.8) + 1) + duration / (30_000 * 0.8)) + 2;
  if (relays.length !== 3 * peers.length + 1) problems.push(`${relays.length} relays`);
  if (attempts.some((count) => count > limit))
    problems.push(`${Math.max(...attempts)} attempts, ${limit} expected`);
  if (!(await crowd.caughtUp(5000))) problems.push('players stand still');
  const { lost, ended, frames } = crowd.toll;
  problems.push(...ended);
  if (lost > 0) problems.push(`${lost} frames were lost`);
  crowd.leave();
  await pause(1000);
  const left = descriptors(victim.pid) - base;
  if (left > 0) problems.push(`${left} descriptors are left when the streams have ended`);
  await victim.end('SIGTERM');
  mute.close();
  return {
    problems,
    figures: {
      relays: `${relays.length} for ${Math.round(duration / 1000)} s`,
      'attempts of each': `${Math.min(...attempts)} to ${Math.max(...attempts)}`,
      'descriptors more': `${peak} at most`,
      'frames, lost': `${frames}, ${lost}`,
    },
  };
}

async function relaysOf({ http }: Scene): Promise<readonly { readonly attempts: number }[]> {
  const answer = await fetch(`http://127.0.0.1:${http}/api/relays`, { headers: { connection: 'close' } });
  return (await answer.json()) as readonly { readonly attempts: number }[];
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
