import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError } from '../../src/config/errors.ts';
import type { PublishRequest } from '../../src/core/applications/request.ts';
import { type Outcome, outcomeData, outcomeLines, type Planned } from '../../src/daemon/outcome.ts';
import { freePort, type Running, Site, startDaemon } from './fakes.ts';

const conf = (
  listens: readonly number[],
  applications = 'application live { live on; }',
  more = '',
): string =>
  `auto_reload off;\n${more}\nrtmp {\n  server {\n${listens
    .map((port) => `    listen 127.0.0.1:${port};`)
    .join('\n')}\n    ${applications}\n  }\n}\n`;

/** What the server at a port says, or the code of the error. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

function occupy(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function refusedMessages(outcome: Outcome | Planned): readonly string[] {
  expect(outcome.kind).toBe('refused');
  return outcome.kind === 'refused' ? outcome.diagnostics.map(({ message }) => message) : [];
}

function changesOf(outcome: Outcome): readonly string[] {
  if (outcome.kind === 'refused') throw new Error(outcomeLines(outcome).join('\n'));
  return outcome.report.changes.map(
    ({ kind, name, outcome: what, changed }) =>
      `${what} ${kind} ${name}${changed === undefined ? '' : `: ${changed.join()}`}`,
  );
}

describe('start', () => {
  test('serves what the file says, and leaves nothing behind at the stop', async () => {
    const port = await freePort();
    const site = new Site(conf([port]));
    const { daemon, rtmp } = await startDaemon(site);
    expect(await greeting(port)).toBe('rtmp');
    expect(readFileSync(site.pid, 'utf8')).toBe(`${process.pid}\n`);
    expect(daemon.addresses).toEqual([`127.0.0.1:${port}`]);
    await daemon.stop();
    await daemon.ended;
    expect(rtmp.steps).toEqual(['prepare', 'commit', 'close']);
    expect(await greeting(port)).toBe('ECONNREFUSED');
    expect(() => readFileSync(site.pid)).toThrow(/ENOENT/);
    expect(readFileSync(site.log, 'utf8')).toMatch(/"notice".*"ready".*"stopped"/s);
  });

  test('a broken file starts nothing and tells every error', async () => {
    const port = await freePort();
    const site = new Site(conf([port], 'application live { live yes; }', 'aplication on;'));
    const error = await startDaemon(site).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).diagnostics).toHaveLength(2);
    expect(await greeting(port)).toBe('ECONNREFUSED');
    expect(() => readFileSync(site.pid)).toThrow(/ENOENT/);
  });

  test('a busy port starts nothing, not even on the other ports', async () => {
    const [free, busy] = [await freePort(), await freePort()];
    await occupy(busy);
    const site = new Site(conf([free, busy]));
    await expect(startDaemon(site)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(await greeting(free)).toBe('ECONNREFUSED');
    expect(() => readFileSync(site.pid)).toThrow(/ENOENT/);
  });

  test('what hosts find wrong is an error too', async () => {
    const port = await freePort();
    const site = new Site(conf([port], '', `http { server { listen 127.0.0.1:${port}; } }`));
    const error = await startDaemon(site).catch((reason: unknown) => reason);
    expect((error as ConfigError).message).toBe(
      `listen 127.0.0.1:${port} of http is taken by listen 127.0.0.1:${port} of rtmp`,
    );
  });
});

describe('reload', () => {
  test('of the same file changes nothing and says so', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon } = await startDaemon(site);
    const outcome = await daemon.reload('test');
    expect(changesOf(outcome)).toEqual([]);
    expect(outcomeLines(outcome)).toEqual(['mediad: configuration is unchanged, nothing to do']);
  });

  test('adds and removes listeners and applications, and keeps connections of those removed', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const site = new Site(conf([first]));
    const { daemon, rtmp } = await startDaemon(site);
    const old = connect(first, '127.0.0.1');
    onTestFinished(() => void old.destroy());
    await new Promise((resolve) => old.once('data', resolve));
    site.write(conf([second], 'application live { live on; } application cam { live on; gop_cache off; }'));
    const outcome = await daemon.reload('test');
    expect(changesOf(outcome)).toEqual([
      `started listen 127.0.0.1:${second}`,
      `closed listen 127.0.0.1:${first}`,
      `updated server rtmp:${second}: listen`,
      `started application rtmp:${second}/cam`,
    ]);
    expect(await greeting(second)).toBe('rtmp');
    expect(await greeting(first)).toBe('ECONNREFUSED');
    expect(rtmp.sockets.size).toBeGreaterThan(0);
    expect(old.destroyed).toBe(false);
    expect(outcomeLines(outcome).join()).toMatch(
      /^mediad: reloaded in [0-9]+ ms: \+1 listen \(.*\), \+1 application \(rtmp:.*\/cam\), -1 listen \(.*\); 0 publishers and 0 viewers kept$/,
    );
  });

  test('changes settings under a publisher that stays', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon, rtmp } = await startDaemon(site);
    const [application] = [...rtmp.runtime.hub.applications()];
    const dismissed: string[] = [];
    const publication = await application!.publish({
      action: 'publish',
      application: application!,
      name: 's',
      args: '',
      type: 'live',
      client: { id: 1, log: daemon.log } as PublishRequest['client'],
      dismiss: (reason) => void dismissed.push(reason),
    });
    site.write(
      readFileSync(site.file, 'utf8').replace(/^.*\n/, '').replace('live on;', 'live on; gop_cache off;'),
    );
    const outcome = await daemon.reload('test');
    expect(changesOf(outcome)).toEqual([expect.stringMatching(/^updated application .*\/live: gop_cache$/)]);
    expect(outcomeLines(outcome).at(-1)).toMatch(
      /~1 application \(.*live: gop_cache\); 1 publisher and 0 viewers kept$/,
    );
    expect(application!.settings.gop_cache).toBe(false);
    expect(dismissed).toEqual([]);
    expect(publication.closed).toBe(false);
  });

  const [broken, missing] = ['rtmp { server {', 'include nowhere.conf;'];
  test.for([
    ['a half-written file', broken, /unexpected end of file/],
    ['an empty file', '', /is empty/],
    [
      'an include that is not there',
      missing,
      /open\(\) ".*nowhere\.conf" failed \(2: No such file or directory\)/,
    ],
  ] as const)('%s is refused and everything runs on', async ([, text, message]) => {
    const port = await freePort();
    const site = new Site(conf([port]));
    const { daemon, rtmp } = await startDaemon(site);
    const before = daemon.config;
    if (text === '') writeFileSync(site.file, '');
    else site.write(text);
    const outcome = await daemon.reload('test');
    expect(refusedMessages(outcome).join('\n')).toMatch(message);
    expect(outcomeLines(outcome).at(-1)).toMatch(
      /^mediad: reload refused, the running configuration \(loaded \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\) is kept$/,
    );
    expect(daemon.config).toBe(before);
    expect(rtmp.steps).toEqual(['prepare', 'commit']);
    expect(await greeting(port)).toBe('rtmp');
    const log = readFileSync(site.log, 'utf8');
    expect(log.match(/"level":"error"/g)).toHaveLength(2);
  });

  test('a busy port is named with its owner, and undone with everything else', async () => {
    const [port, free, busy] = [await freePort(), await freePort(), await freePort()];
    await occupy(busy);
    const site = new Site(conf([port]));
    const { daemon, rtmp } = await startDaemon(site);
    site.write(conf([port, busy, free], 'application other { live on; }'));
    const outcome = await daemon.reload('test');
    const [message] = refusedMessages(outcome);
    expect(message).toMatch(new RegExp(`^listen 127.0.0.1:${busy} is used by pid ${process.pid} \\(.+\\)$`));
    expect(outcomeLines(outcome).join('\n')).toContain(`listen 127.0.0.1:${busy};\n  |`);
    expect(rtmp.steps).toEqual(['prepare', 'commit', 'prepare', 'undo']);
    expect(daemon.addresses).toEqual([`127.0.0.1:${port}`]);
    expect(await greeting(free)).toBe('ECONNREFUSED');
    expect([...rtmp.runtime.hub.applications()].map(({ name }) => name)).toEqual(['live']);
    expect(outcomeData(outcome)).toMatchObject({
      outcome: 'refused',
      diagnostics: [{ code: 'bind-failed' }],
    });
  });

  test('a host that cannot prepare undoes the other one', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon, rtmp, http } = await startDaemon(site);
    http.failure = Object.assign(new Error('no'), { code: 'EACCES', syscall: 'open', path: '/cert.pem' });
    const outcome = await daemon.reload('test');
    expect(refusedMessages(outcome)).toEqual(['open() "/cert.pem" failed (13: Permission denied)']);
    expect(rtmp.steps).toEqual(['prepare', 'commit', 'prepare', 'undo']);
    http.failure = new TypeError('a bug');
    expect(refusedMessages(await daemon.reload('test'))).toEqual(['internal error: TypeError: a bug']);
    expect((await daemon.reload('test')).kind).toBe('applied');
  });

  test('requests during a reload share exactly one more', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon, rtmp } = await startDaemon(site);
    let open = (): void => undefined;
    rtmp.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = daemon.reload('one');
    const others = [daemon.reload('two'), daemon.reload('three'), daemon.reload('four')];
    expect(new Set(others).size).toBe(1);
    site.write(conf([await freePort()]));
    open();
    expect(changesOf(await first)).toEqual([]);
    expect(changesOf(await others[0]!)).toHaveLength(3);
    expect(rtmp.steps.filter((step) => step === 'prepare')).toHaveLength(3);
  });

  test('what needs a restart is told, what does not is applied', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon } = await startDaemon(site);
    site.write(conf([await freePort()], '', 'pid other.pid; worker_shutdown_timeout 9s;'));
    const outcome = await daemon.reload('test');
    expect(changesOf(outcome)).toContain('updated setting main: worker_shutdown_timeout');
    expect(outcomeLines(outcome)).toContain('mediad: [warn] only a restart applies: pid');
  });

  test('that one process goes on serving is told for as long as the file asks for more', async () => {
    const port = await freePort();
    const site = new Site(conf([port]));
    const { daemon } = await startDaemon(site);
    site.write(conf([port], '', 'worker_processes 3;'));
    const first = outcomeLines(await daemon.reload('test')).join('\n');
    expect(first).toContain('only a restart applies: worker_processes');
    for (const text of [first, outcomeLines(await daemon.reload('again')).join('\n')]) {
      expect(text).toContain(
        'one process goes on serving: it was started as the only one, and 3 need a primary',
      );
      expect(text).toContain(
        'restart; a server that was started with 2 or more takes any number by a reload',
      );
    }
    site.write(conf([port], '', 'worker_processes 1;'));
    expect(outcomeLines(await daemon.reload('back')).join('\n')).not.toContain('primary');
  });

  test('the log moves to another file and level under the loggers that are there', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon } = await startDaemon(site);
    const child = daemon.log.child({ session: 1 });
    child.debug('to the first file');
    const second = site.path('second.log');
    writeFileSync(site.file, readFileSync(site.file, 'utf8').replace(/^.*\n/, `error_log ${second} info;\n`));
    expect((await daemon.reload('test')).kind).toBe('applied');
    child.debug('too much');
    child.info('to the second file');
    expect(readFileSync(site.log, 'utf8')).toContain('to the first file');
    expect(readFileSync(site.log, 'utf8')).not.toContain('to the second file');
    expect(readFileSync(second, 'utf8')).toContain('to the second file');
    expect(readFileSync(second, 'utf8')).not.toContain('too much');
  });

  test('a log that cannot be opened refuses the reload', async () => {
    const site = new Site(conf([await freePort()]));
    const { daemon } = await startDaemon(site);
    writeFileSync(
      site.file,
      readFileSync(site.file, 'utf8').replace(/^.*\n/, 'error_log /proc/none/x.log;\n'),
    );
    expect(refusedMessages(await daemon.reload('test'))).toEqual([
      'open() "/proc/none/x.log" failed (2: No such file or directory)',
    ]);
  });

  test('saving the file is enough, also to mend it', async () => {
    const site = new Site(conf([await freePort()]).replace('auto_reload off;', ''));
    const { daemon, rtmp } = await startDaemon(site);
    const names = (): readonly string[] => [...rtmp.runtime.hub.applications()].map(({ name }) => name);
    site.write('rtmp { server {');
    await expect.poll(() => readFileSync(site.log, 'utf8'), { timeout: 5000 }).toContain('reload refused');
    expect(names()).toEqual(['live']);
    site.write(conf([await freePort()], 'application mended { live on; }').replace('auto_reload off;', ''));
    await expect.poll(names, { timeout: 5000 }).toEqual(['mended']);
    site.write(conf([await freePort()], 'application mended { live on; }'));
    await expect.poll(() => daemon.watches, { timeout: 5000 }).toBe(false);
  });
});

describe('stop', () => {
  test('a graceful one waits for connections, up to its time', async () => {
    const port = await freePort();
    const site = new Site(conf([port], '', 'worker_shutdown_timeout 10s;'));
    const { daemon, rtmp } = await startDaemon(site);
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('data', resolve));
    const quitting = daemon.quit();
    await expect.poll(() => rtmp.steps.at(-1)).toBe('drain');
    expect(await greeting(port)).toBe('ECONNREFUSED');
    expect(refusedMessages(await daemon.reload('test'))).toEqual(['the server is stopping']);
    socket.end();
    await quitting;
    expect(rtmp.steps.at(-1)).toBe('close');
  });

  test('a fast one ends a graceful one', async () => {
    const port = await freePort();
    const site = new Site(conf([port], '', 'worker_shutdown_timeout 0;'));
    const { daemon } = await startDaemon(site);
    const socket = connect(port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('data', resolve));
    const quitting = daemon.quit();
    await daemon.stop();
    await Promise.all([quitting, closed]);
  });
});

describe('a look at a reload', () => {
  const publish = async ({ daemon, rtmp }: Running, name: string): Promise<string[]> => {
    const application = [...rtmp.runtime.hub.applications()].find((one) => one.name === name)!;
    const dismissed: string[] = [];
    const publication = await application.publish({
      action: 'publish',
      application,
      name: 's',
      args: '',
      type: 'live',
      client: { id: 1, log: daemon.log } as PublishRequest['client'],
      dismiss: (reason) => void dismissed.push(reason),
    });
    onTestFinished(() => publication.close());
    return dismissed;
  };

  test('tells what the reload then does, and whom it sends away, and does nothing', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const site = new Site(
      conf([first], 'application live { live on; gop_cache on; } application old { live on; }'),
    );
    const running = await startDaemon(site);
    const { daemon } = running;
    const dismissed = await publish(running, 'old');
    await publish(running, 'live');
    site.write(
      conf([first, second], 'application live { live on; gop_cache off; } application new {}', 'env A=b;'),
    );
    const plan = await daemon.plan();
    expect(outcomeLines(plan)).toEqual([
      'mediad: a reload would do this:',
      '  ~ setting main',
      '      env: default → A=b',
      `  + listen 127.0.0.1:${second}`,
      `  ~ server rtmp:${first}`,
      `      listen: 127.0.0.1:${first} → 127.0.0.1:${first}; 127.0.0.1:${second}`,
      `  - application rtmp:${first}/old, ends 1 publisher and 0 players`,
      `  ~ application rtmp:${first}/live`,
      '      gop_cache: on → off',
      `  + application rtmp:${first}/new`,
      'mediad: 1 publisher and 0 players would be sent away, 1 publisher and 0 players would stay',
    ]);
    expect(dismissed).toEqual([]);
    expect(daemon.addresses).toEqual([`127.0.0.1:${first}`]);
    expect(await greeting(second)).toBe('ECONNREFUSED');
    const planned = plan.kind === 'planned' ? plan.steps.map(({ entry }) => entry) : [];
    const outcome = await daemon.reload('test');
    expect(outcome.kind === 'applied' ? outcome.report.entries : []).toEqual(planned);
    expect(outcomeLines(outcome).at(-1)).toMatch(
      /, 1 publisher and 0 players sent away; 1 publisher and 0 viewers kept$/,
    );
    expect(dismissed).toEqual(['the application was removed']);
  });

  test('tells of a file that would be refused, and of one in place of the running one', async () => {
    const [port, busy] = [await freePort(), await freePort()];
    await occupy(busy);
    const site = new Site(conf([port]));
    const { daemon } = await startDaemon(site);
    site.write(conf([port, busy]));
    expect(refusedMessages(await daemon.plan())).toEqual([
      expect.stringMatching(`^listen 127.0.0.1:${busy} is used by`),
    ]);
    const other = site.path('conf/other.conf');
    writeFileSync(other, readFileSync(site.file, 'utf8').replace(`listen 127.0.0.1:${busy};`, 'ping 1s'));
    expect(refusedMessages(await daemon.plan(other))).not.toEqual([]);
    site.write(conf([port]));
    expect(outcomeLines(await daemon.plan())).toEqual(['mediad: configuration is unchanged, nothing to do']);
    expect(await greeting(port)).toBe('rtmp');
  });

  test('refuses nobody where an address would have to be let go for another form of it', async () => {
    const port = await freePort();
    const site = new Site(conf([port]));
    const { daemon } = await startDaemon(site);
    site.write(conf([port]).replace(`127.0.0.1:${port}`, `0.0.0.0:${port}`));
    let asking = true;
    const answers: Promise<string>[] = [];
    const knocking = (async () => {
      while (asking) {
        answers.push(greeting(port));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const plan = await daemon.plan();
    asking = false;
    await knocking;
    expect(outcomeLines(plan).join()).toMatch(/\+ listen 0\.0\.0\.0:.*- listen 127\.0\.0\.1:/);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['rtmp']));
  });

  test('and reloads wait for each other', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const site = new Site(conf([first]));
    const { daemon } = await startDaemon(site);
    site.write(conf([first, second]));
    const all = await Promise.all([
      daemon.plan(),
      daemon.reload('one'),
      daemon.plan(),
      daemon.reload('two'),
      daemon.plan(),
    ]);
    expect(all.map(({ kind }) => kind)).toEqual(['planned', 'applied', 'planned', 'applied', 'planned']);
    expect(await greeting(second)).toBe('rtmp');
  });
});
