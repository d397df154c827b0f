import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive } from '../../src/daemon/pid-file.ts';
import { type Child, runToEnd, start, until } from './children.ts';
import { makePlace, type Place, ROOT } from './harness.ts';

const PROGRAM = join(ROOT, 'bin/mediad.js');

/** An application to be reloaded, with the lines of the main context in front. */
function conf(
  place: Place,
  main = '',
  applications = 'application live { live on; }',
  port = place.rtmp,
): string {
  return `error_log stderr info;\n${main}\nrtmp { server { listen 127.0.0.1:${port}; ${applications} } }\n`;
}

interface Server {
  readonly place: Place;
  readonly child: Child;
  readonly pidPath: string;
  write(text: string): void;
  /** Runs the program with the same configuration. */
  run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>;
}

async function site(): Promise<Omit<Server, 'child'>> {
  const place = await makePlace();
  return {
    place,
    pidPath: place.path('logs/mediad.pid'),
    write: (text) => writeFileSync(place.conf, text),
    run: (...args) => runToEnd(process.execPath, [PROGRAM, '-c', place.conf, ...args], 20_000),
  };
}

/** Starts the server of a site and waits for its line `ready`. */
async function serve(where: Omit<Server, 'child'>): Promise<Server> {
  const child = await start(process.execPath, [PROGRAM, '-c', where.place.conf], {
    cwd: where.place.directory,
  });
  await until('ready', () => {
    if (!child.running) throw new Error(child.output());
    return child.output().includes('"msg":"ready"');
  });
  return { ...where, child };
}

async function served(text: (place: Place) => string = conf): Promise<Server> {
  const where = await site();
  where.write(text(where.place));
  return serve(where);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

test.for(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)(
  '%s ends it with 0, and without its pid file',
  async (signal) => {
    const server = await served();
    expect(readFileSync(server.pidPath, 'utf8')).toBe(`${server.child.pid}\n`);
    expect(await isOpen(server.place.rtmp)).toBe(true);
    expect(await server.child.stop(signal)).toEqual({ code: 0, signal: null });
    expect(existsSync(server.pidPath)).toBe(false);
    expect(existsSync(server.place.path('logs/mediad.sock'))).toBe(false);
  },
);

test('a reload is answered with what changed, or why it was refused', async () => {
  const server = await served((place) => conf(place, 'auto_reload off;'));
  const { place, run } = server;
  expect(await run('-s', 'reload')).toMatchObject({
    code: 0,
    output: 'mediad: configuration is unchanged, nothing to do\n',
  });

  server.write(
    conf(place, 'auto_reload off; env A=b;', 'application live { live on; } application cam { live on; }'),
  );
  expect(await run('-s', 'reload')).toMatchObject({
    code: 0,
    output: expect.stringMatching(
      /^mediad: reloaded in \d+ ms: \+1 application \(rtmp:\d+\/cam\), ~1 setting \(main: env\); 0 publishers and 0 viewers kept\n$/,
    ),
  });

  server.write(conf(place, 'auto_reload off;', 'aplication live { live on; }'));
  const refused = await run('-s', 'reload');
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(
    /^mediad: \[emerg\] unknown directive "aplication" in .*media\.conf:3:\d+\n.*\n.*\n.*\^\^\^\n.*did you mean "application"\?\nmediad: reload refused, the running configuration \(loaded .*\) is kept\n$/s,
  );
  expect(server.child.output()).toContain('unknown directive \\"aplication\\" in');

  const [busy] = place.spare;
  const other = createServer().listen(busy, '127.0.0.1');
  server.write(conf(place, 'auto_reload off;', 'application live { live on; }', busy));
  const taken = await run('-s', 'reload');
  expect(taken).toMatchObject({
    code: 1,
    output: expect.stringMatching(
      new RegExp(
        `listen 127\\.0\\.0\\.1:${busy} is used by pid ${process.pid} \\(.*media\\.conf:3:\\d+`,
        's',
      ),
    ),
  });
  other.close();
  expect(await isOpen(place.rtmp)).toBe(true);
  await server.child.stop();
});

test('a look at a reload, of the file or of another, tells old and new and changes nothing', async () => {
  const server = await served((place) => conf(place, 'auto_reload off;'));
  const { place, run } = server;
  const next = conf(
    place,
    'auto_reload off;',
    'application live { live on; hls on; hls_path hls; gop_cache off; } application cam { live on; }',
  );
  const other = place.path('other.conf');
  writeFileSync(other, next);
  const diff = await runToEnd(process.execPath, [PROGRAM, '-c', other, '-q', '-t', '--diff']);
  const expected = [
    'mediad: a reload would do this:',
    `  ~ application rtmp:${place.rtmp}/live`,
    '      gop_cache: default → off',
    `  + service hls of rtmp:${place.rtmp}/live`,
    `  + application rtmp:${place.rtmp}/cam`,
    'mediad: nobody would be sent away; 0 publishers and 0 players would stay',
    '',
  ].join('\n');
  // Services that every application has are of no interest here.
  const told = ({ output }: { readonly output: string }): string =>
    output.replace(/^ {2}\+ service \S+ of \S+\/cam\n/gm, '');
  expect(diff.code).toBe(0);
  expect(told(diff)).toBe(expected);
  server.write(next);
  expect(told(await run('-s', 'reload', '--dry-run'))).toBe(expected);
  const { code, output } = await run('-s', 'reload', '--dry-run', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject({ outcome: 'planned', ends: { publishers: 0, players: 0 } });
  expect(JSON.parse(output).changes[0].settings).toEqual([{ name: 'gop_cache', from: null, to: 'off' }]);
  server.write('rtmp {');
  expect(await run('-s', 'reload', '--dry-run')).toMatchObject({
    code: 1,
    output: expect.stringContaining('is kept'),
  });
  server.write(next);
  expect((await run('-s', 'reload')).output).toMatch(/^mediad: reloaded in/);
  await server.child.stop();
  expect(await run('-t', '--diff')).toMatchObject({
    code: 1,
    output: expect.stringContaining('is not running'),
  });
});

test('saving the file is enough, and so is HUP', async () => {
  const server = await served();
  const { place, child } = server;
  const [second, third] = place.spare as [number, number];
  server.write(conf(place, '', undefined, second));
  await until('the second port', () => isOpen(second), 5000);
  expect((await server.run('-s', 'reload')).output).toMatch(
    /^mediad: already reloaded as the file was saved: \+1 listen \(.*\), -1 listen \(.*\); 0 publishers/,
  );
  server.write(conf(place, 'auto_reload off;', undefined, second));
  await until('auto_reload off', () => /auto_reload/.test(child.output()), 5000);
  server.write(conf(place, 'auto_reload off;', undefined, third));
  process.kill(child.pid, 'SIGHUP');
  await until('the third port', () => isOpen(third), 5000);
  expect(await isOpen(second)).toBe(false);
  await child.stop();
});

test('a server whose file is broken by now is stopped, reopened and reported all the same', async () => {
  const server = await served((place) => conf(place, 'pid run/my.pid; auto_reload off;'));
  server.write('pid run/my.pid;\nrtmp { server { listen');
  expect(await server.run('-s', 'reopen')).toMatchObject({ code: 0, output: '' });
  await until('reopened', () => server.child.output().includes('logs reopened'));
  const health = await server.run('healthcheck');
  expect(health.code).toBe(0);
  expect(JSON.parse(health.output)).toMatchObject({ pid: server.child.pid, publishers: 0, viewers: 0 });
  expect(await server.run('-s', 'stop')).toMatchObject({ code: 0, output: '' });
  expect(server.child.running).toBe(false);
  expect(await server.child.ended).toEqual({ code: 0, signal: null });
});

test('a second server is refused, and a stale pid file is not in the way', async () => {
  const server = await served();
  const second = await server.run();
  expect(second.code).toBe(1);
  expect(second.output).toBe(
    `mediad: [emerg] mediad is already running (pid ${server.child.pid}, pid file ${server.pidPath})\n   = to apply changes: mediad -s reload; to end it: mediad -s stop\n`,
  );
  expect(readFileSync(server.pidPath, 'utf8')).toBe(`${server.child.pid}\n`);
  await server.child.stop('SIGKILL');
  expect(existsSync(server.pidPath)).toBe(true);
  expect(await server.run('-s', 'reload')).toMatchObject({
    code: 1,
    output: `mediad: [error] mediad is not running (pid file ${server.pidPath} names process ${server.child.pid}, which is gone)\n`,
  });
  const again = await serve(server);
  expect(readFileSync(again.pidPath, 'utf8')).toBe(`${again.child.pid}\n`);
  await again.child.stop();
});

test('a pid path too long for a socket beside it still gets answers', async () => {
  const where = await site();
  const folder = where.place.path('x'.repeat(120));
  mkdirSync(folder);
  where.write(conf(where.place, `pid ${folder}/mediad.pid;`));
  const server = await serve(where);
  expect(await server.run('-s', 'reload')).toMatchObject({ code: 0 });
  expect(await server.run('-s', 'quit')).toMatchObject({ code: 0, output: '' });
  expect(server.child.running).toBe(false);
});

test('a broken file starts nothing, tells every error and ends with 1', async () => {
  const where = await site();
  where.write(conf(where.place, 'wrker_processes 2;', 'application live { live yes; }'));
  const ran = await where.run();
  expect(ran.code).toBe(1);
  expect(ran.output).toMatch(/unknown directive "wrker_processes".*invalid value "yes" in "live" directive/s);
  expect(existsSync(where.place.path('logs'))).toBe(false);
});

test('a busy port is named with its owner', async () => {
  const where = await site();
  const other = createServer().listen(where.place.rtmp, '127.0.0.1');
  where.write(conf(where.place));
  const ran = await where.run();
  other.close();
  expect(ran.code).toBe(1);
  expect(ran.output).toMatch(
    new RegExp(
      `^mediad: \\[emerg\\] listen 127\\.0\\.0\\.1:${where.place.rtmp} is used by pid ${process.pid} \\(.*\\) in .*media\\.conf:3:\\d+\n`,
    ),
  );
  expect(ran.output).toContain(`choose another port: listen ${where.place.rtmp + 1};`);
  expect(existsSync(where.pidPath)).toBe(false);
});

test('daemon on leaves the server behind, and tells when it could not', async () => {
  const where = await site();
  where.write(conf(where.place, 'daemon on;').replace('error_log stderr info;', ''));
  const began = performance.now();
  expect(await where.run()).toMatchObject({ code: 0, output: '' });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await isOpen(where.place.rtmp)).toBe(true);
  expect(readFileSync(where.place.path('logs/error.log'), 'utf8')).toContain('"msg":"ready"');
  const pid = Number(readFileSync(where.pidPath, 'utf8'));
  expect(await where.run()).toMatchObject({
    code: 1,
    output: expect.stringContaining(`already running (pid ${pid}`),
  });
  expect(await where.run('-s', 'stop')).toMatchObject({ code: 0, output: '' });
  expect(isAlive(pid)).toBe(false);

  const other = createServer().listen(where.place.rtmp, '127.0.0.1');
  const ran = await where.run();
  other.close();
  expect(ran).toMatchObject({ code: 1, output: expect.stringContaining('is used by pid') });
  expect(existsSync(where.pidPath)).toBe(false);
});

test('after a rotation and USR1 the log goes on in a new file', async () => {
  const server = await served((place) => `error_log stderr info; error_log error.log info;\n${conf(place)}`);
  const { place, child } = server;
  const log = place.path('error.log');
  renameSync(log, `${log}.1`);
  process.kill(child.pid, 'SIGUSR1');
  await until('a new log', () => existsSync(log) && readFileSync(log, 'utf8').includes('logs reopened'));
  expect(readFileSync(`${log}.1`, 'utf8')).toContain('"msg":"ready"');
  rmSync(log);
  await child.stop();
});

test('a user that is not there is a warning of -t, and an error of a start by root', async () => {
  const where = await site();
  where.write(conf(where.place, 'user nobody_of_this_name;'));
  const checked = await where.run('-t');
  expect(checked.code).toBe(0);
  expect(checked.output).toMatch(/^mediad: \[warn\] .* in .*media\.conf:2:1\n/);
  if (process.getuid?.() === 0) {
    const ran = await where.run();
    expect(ran.code).toBe(1);
    expect(ran.output).toMatch(/^mediad: \[emerg\] getpwnam\("nobody_of_this_name"\) failed in /);
    expect(await isOpen(where.place.rtmp)).toBe(false);
    expect(existsSync(where.pidPath)).toBe(false);
  }
});

test('a pid file that cannot be written ends the start, with the way out', async () => {
  const where = await site();
  where.write(conf(where.place, 'pid media.conf/mediad.pid;'));
  const ran = await where.run();
  expect(ran.code).toBe(1);
  expect(ran.output).toMatch(/\[emerg\] open\(\) ".*media\.conf\/mediad\.pid" failed .*\n.*pid FILE;\n/);
  expect(await isOpen(where.place.rtmp)).toBe(false);
});

test('a fault that nobody caught is logged with its stack, and the server goes on', async () => {
  const where = await site();
  where.write(conf(where.place));
  const fault = 'process.on("SIGUSR2", () => { throw new Error("boom"); });';
  const child = await start(process.execPath, [
    '--import',
    `data:text/javascript,${encodeURIComponent(fault)}`,
    PROGRAM,
    '-c',
    where.place.conf,
  ]);
  await until('ready', () => child.output().includes('"msg":"ready"'));
  process.kill(child.pid, 'SIGUSR2');
  await until('the fault in the log', () => child.output().includes('an error was caught by nobody'));
  expect(child.output()).toMatch(/"level":"fatal".*"message":"boom","stack":"Error: boom/);
  expect(await isOpen(where.place.rtmp)).toBe(true);
  expect(await child.stop()).toEqual({ code: 0, signal: null });
});

test('signals during the start count once it is over', async () => {
  const where = await site();
  where.write(conf(where.place));
  const child = await start(process.execPath, [PROGRAM, '-c', where.place.conf]);
  await until('the pid file', () => existsSync(where.pidPath) || !child.running);
  child.stop('SIGQUIT').catch(() => undefined);
  expect(await child.ended).toEqual({ code: 0, signal: null });
});
