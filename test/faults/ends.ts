import { existsSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Crowd } from '../reloads/crowd.ts';
import { conf, holds, type Outcome, pause, type Scene } from './fault.ts';

/** What a TERM may take, ms: half a second for the last bytes, and the rest for a machine that is busy. */
const TERM_MS = 3000;
const LAST_CHUNK = '\r\n0\r\n\r\n';

/** Ends a server under load: every player of HTTP-FLV gets an answer that is whole. */
export async function runTerm(scene: Scene, players: number): Promise<Outcome> {
  const problems: string[] = [];
  const victim = await scene.start(conf(scene));
  const crowd = await Crowd.gather(scene, 4, players);
  const answers = Array.from({ length: players }, (_, index) => rawPlayer(scene, `s${index % 4}`));
  await pause(1500);
  const ended = victim.end('SIGTERM');
  const { code, ms } = await ended;
  const ends = await Promise.all(answers.map(({ end }) => end));
  crowd.leave();
  if (code !== 0) problems.push(`exit code ${code}`);
  if (ms > TERM_MS) problems.push(`it took ${Math.round(ms)} ms`);
  const cut = ends.filter((end) => end !== 'whole');
  problems.push(...cut.map((end) => `a player's answer: ${end}`));
  for (const left of ['logs/mediad.pid', 'logs/mediad.sock', 'live.sock']) {
    if (existsSync(join(scene.folder, left))) problems.push(`${left} is left`);
  }
  return {
    problems,
    figures: {
      players: `${players} counted, ${ends.length} byte by byte`,
      'answers that ended whole': `${ends.length - cut.length} of ${ends.length}`,
      'time to end': `${Math.round(ms)} ms`,
    },
  };
}

/** A player that looks at the bytes: how its answer ended. */
function rawPlayer({ http, rtmp }: Scene, stream: string): { readonly end: Promise<string> } {
  const socket = connect(http, '127.0.0.1');
  let [tail, bytes] = ['', 0];
  socket.write(`GET /live?port=${rtmp}&app=live&stream=${stream} HTTP/1.1\r\nHost: x\r\n\r\n`);
  socket.on('data', (data) => {
    bytes += data.length;
    tail = (tail + data.toString('latin1')).slice(-LAST_CHUNK.length);
  });
  return {
    end: new Promise((resolve) => {
      socket.on('error', (error) => resolve(error.message));
      socket.on('close', () => {
        if (tail !== LAST_CHUNK) resolve(`cut off after ${bytes} bytes`);
        else resolve(bytes > 1000 ? 'whole' : `only ${bytes} bytes`);
      });
    }),
  };
}

/** Removes the logs under a server, with and without USR1. */
export async function runLogsRemoved(scene: Scene): Promise<Outcome> {
  const problems: string[] = [];
  const victim = await scene.start(conf(scene, { main: 'error_log stderr info; error_log error.log info;' }));
  const [error, access] = ['error.log', 'access.log'].map((name) => join(scene.folder, name)) as [
    string,
    string,
  ];
  const ask = async (): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${scene.http}/logged`, { headers: { connection: 'close' } });
    if ((await answer.text()) !== 'ok') problems.push('a request was not answered');
  };
  await ask();
  if (!(await holds(() => lines(access) === 1, 2000))) problems.push('nothing is logged');
  rmSync(error);
  rmSync(access);
  await ask();
  await pause(100);
  if (existsSync(error) || existsSync(access)) problems.push('the files came back by themselves');
  const asked = performance.now();
  process.kill(victim.pid, 'SIGUSR1');
  if (!(await holds(() => lines(error) >= 1 && existsSync(access), 2000)))
    problems.push('USR1 makes no new files');
  const ms = performance.now() - asked;
  await ask();
  if (!(await holds(() => lines(access) === 1, 2000))) problems.push('nothing is logged after USR1');
  const { code } = await victim.end('SIGTERM');
  if (code !== 0) problems.push(`exit code ${code}`);
  return { problems, figures: { 'new files after USR1': `${Math.round(ms)} ms` } };
}

function lines(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}
