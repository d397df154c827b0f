import { describe, expect, test } from 'vitest';
import { locate } from '../../src/cli/location.ts';
import { type Invocation, readCommandLine, UsageError } from '../../src/cli/usage.ts';

describe('the command line', () => {
  const good: readonly (readonly [line: string, expected: Partial<Invocation>])[] = [
    ['', { task: { name: 'start' }, quiet: false, format: 'text', strict: false, globals: '' }],
    ['-t', { task: { name: 'test', diff: false } }],
    ['-tq', { task: { name: 'test', diff: false }, quiet: true }],
    ['-tqc x.conf', { task: { name: 'test', diff: false }, quiet: true, file: 'x.conf' }],
    ['-T', { task: { name: 'dump' } }],
    ['-tT', { task: { name: 'dump' } }],
    ['-h', { task: { name: 'help' } }],
    ['-?', { task: { name: 'help' } }],
    ['--help', { task: { name: 'help' } }],
    ['-v', { task: { name: 'version' } }],
    ['--version', { task: { name: 'version' } }],
    ['-V', { task: { name: 'build' } }],
    ['-s reload', { task: { name: 'signal', signal: 'reload', dryRun: false } }],
    ['-sstop -p /srv', { task: { name: 'signal', signal: 'stop', dryRun: false }, prefix: '/srv' }],
    ['-s reload --dry-run', { task: { name: 'signal', signal: 'reload', dryRun: true } }],
    ['-t --diff', { task: { name: 'test', diff: true } }],
    ['-c a.conf -p /srv -e stderr', { file: 'a.conf', prefix: '/srv', errorLog: 'stderr' }],
    ['-ca.conf -p/srv -estderr', { file: 'a.conf', prefix: '/srv', errorLog: 'stderr' }],
    ['-g daemon_off;', { globals: 'daemon_off;' }],
    ['-t --format json', { format: 'json' }],
    ['-t --json --strict', { format: 'json', strict: true }],
    ['check', { task: { name: 'check' }, file: undefined }],
    ['check a.conf', { task: { name: 'check' }, file: 'a.conf' }],
    ['check -c a.conf', { task: { name: 'check' }, file: 'a.conf' }],
    ['directives', { task: { name: 'directives', directive: null } }],
    ['directives live --json', { task: { name: 'directives', directive: 'live' }, format: 'json' }],
    ['healthcheck', { task: { name: 'healthcheck' } }],
  ];
  test.for(good)('%s', ([line, expected]) => {
    expect(readCommandLine(line.split(' ').filter((word) => word !== ''))).toMatchObject(expected);
  });

  const bad: readonly (readonly [line: string, message: string])[] = [
    ['--diff', 'option "--diff" needs "-t"'],
    ['-s stop --dry-run', 'option "--dry-run" needs "-s reload"'],
    ['-z', 'invalid option: "-z"'],
    ['-tz', 'invalid option: "-z"'],
    ['-s', 'option "-s" requires parameter'],
    ['-c', 'option "-c" requires parameter'],
    ['-s relod', 'invalid option: "-s relod" (did you mean "reload"? one of stop, quit, reopen, reload)'],
    ['-s foo', 'invalid option: "-s foo" (one of stop, quit, reopen, reload)'],
    ['--formt json', 'invalid option: "--formt" (did you mean "--format"?)'],
    ['--format xml', 'invalid option: "--format xml" (one of text, json, github, gcc)'],
    ['foo', 'invalid option: "foo"'],
    ['chek', 'invalid option: "chek" (did you mean "check"?)'],
    ['check a b', 'invalid option: "b"'],
    ['check -c a b', 'the configuration file is given twice'],
    ['healthcheck x', 'invalid option: "x"'],
  ];
  test.for(bad)('%s is refused', ([line, message]) => {
    const read = (): unknown => readCommandLine(line.split(' '));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});

describe('the configuration file', () => {
  const nothing = { file: undefined, prefix: undefined, globals: '' };

  test('is the one given, below the prefix', () => {
    expect(locate({ ...nothing, file: 'a.conf' })).toEqual({ file: 'a.conf', globals: '' });
    expect(locate({ ...nothing, file: 'a.conf', prefix: '/srv' })).toEqual({
      file: '/srv/a.conf',
      prefix: '/srv',
      globals: '',
    });
    expect(locate({ ...nothing, file: '/etc/a.conf', prefix: '/srv' }).file).toBe('/etc/a.conf');
  });

  test('is conf/media.conf of the prefix or the working directory, else the packaged one', () => {
    expect(locate(nothing, () => true)).toEqual({ file: 'conf/media.conf', globals: '' });
    expect(locate({ ...nothing, prefix: '/srv' }, () => true).file).toBe('/srv/conf/media.conf');
    const packaged = locate({ ...nothing, prefix: '/srv' }, (path) => !path.startsWith('/srv/'));
    expect(packaged.file).toMatch(/conf\/media\.conf$/);
    expect(packaged).toMatchObject({ prefix: '/srv' });
    expect(locate({ ...nothing, prefix: '/srv' }, () => false).file).toBe('/srv/conf/media.conf');
  });
});
