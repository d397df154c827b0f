import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Hub } from '../../../src/core/hub.ts';
import { Audience } from '../../../src/core/streams/flush.ts';
import { backOff, type ExecGround } from '../../../src/modules/exec/child.ts';
import { Children } from '../../../src/modules/exec/children.ts';
import { type Command, commandOf } from '../../../src/modules/exec/command.ts';
import { runOnce } from '../../../src/modules/exec/once.ts';
import { openStreams } from '../../../src/modules/exec/streams.ts';
import { type ExecSettings, execTable } from '../../../src/modules/exec/table.ts';
import { Tail } from '../../../src/modules/exec/tail.ts';
import type { Warden } from '../../../src/modules/exec/warden.ts';
import { until } from '../../e2e/children.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-exec-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Looks after groups from within this process. */
const here: Warden = {
  watch: () => undefined,
  check: (pid, gone) => poll(pid, Number.POSITIVE_INFINITY, gone),
  end: (pid, _signal, grace, gone) => poll(pid, performance.now() + grace, gone),
};

function poll(pid: number, killAt: number, gone: (how: 'ended' | 'killed') => void): void {
  let killed = false;
  const timer = setInterval(() => {
    try {
      process.kill(-pid, 0);
      if (performance.now() < killAt) return;
      killed = true;
      process.kill(-pid, 'SIGKILL');
    } catch {
      clearInterval(timer);
      gone(killed ? 'killed' : 'ended');
    }
  }, 5);
}

function setUp(changes: Partial<ExecSettings> = {}) {
  const lines: { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[] = [];
  const log = pino(
    { level: 'debug', formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const hub = new Hub(new Audience(), log);
  const initial = Object.fromEntries(Object.entries(execTable).map(([name, row]) => [name, row.initial]));
  const conf = { ...(initial as unknown as ExecSettings), respawn_timeout: 20, exec_kill_timeout: 200 };
  Object.assign(conf, changes);
  const ground: ExecGround = { application: 'live', hub, log, warden: here, conf: () => conf };
  const children = new Children(ground, () => conf.respawn);
  onTestFinished(async () => {
    children.close();
    await hub.settled();
  });
  return { lines, hub, ground, children };
}

function command(...words: readonly string[]): Command {
  const [program, ...args] = words;
  return commandOf(
    { directive: 'exec', occasion: 'push', level: 'application', program: program!, args, names: [] },
    null,
  );
}

describe('programs', () => {
  test('get their arguments as they are, no shell between them', async () => {
    const { children } = setUp({ respawn: false });
    const file = join(folder, 'args');
    const script = join(folder, 'dump');
    writeFileSync(script, '#!/bin/sh\nprintf "[%s]" "$0" "$@"\n', { mode: 0o755 });
    children.reconcile([command(script, 'a b', '', '$(id)', '*', `>${file}`)]);
    await until('it has run', () => children.idle || readFileSync(file, 'utf8').endsWith('[*]'));
    expect(readFileSync(file, 'utf8')).toBe(`[${script}][a b][][$(id)][*]`);
  });

  test('that are wanted further go on; others end, new ones begin', async () => {
    const { children, hub } = setUp();
    const pids = (): readonly number[] => hub.execs.list().map(({ pid }) => pid);
    children.reconcile([command('sleep', '100'), command('sleep', '200')]);
    const [first, second] = pids();
    children.reconcile([command('sleep', '200'), command('sleep', '300')]);
    await until('the new one runs', () => pids().length === 2 && pids().every((pid) => pid > 0));
    expect(pids()).not.toContain(first);
    expect(pids()).toContain(second);
    children.reconcile([command('sleep', '200'), command('sleep', '200')]);
    await until('both run', () => pids().length === 2 && pids().every((pid) => pid > 0));
    expect(pids()).toContain(second);
    expect(hub.execs.list().map(({ command }) => command)).toEqual(['sleep 200', 'sleep 200']);
  });

  test('that end are run again, each time later, and their last words are logged', async () => {
    const { children, lines, hub } = setUp();
    children.reconcile([
      command('sh', '-c', 'echo one >&2; echo "rtmp://h/a/0123456789abcdefg" >&2; exit 7'),
    ]);
    const ended = () => lines.filter(({ msg }) => msg === 'program ended, it is run again');
    await until('it has ended three times', () => ended().length >= 3);
    expect(ended().slice(0, 3)).toMatchObject([
      { level: 'warn', exit: 'exit code 7', retry: 20, stderr: 'one\nrtmp://h/a/0123***' },
      { exit: 'exit code 7', retry: 500 },
      { exit: 'exit code 7', retry: 1000 },
    ]);
    expect(hub.execs.list()).toMatchObject([{ state: 'waiting', restarts: 2, lastExit: 'exit code 7' }]);
  });

  test('are run once without respawn', async () => {
    const { children, hub, lines } = setUp({ respawn: false });
    children.reconcile([command('true')]);
    await until('it has ended', () => hub.execs.list()[0]!.state === 'ended');
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'program ended', exit: 'exit code 0' });
    children.close();
    expect(hub.execs.list()).toEqual([]);
  });

  test('that are not there are an error, and tried again', async () => {
    const { children, lines, hub } = setUp();
    children.reconcile([command('no-such-program', 'x')]);
    await until('it was tried twice', () => lines.length >= 2);
    expect(lines[0]).toMatchObject({ level: 'error', exit: 'no-such-program is not found', retry: 20 });
    expect(hub.execs.list()).toMatchObject([{ pid: 0, state: 'waiting' }]);
  });

  test('that ignore the signal are killed with what they started', async () => {
    const { children, lines, hub } = setUp({ exec_kill_timeout: 100 });
    const file = join(folder, 'pids');
    children.reconcile([
      command('sh', '-c', `trap "" TERM; sleep 100 & echo $! $$ >${file}; wait; wait; sleep 100`),
    ]);
    const pids = await until('it runs', () => {
      const text = readable(file);
      return text.endsWith('\n') ? text.trim().split(' ').map(Number) : false;
    });
    children.close();
    await hub.settled();
    expect(lines.at(-1)).toMatchObject({
      level: 'warn',
      msg: 'program did not end by the signal and was killed',
    });
    await until('both are gone', () => pids.every((pid) => !isRunning(pid)));
  });

  test('go on as long as what they started does', async () => {
    const { children, hub } = setUp();
    children.reconcile([command('sh', '-c', 'sleep 0.3 & exit 0')]);
    const states: string[] = [];
    await until('it was run again', () => {
      const { state, restarts } = hub.execs.list()[0]!;
      if (states.at(-1) !== state) states.push(state);
      return restarts > 0;
    });
    expect(states.slice(0, 2)).toEqual(['running', 'background']);
  });

  test('wait a moment for those whose place they take', async () => {
    const { children, hub } = setUp();
    const ready = join(folder, 'ready');
    const script = `trap "sleep 0.2; exit" TERM; : >${ready}; while :; do sleep 0.05; done`;
    const slow = command('sh', '-c', script);
    children.reconcile([slow]);
    await until('it runs', () => existsSync(ready));
    children.close();
    children.reconcile([slow]);
    expect(hub.execs.list().map(({ state }) => state)).toEqual(['stopping', 'waiting']);
    await until(
      'the new one runs',
      () =>
        hub.execs
          .list()
          .map(({ state }) => state)
          .join() === 'running',
    );
  });

  test('that are run once are only told of', async () => {
    const { ground, lines } = setUp();
    runOnce(ground, command('sh', '-c', 'echo bad >&2; exit 3'));
    runOnce(ground, command('no-such-program'));
    await until('both are told of', () => lines.filter(({ level }) => level === 'warn').length === 2);
    expect(lines.filter(({ level }) => level === 'warn').map(({ exit, stderr }) => [exit, stderr])).toEqual([
      ['no-such-program is not found', undefined],
      ['exit code 3', 'bad'],
    ]);
  });
});

describe('descriptors', () => {
  test.each([
    ['nothing said', [], ['', '']],
    ['both to one file', ['>A', '2>&1'], ['out\nerr\n', '']],
    ['one to each', ['>A', '2>B'], ['out\n', 'err\n']],
    ['crosswise', ['>A', '2>B', '3>&1', '1>&2', '2>&3'], ['err\n', 'out\n']],
    ['order counts', ['2>&1', '>A'], ['out\n', '']],
    ['a later one wins', ['>A', '>B'], ['', 'out\n']],
    ['a descriptor that is not open', ['>A', '2>B', '2>&9'], ['out\n', 'err\n']],
    ['a file that cannot be had', ['>A', '2>/no/such/folder/x'], ['out\n', '']],
  ])('%s', async (_what, written, expected) => {
    const { children } = setUp({ respawn: false });
    const place = mkdtempSync(join(folder, 'to-'));
    const files = [join(place, 'a'), join(place, 'b')] as const;
    const done = join(place, 'done');
    const args = written.map((word) => word.replace(/[AB]$/, (which) => files[which === 'A' ? 0 : 1]));
    children.reconcile([command('sh', '-c', `echo out; echo err >&2; : >${done}`, ...args)]);
    await until('it has run', () => existsSync(done));
    expect(files.map((file) => readable(file))).toEqual(expected);
  });

  test('files are added to, or read, or written anew', async () => {
    const { children } = setUp({ respawn: false });
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    writeFileSync(from, 'two\n');
    writeFileSync(to, 'one\n');
    children.reconcile([command('cat', `<${from}`, `>>${to}`)]);
    await until('it was added', () => readable(to) === 'one\ntwo\n');
  });

  test('only what a program gets is opened, and let go of', () => {
    const streams = openStreams([
      { descriptor: 4, mode: 'read', path: '/dev/null', copied: -1 },
      { descriptor: 1, mode: 'write', path: '/no/such/file', copied: -1 },
    ]);
    expect(streams.stdio).toEqual(['ignore', 'ignore', 'pipe', 'ignore', expect.any(Number)]);
    expect(streams.problems).toMatchObject([{ file: '/no/such/file', err: { code: 'ENOENT' } }]);
    streams.close();
    expect(() => readFileSync(streams.stdio[4] as number)).toThrow(/EBADF/);
  });
});

test.each([
  [5000, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]],
  [0, [0, 500, 1000, 2000, 4000, 8000]],
  [90_000, [90_000, 90_000]],
])('after %i ms it is doubled', (first, delays) => {
  expect(delays.map((_, index) => backOff(first, index + 1))).toEqual(delays);
});

test('of what is said only the end is kept, from the beginning of a line', () => {
  const tail = new Tail(20);
  expect(tail.text).toBe('');
  tail.add(Buffer.from('short\n'));
  expect(tail.text).toBe('short');
  tail.add(Buffer.from('a longer line\nframe 1\rframe 2\rframe 3\nend'));
  expect(tail.text).toBe('frame 3\nend');
  tail.add(Buffer.from('x'.repeat(100)));
  expect(tail.text).toBe('x'.repeat(20));
});

/** Nothing for a file that is not there. */
function readable(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  const stat = readable(`/proc/${pid}/stat`);
  return stat !== '' && !/\) Z /.test(stat);
}
