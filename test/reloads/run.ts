import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ask, controlPath } from '../../src/daemon/control.ts';
import { Crowd } from './crowd.ts';
import { HELPER, type State, settledState } from './state.ts';
import { type Ground, nextVariant, seeded } from './variants.ts';
import { Visitors } from './visitors.ts';

export interface Plan {
  readonly seed: number;
  readonly reloads: number;
  readonly publishers: number;
  readonly players: number;
  /** New connections a second. */
  readonly visits: number;
  /** Between two reloads, ms. */
  readonly rest: number;
}

/** A running server; `stop` rejects unless it ends well. */
export interface Subject {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Where servers of a run are started. */
export interface Site {
  readonly folder: string;
  /** Free ports of 127.0.0.1: nine of them. */
  readonly ports: readonly number[];
  /** Starts a server on the file, whose prefix is the folder, and waits until it is ready. */
  start(file: string): Promise<Subject>;
}

/** What a run came to. */
export interface Result {
  readonly applied: number;
  readonly refused: number;
  /** The longest reload, from asking to the answer, ms. */
  readonly slowest: number;
  readonly visits: number;
  /** From the first newcomer to the last, s. */
  readonly seconds: number;
  readonly frames: number;
  readonly lost: number;
  /** Everything that went against the contract. */
  readonly problems: readonly string[];
}

const REPLY_MS = 30_000;

/** Reloads a server again and again under publishers, players and newcomers, and compares it with a fresh one. */
export async function runReloads(plan: Plan, site: Site): Promise<Result> {
  const problems: string[] = [];
  const random = seeded(plan.seed);
  const helpers = [
    createServer(),
    createHttpServer((request, response) => {
      request.resume();
      response.end();
    }),
  ] as const;
  // What is kept for another call would be counted as a leak.
  helpers[1].keepAliveTimeout = 200;
  const [busy, endpoint] = [await listen(helpers[0]), await listen(helpers[1])];
  const ground = groundOf(site, busy, endpoint);
  furnish(site.folder);
  const file = join(site.folder, 'media.conf');
  const first = whole(random, ground);
  writeFileSync(file, first);
  let subject = await site.start(file);
  const crowd = await Crowd.gather(ground.kept, plan.publishers, plan.players);
  const since = performance.now();
  const visitors = new Visitors(ground.kept, plan.visits);
  let last = first;
  const count = { applied: 0, refused: 0, slowest: 0 };
  for (let index = 0; index < plan.reloads; index += 1) {
    const { text, broken } = nextVariant(random, ground);
    const name = `reload ${index}${broken === null ? '' : ` (${broken})`}`;
    const before = broken === null ? null : await configOf(ground);
    writeFileSync(file, text);
    const expected = await planned(site.folder);
    const began = performance.now();
    const reply = await ask(
      controlPath(join(site.folder, 'logs/mediad.pid')),
      { command: 'reload' },
      REPLY_MS,
    );
    count.slowest = Math.max(count.slowest, performance.now() - began);
    if (broken === null) {
      count.applied += 1;
      last = text;
      if (!reply.ok) problems.push(`${name} was refused: ${reply.text.join(' ')}`);
      else problems.push(...deviations(name, expected, reply.data));
    } else {
      count.refused += 1;
      if (reply.ok) problems.push(`${name} was applied`);
      if (JSON.stringify(await configOf(ground)) !== JSON.stringify(before))
        problems.push(`${name} changed what runs`);
    }
    await new Promise((resolve) => setTimeout(resolve, plan.rest));
  }
  await visitors.stop();
  const seconds = (performance.now() - since) / 1000;
  if (!(await crowd.caughtUp(10_000))) problems.push('players stand still');
  const { frames, lost, ended } = crowd.toll;
  problems.push(...ended, ...visitors.refused.map((why) => `a newcomer was not served: ${why}`));
  if (lost > 0) problems.push(`${lost} frames were lost or damaged`);

  const live = await settledState(subject.pid, ground.kept.http, site.folder);
  crowd.leave();
  const idle = await settledState(subject.pid, ground.kept.http, site.folder);
  await subject.stop();
  writeFileSync(file, last);
  subject = await site.start(file);
  const again = await Crowd.gather(ground.kept, plan.publishers, 2);
  const freshLive = await settledState(subject.pid, ground.kept.http, site.folder);
  again.leave();
  const freshIdle = await settledState(subject.pid, ground.kept.http, site.folder);
  await subject.stop();
  problems.push(
    ...compare('while streams were live', withoutDescriptors(live), withoutDescriptors(freshLive)),
    ...compare('after everybody had left', idle, freshIdle),
  );
  for (const helper of helpers) helper.close();
  helpers[1].closeAllConnections();
  return { ...count, visits: visitors.came, seconds, frames, lost, problems };
}

function whole(random: ReturnType<typeof seeded>, ground: Ground): string {
  for (;;) {
    const { text, broken } = nextVariant(random, ground);
    if (broken === null) return text;
  }
}

function groundOf({ folder, ports }: Site, busy: number, endpoint: number): Ground {
  const [rtmp, http, tls, wide, ...spare] = ports as [number, number, number, number, ...number[]];
  return { folder, kept: { rtmp, http, tls, wide }, spare, busy, endpoint };
}

/** Folders and certificates that configurations name. */
function furnish(folder: string): void {
  mkdirSync(join(folder, 'hls'), { recursive: true });
  for (const name of ['one', 'two']) {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}.example`],
        ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)],
      ],
      { stdio: 'ignore' },
    );
  }
}

async function configOf({ kept }: Ground): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${kept.http}/api/config`, {
    headers: { connection: 'close' },
  });
  return answer.json();
}

/** What the server says that it would do. */
async function planned(folder: string): Promise<unknown> {
  const reply = await ask(controlPath(join(folder, 'logs/mediad.pid')), { command: 'plan' }, REPLY_MS);
  return reply.data;
}

interface Told {
  readonly outcome: string;
  readonly changes?: readonly { kind: string; name: string; outcome: string; changed?: readonly string[] }[];
  readonly restartNeeded?: readonly string[];
}

/** Where a reload did something else than it had said it would. */
function deviations(name: string, expected: unknown, done: unknown): readonly string[] {
  const short = ({ changes = [], restartNeeded = [] }: Told): string =>
    JSON.stringify([
      changes.map(({ kind, name, outcome, changed }) => [kind, name, outcome, changed]),
      restartNeeded,
    ]);
  const [before, after] = [short(expected as Told), short(done as Told)];
  return before === after ? [] : [`${name} said ${before} and did ${after}`];
}

function compare(when: string, one: Partial<State>, other: Partial<State>): readonly string[] {
  return Object.entries(one).flatMap(([key, value]) => {
    const [reloaded, fresh] = [JSON.stringify(value), JSON.stringify(other[key as keyof State])];
    return reloaded === fresh ? [] : [`${key} ${when}: ${reloaded}, of a fresh start: ${fresh}`];
  });
}

/** Other players, and so other sockets; programs that have ended, and so no helper any more. */
function withoutDescriptors({ descriptors: _, connections: _connections, ...rest }: State): Partial<State> {
  return { ...rest, children: rest.children.filter((command) => command !== HELPER) };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}
