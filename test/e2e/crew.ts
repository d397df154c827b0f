import { afterEach } from 'vitest';
import type { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { type Child, until } from './children.ts';
import { type Mediad, makePlace, type Place, runMediad, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { frames, type Player, playFlv, playRtmp } from './players.ts';

const running: Mediad[] = [];
/** Closed after each test. */
export const players: Player[] = [];
/** Killed after each test. */
export const publishers: Child[] = [];

afterEach(async () => {
  for (const player of players.splice(0)) player.close();
  for (const publisher of publishers.splice(0)) await publisher.stop('SIGKILL');
  for (const mediad of running.splice(0)) if (mediad.child.running) await mediad.stop();
});

/** A worker as `mediad healthcheck` tells of it. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number;
  readonly connections: number;
  readonly publishers: number;
  readonly viewers: number;
  readonly retiring?: boolean;
}

/** A configuration of workers with RTMP and HTTP-FLV. */
export const conf =
  (workers: number, application = '', main = '', more = '') =>
  (place: Place): string =>
    `
worker_processes ${workers};
rtmp_socket_dir ${place.directory};
error_log stderr info;
${main}
rtmp {
  server {
    listen 127.0.0.1:${place.rtmp};
    application live { live on; ${application} }
  }
}
http {
  access_log access.log;
  server {
    listen 127.0.0.1:${place.http};
    location /live { flv_live on; }
    location /pid { return 200 $pid; }
    ${more}
  }
}
`;

/** A server that stops after its test. */
export async function mediad(text: (place: Place) => string, place?: Place): Promise<Mediad> {
  const started = await startMediad(text, place ?? (await makePlace()));
  running.push(started);
  return started;
}

export async function workersOf({ place }: Mediad): Promise<readonly WorkerStatus[]> {
  const { output } = await runMediad('-c', place.conf, 'healthcheck');
  return (JSON.parse(output) as { workers: readonly WorkerStatus[] }).workers;
}

/** A publisher that has been let in. */
export async function publish(server: Mediad, name = 'cam'): Promise<Child> {
  const before = server.log().split('publish started').length;
  const publisher = await publishFile(await fixture('plain'), server.rtmpUrl('live', name), { loop: true });
  publishers.push(publisher);
  await until('the publisher is let in', () => server.log().split('publish started').length > before);
  return publisher;
}

/** The worker that has the only publisher. */
export async function ownerOf(server: Mediad): Promise<WorkerStatus> {
  return until('one worker has the publisher', async () => {
    const owners = (await workersOf(server)).filter((one) => one.publishers === 1);
    return owners.length === 1 ? owners[0] : undefined;
  });
}

/**
 * As many players at each worker, of both protocols, one after another: connections go to workers in turn where none of
 * them is busy.
 */
export async function play(
  server: Mediad,
  workers: number,
  each = 2,
  name = 'cam',
): Promise<readonly Player[]> {
  const opened: Player[] = [];
  for (let at = 0; at < workers * each; at += 1) {
    const player =
      at < (workers * each) / 2
        ? playFlv(server.httpUrl(`/live/${name}.flv`), { bodies: true })
        : playRtmp(server.rtmpUrl('live', name), { bodies: true });
    players.push(player);
    opened.push(player);
    await until('it is answered', () => player.status !== undefined);
  }
  return opened;
}

/** The frames that came to a player. */
export const bodies = (player: Player, kind: typeof AUDIO | typeof VIDEO): readonly string[] =>
  frames(player, kind).map(({ body }) => body!.toString('base64'));

/** Whether what came to one player came to the other just so, as far as both were there. */
export function agree(a: readonly string[], b: readonly string[]): boolean {
  const from = a.indexOf(b[0]!) >= 0 ? [a.slice(a.indexOf(b[0]!)), b] : [a, b.slice(b.indexOf(a[0]!))];
  const [left, right] = from as [readonly string[], readonly string[]];
  const length = Math.min(left.length, right.length);
  return length > 20 && left.slice(0, length).every((body, at) => body === right[at]);
}
