import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { childEnvironment } from './children.ts';
import { makePlace, type Place, ROOT } from './harness.ts';

const PROGRAM = join(ROOT, 'bin/mediad.js');

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function mediad(cwd: string, ...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: childEnvironment(),
      timeout: 20_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const GOOD =
  'rtmp {\n    server {\n        listen 127.0.0.1:1935;\n        application live {\n            live on;\n        }\n    }\n}\n';
const BAD = GOOD.replace('application live', 'aplication live').replace('live on;', 'live yes;');
const WARNS = `user nobody_here_${process.pid};\n${GOOD}`;

/** A folder whose `conf/` holds a file of each kind. */
async function folder(): Promise<Place> {
  const place = await makePlace();
  mkdirSync(place.path('conf'));
  for (const [name, text] of Object.entries({ media: GOOD, bad: BAD, warns: WARNS })) {
    writeFileSync(place.path(`conf/${name}.conf`), text);
  }
  return place;
}

describe('what the program prints and how it ends', async () => {
  const { directory } = await folder();
  const OK = (file: string): string =>
    `mediad: the configuration file ${file} syntax is ok\nmediad: configuration file ${file} test is successful\n`;

  const table: readonly {
    /** Words between spaces; a tilde is a space inside a word. */
    readonly line: string;
    readonly code: number;
    readonly stdout?: string | RegExp;
    readonly stderr?: string | RegExp;
  }[] = [
    { line: '-v', code: 0, stdout: /^mediad version: mediad\/\d+\.\d+\.\d+\n$/ },
    { line: '-V', code: 0, stdout: /^mediad version: .*\nrunning on node .*\nmodules: main .*\n$/ },
    { line: '-h', code: 0, stdout: /^mediad version: .*\nUsage: mediad \[-\?hvVtTq\]/ },
    { line: '-?', code: 0, stdout: /Usage: mediad/ },
    { line: '-t', code: 0, stderr: OK('conf/media.conf') },
    { line: '-t -q', code: 0 },
    { line: '-t -c conf/media.conf', code: 0, stderr: OK('conf/media.conf') },
    { line: `-t -p ${directory}`, code: 0, stderr: OK(`${directory}/conf/media.conf`) },
    { line: `-tq -p ${directory} -c conf/media.conf`, code: 0 },
    {
      line: '-T',
      code: 0,
      stdout: `# configuration file ${directory}/conf/media.conf:\n${GOOD}\n`,
      stderr: OK('conf/media.conf'),
    },
    {
      line: '-t -c conf/bad.conf',
      code: 1,
      stderr: `mediad: [emerg] unknown directive "aplication" in conf/bad.conf:4:9
  |
4 |         aplication live {
  |         ^^^^^^^^^^
  = did you mean "application"?

mediad: [emerg] invalid value "yes" in "live" directive, it must be "on" or "off" in conf/bad.conf:5:18
  |
5 |             live yes;
  |                  ^^^

mediad: configuration file conf/bad.conf test failed: 2 errors
`,
    },
    { line: '-t -q -c conf/bad.conf', code: 1, stderr: /unknown directive.*test failed: 2 errors\n$/s },
    {
      line: '-t -c conf/bad.conf --format json',
      code: 1,
      stdout:
        /^{"ok":false,"file":"conf\/bad.conf","errors":2,"warnings":0,"diagnostics":\[.*"line":4,"column":9.*\]}\n$/,
    },
    {
      line: '-t -c conf/bad.conf --format gcc',
      code: 1,
      stdout:
        /^conf\/bad.conf:4:9: error: unknown directive "aplication" .*\nconf\/bad.conf:5:18: error: .*\n$/,
    },
    {
      line: '-t -c conf/bad.conf --format github',
      code: 1,
      stdout: /^::error file=conf\/bad.conf,line=4,col=9,endColumn=19::unknown directive.*\n::error .*\n$/,
    },
    { line: '-t --format json', code: 0, stdout: /^{"ok":true,.*"diagnostics":\[\]}\n$/ },
    {
      line: '-t -c conf/warns.conf',
      code: 0,
      stderr: /^mediad: \[warn\] .* in conf\/warns.conf:1:1\n.*successful\n$/s,
    },
    {
      line: '-t -c conf/warns.conf --strict',
      code: 1,
      stderr: /\[warn\].*test failed: 1 warning, with --strict\n$/s,
    },
    {
      line: '-t -c conf/media.cnf',
      code: 1,
      stderr:
        /^mediad: \[emerg\] open\(\) "conf\/media.cnf" failed \(2: No such file or directory\)\n.*= did you mean "media.conf"\?/,
    },
    {
      line: '-t -g worker_proceses~2;',
      code: 1,
      stderr: /unknown directive "worker_proceses" in command line\n.*did you mean "worker_processes"\?/,
    },
    { line: '-z', code: 2, stderr: 'mediad: invalid option: "-z"\n' },
    {
      line: '-s relod',
      code: 2,
      stderr:
        'mediad: invalid option: "-s relod" (did you mean "reload"? one of stop, quit, reopen, reload)\n',
    },
    ...['stop', 'quit', 'reopen', 'reload'].map((signal) => ({
      line: `-s ${signal}`,
      code: 1,
      stderr: `mediad: [error] mediad is not running (pid file ${directory}/logs/mediad.pid: No such file or directory)\n`,
    })),
    { line: 'healthcheck', code: 1, stderr: /does not answer/ },
    { line: 'check -c conf/bad.conf', code: 1, stderr: /test failed: 2 errors\n$/ },
    {
      line: 'directives gop_cache',
      code: 0,
      stdout: /^Syntax: +gop_cache on \| off;\nDefault: +gop_cache on;\nContext: /,
    },
    { line: 'directives sendfile', code: 0, stdout: /^sendfile is accepted and has no effect in / },
    { line: 'directives gop_cahce', code: 1, stderr: /did you mean "gop_cache"\?/ },
    { line: 'directives', code: 0, stdout: /^include .*\n(.*\n)*gop_cache +\S/ },
  ];

  test.for(table)('mediad $line', async ({ line, code, stdout = '', stderr = '' }) => {
    const ran = await mediad(directory, ...line.split(' ').map((word) => word.replace('~', ' ')));
    expect(ran).toEqual({
      code,
      stdout: typeof stdout === 'string' ? stdout : expect.stringMatching(stdout),
      stderr: typeof stderr === 'string' ? stderr : expect.stringMatching(stderr),
    });
  });

  test('a test leaves no file behind', () => expect(existsSync(join(directory, 'logs'))).toBe(false));
});

test('directives that do nothing are listed with the reason', async () => {
  const { directory, path } = await folder();
  writeFileSync(path('conf/media.conf'), `pcre_jit on;\n${GOOD}`);
  expect((await mediad(directory, 'check')).stderr).toMatch(
    /^mediad: \[notice\] "pcre_jit" has no effect: .* in conf\/media.conf:1:1\n/,
  );
  expect((await mediad(directory, '-t')).stderr).not.toContain('pcre_jit');
});

test('without a file of its own, the packaged one is tested', async () => {
  const { directory } = await makePlace();
  const ran = await mediad(directory, '-t');
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining(join(ROOT, 'conf/media.conf')) });
});

test('a reader that goes away early is no error', async () => {
  const { directory, path } = await folder();
  writeFileSync(path('conf/media.conf'), `${'# much to print\n'.repeat(100_000)}${GOOD}`);
  const child = spawn('sh', ['-c', `"${process.execPath}" "${PROGRAM}" -T -q | head -n 1`], {
    cwd: directory,
    env: childEnvironment(),
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await new Promise((resolve) => child.on('close', resolve));
  expect(output).toBe(`# configuration file ${directory}/conf/media.conf:\n`);
});

test('it runs through a link to it', async () => {
  const { directory, path } = await folder();
  symlinkSync(PROGRAM, path('mediad'));
  const child = spawn(process.execPath, [path('mediad'), '-tq'], { cwd: directory, env: childEnvironment() });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
});
