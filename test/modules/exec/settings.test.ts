// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of the configuration
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Block, childrenOf, orderedSettings, settingsOf } from '../../../src/config/block.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { memoryFiles } from '../../../src/config/files.ts';
import { checkExec } from '../../../src/modules/exec/check.ts';
import { linesFor, linesOf, recordingLines } from '../../../src/modules/exec/line.ts';
import { findProgram } from '../../../src/modules/exec/lookup.ts';
import { EXEC_GROUP, execTable, recordingTable } from '../../../src/modules/exec/table.ts';
import { modules } from '../../../src/modules/index.ts';

function load(text: string): Block {
  const file = resolve('media.conf');
  return loadConfig({ file, sources: modules, files: memoryFiles({ [file]: text }) }).tree;
}

function applicationOf(tree: Block, index = 0): Block {
  return childrenOf(childrenOf(childrenOf(tree, 'rtmp')[0]!, 'server')[0]!, 'application')[index]!;
}

function linesIn(block: Block): readonly string[] {
  return linesOf(orderedSettings(settingsOf(block, execTable), EXEC_GROUP)).map(
    ({ directive, program, args, names }) =>
      [`${directive}:`, program, ...args, ...names.map((name) => `only ${name}`)].join(' '),
  );
}

describe('lines', () => {
  test('of inner blocks come first, in the order of the file whatever they are called', () => {
    const tree = load(`rtmp { exec r; exec_static s; server { exec_push v; application a {
      exec_push a; exec b; exec_publish c; exec d; } application b { } } }`);
    expect(linesIn(applicationOf(tree))).toEqual([
      ...['exec_push: a', 'exec: b', 'exec_publish: c', 'exec: d'],
      ...['exec_push: v', 'exec: r', 'exec_static: s'],
    ]);
    expect(linesIn(applicationOf(tree, 1))).toEqual(['exec_push: v', 'exec: r', 'exec_static: s']);
  });

  test('may go over several lines of the file', () => {
    const tree = load(`rtmp { server { application a { exec ff -i "x y"
      -c:a aac # a remark
      -f flv 'rtmp://h/$name_low'; } } }`);
    expect(linesIn(applicationOf(tree))).toEqual(['exec: ff -i x y -c:a aac -f flv rtmp://h/$name_low']);
  });

  test('of recordings: those of a recorder take the place of all around it, each of its own occasion', () => {
    const tree = load(`rtmp { exec_record_done r; server { application a {
      exec_options on; exec_record_done a name=x; exec_record_started s;
      recorder one { exec_record_done one; exec_record_done two name=x; } recorder other { } } } }`);
    const application = applicationOf(tree);
    const lines = (block: Block, occasion: 'record_started' | 'record_done'): readonly string[] =>
      recordingLines(orderedSettings(settingsOf(block, recordingTable), EXEC_GROUP), occasion).map(
        ({ program, args, names }) => [program, ...args, ...names.map((name) => `only ${name}`)].join(' '),
      );
    const [one, other] = childrenOf(application, 'recorder');
    expect(lines(application, 'record_done')).toEqual(['a only x', 'r']);
    expect(lines(other!, 'record_done')).toEqual(['a only x', 'r']);
    // exec_options counts in its own block only.
    expect(lines(one!, 'record_done')).toEqual(['one', 'two name=x']);
    expect(lines(one!, 'record_started')).toEqual(['s']);
  });

  test('are for named streams only after exec_options on in their own block', () => {
    const tree = load(`rtmp { exec_options on; exec o name=o; server { exec p name=x; application a {
      exec q name=x; exec_options on; exec r name=x a name=y; exec_options off; exec s name=x; } } }`);
    expect(linesIn(applicationOf(tree))).toEqual([
      ...['exec: q name=x', 'exec: r a only x only y', 'exec: s name=x', 'exec: p name=x', 'exec: o only o'],
    ]);
    const lines = linesOf(orderedSettings(settingsOf(applicationOf(tree), execTable), EXEC_GROUP));
    const programs = (name: string) => linesFor(lines, 'push', name).map(({ program }) => program);
    expect(programs('x')).toEqual(['q', 'r', 's', 'p']);
    expect(programs('y')).toEqual(['q', 'r', 's', 'p']);
    expect(programs('o')).toEqual(['q', 's', 'p', 'o']);
    expect(programs('z')).toEqual(['q', 's', 'p']);
  });

  test.each(Object.entries(execTable))('the example of %s holds', (_name, { example }) => {
    expect(() => load(`rtmp { server { application a { ${example} } } }`)).not.toThrow();
    expect(example).toBeDefined();
  });

  test.each([
    ['term', 'SIGTERM'],
    ['SIGHUP', 'SIGHUP'],
    ['usr1', 'SIGUSR1'],
    ['9', 'SIGKILL'],
    ['2', 'SIGINT'],
  ])('exec_kill_signal %s is %s', (written, signal) => {
    const tree = load(`rtmp { server { exec_kill_signal ${written}; application a { } } }`);
    expect(settingsOf(applicationOf(tree), execTable).exec_kill_signal).toBe(signal);
  });

  test.each([
    ['exec_kill_signal nosuch;', /unknown signal "nosuch"/],
    ['exec_kill_signal 99;', /unknown signal "99"/],
    ['exec;', /invalid number of arguments/],
    ['exec_options maybe;', /must be "on" or "off"/],
    ['exec_kill_timeout 2m;', /invalid value "2m"/],
  ])('%s is a mistake', (text, message) => {
    expect(() => load(`rtmp { server { application a { ${text} } } }`)).toThrow(message);
  });
});

describe('the check', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mediad-exec-'));
    writeFileSync(join(folder, 'good'), '');
    chmodSync(join(folder, 'good'), 0o755);
    writeFileSync(join(folder, 'plain'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const findings = (text: string) => checkExec(load(text)).map(({ message, at }) => `${at?.line} ${message}`);

  test('tells once of each program that cannot be run, and where it stands', () => {
    const text = `env PATH=${folder};
rtmp { exec_static ffnope;
server { exec good; application live {
exec ${folder}/plain; exec_publish plain;
exec /no/such; } application other { } } }`;
    expect(findings(text)).toEqual([
      '2 ffnope is not found, but rtmp uses exec_static',
      `4 ${folder}/plain is not executable, but application "live" uses exec`,
      '4 plain is not executable, but application "live" uses exec_publish',
      '5 /no/such is not found, but application "live" uses exec',
    ]);
  });

  test.each([
    ['exec sh $name_low ${app} $args;', []],
    ['exec_static sh $what;', []],
    ['exec sh $namelow;', ['unknown variable "$namelow" in "exec" directive, it stands for nothing']],
    ['exec sh 2>>$x;', ['unknown variable "$x" in "exec" directive, it stands for nothing']],
    ['exec_pull sh $args;', ['unknown variable "$args" in "exec_pull" directive, it stands for nothing']],
    [
      'exec sh ${SET} ${UNSET_X};',
      ['unknown variable "${UNSET_X}" in "exec" directive, it stands for nothing'],
    ],
    ['exec sh > f;', ['">" redirects nothing, ignored']],
    ['exec sh -c "x $addr";', []],
    ['exec sh -c "x $name";', ['sh reads names that clients choose as part of a script']],
  ])('%s', (text, expected) => {
    const tree = load(`env SET=1; rtmp { server { application a { ${text} } } }`);
    expect(checkExec(tree).map(({ message }) => message)).toEqual(expected);
  });

  test.each([
    ['good', 'file'],
    ['plain', 'not-executable'],
    ['nosuch', 'missing'],
    ['', 'missing'],
  ])('%j is looked for in PATH', (program, expected) => {
    const found = findProgram(program, `/no/such:${folder}`);
    expect(typeof found === 'object' ? 'file' : found).toBe(expected);
  });

  test('a program with a slash is looked for nowhere else', () => {
    expect(findProgram('./good', folder)).toBe('missing');
    expect(findProgram(join(folder, 'good'), '')).toEqual({ file: join(folder, 'good') });
  });
});
