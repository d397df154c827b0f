// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of the configuration
import { describe, expect, test } from 'vitest';
import { commandOf, isScript, keyOf, UnsafeValue } from '../../../src/modules/exec/command.ts';
import type { ExecLine } from '../../../src/modules/exec/line.ts';
import { maskUrls } from '../../../src/modules/exec/mask.ts';
import { parseRedirection } from '../../../src/modules/exec/redirection.ts';
import { fill, parseTemplate } from '../../../src/modules/exec/template.ts';

const values = {
  name: 'cam',
  args: 'a=1&b=2',
  app: 'live',
  addr: '192.0.2.1',
  flashver: 'FMLE/3.0',
  swfurl: '',
  tcurl: 'rtmp://host/live',
  pageurl: '',
};

function line(program: string, ...args: string[]): ExecLine {
  return { directive: 'exec', occasion: 'push', level: 'application', program, args, names: [] };
}

const argsOf = (args: readonly string[], changed: Partial<typeof values> = {}) =>
  commandOf(line('prog', ...args), { ...values, ...changed }, { KEY: 'secret' }).args;

describe('variables', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['$name', 'cam'],
    ['${name}', 'cam'],
    ['rtmp://h/$app/$name_low', 'rtmp://h/live/cam_low'],
    ['$name128', 'cam128'],
    ['$name-$addr', 'cam-192.0.2.1'],
    ['${name}low', 'camlow'],
    ['$namelow', ''],
    ['x$namelow.y', 'x.y'],
    ['$NAME', ''],
    ['$$name', 'cam'],
    ['a$-b', 'a-b'],
    ['a$', 'a'],
    ['a${name', 'a'],
    ['${}', ''],
    ['{name}', '{name}'],
    ['$swfurl', ''],
    ['$args', 'a=1&b=2'],
    ['$path', ''],
    ['\\$name', '$name'],
    ['a\\b\\\\c', 'ab\\c'],
    ['a\\', 'a'],
    ['$name\\_x', 'cam_x'],
    ['${KEY}', 'secret'],
    ['$KEY', ''],
    ['${NONE}', ''],
    ['${constructor}', ''],
    ['höhe$name✓', 'höhecam✓'],
  ])('%j becomes %j', (written, expected) => {
    expect(fill(parseTemplate(written), values, { KEY: 'secret' })).toBe(expected);
  });

  test('values are not read again', () => {
    expect(argsOf(['$name'], { name: '$app\\${KEY}' })).toEqual(['$app\\${KEY}']);
  });

  test('an empty argument stays one', () => {
    expect(argsOf(['$swfurl', 'x', ''])).toEqual(['', 'x', '']);
  });

  test('without a session everything is taken as it stands', () => {
    const { args } = commandOf(line('prog', '$name', 'a\\b'), null);
    expect(args).toEqual(['$name', 'a\\b']);
  });
});

describe('redirections', () => {
  test.each([
    ['>f', { descriptor: 1, mode: 'write', path: 'f', copied: -1 }],
    ['>>f', { descriptor: 1, mode: 'append', path: 'f', copied: -1 }],
    ['<f', { descriptor: 0, mode: 'read', path: 'f', copied: -1 }],
    ['2>f', { descriptor: 2, mode: 'write', path: 'f', copied: -1 }],
    ['2>>/l/$name.log', { descriptor: 2, mode: 'append', path: '/l/$name.log', copied: -1 }],
    ['12<f', { descriptor: 12, mode: 'read', path: 'f', copied: -1 }],
    ['2>&1', { descriptor: 2, mode: 'write', path: null, copied: 1 }],
    ['>&2', { descriptor: 1, mode: 'write', path: null, copied: 2 }],
    ['2>>&1', { descriptor: 2, mode: 'append', path: null, copied: 1 }],
    ['<&5', { descriptor: 0, mode: 'read', path: null, copied: 5 }],
    ['>', 'invalid'],
    ['2>>', 'invalid'],
    ['>&', 'invalid'],
    ['>&x', 'invalid'],
    ['>&1x', 'invalid'],
    ['64>f', 'invalid'],
    ['99999999999>f', 'invalid'],
    ['>&64', 'invalid'],
    ['x>f', undefined],
    ['2 >f', undefined],
    ['&>f', undefined],
    ['-', undefined],
    ['', undefined],
    ['12', undefined],
    ['\\>f', undefined],
  ] as const)('%j', (written, expected) => {
    expect(parseRedirection(written)).toEqual(expected);
  });

  test('are taken out of the arguments in their order, with the variables of their paths', () => {
    const { args, redirections } = commandOf(line('p', 'a', '1>l/$name', '>', '2>&1', 'b'), values, {});
    expect(args).toEqual(['a', 'b']);
    expect(redirections).toEqual([
      { descriptor: 1, mode: 'write', path: 'l/cam', copied: -1 },
      { descriptor: 2, mode: 'write', path: null, copied: 1 },
    ]);
  });

  test('come from the line alone', () => {
    expect(argsOf(['$name', '$args'], { name: '>f', args: '2>&1' })).toEqual(['>f', '2>&1']);
    expect(argsOf(['\\>f'])).toEqual(['>f']);
  });
});

describe('what clients choose', () => {
  test.each([
    [['$name'], { name: '-i' }, 'option'],
    [['${name}.flv'], { name: '-y' }, 'option'],
    [['$swfurl$args'], { args: '--x' }, 'option'],
    [['$flashver'], { flashver: '-' }, 'option'],
    [['x$args'], { args: 'a\0b' }, 'zero'],
    [['-c', 'echo $name'], { name: 'a;reboot' }, 'shell'],
    [['-c', 'echo $name'], { name: '$(reboot)' }, 'shell'],
    [['-ec', 'echo $name'], { name: 'a b' }, 'shell'],
    [['-c', "echo '$name'"], { name: "'" }, 'shell'],
    [['-c', 'x $tcurl'], { tcurl: 'rtmp://h/`x`' }, 'shell'],
    [['>$args'], { args: '../../etc/x' }, 'file'],
    [['2>>/l/$pageurl'], { pageurl: 'http://h/' }, 'file'],
  ] as const)('%j with %j is refused', (args, changed, reason) => {
    const run = () => commandOf(line('/bin/sh', ...args), { ...values, ...changed }, {});
    expect(run).toThrow(UnsafeValue);
    expect(run).toThrow(reason);
  });

  test.each([
    [['x$name'], { name: '-i' }, ['x-i']],
    [['-$name'], { name: '-i' }, ['--i']],
    [['-$swfurl'], {}, ['-']],
    [['$app$name'], { name: '-i' }, ['live-i']],
    [['-x', 'echo $name'], { name: 'a;b' }, ['-x', 'echo a;b']],
    [['-c', 'echo $name'], { name: 'a-B_1.2@%+=/x' }, ['-c', 'echo a-B_1.2@%+=/x']],
    [['-c', 'echo', '$name'], { name: 'a b;' }, ['-c', 'echo', 'a b;']],
    [['$name'], { name: 'a b "c" \'d\'' }, ['a b "c" \'d\'']],
  ] as const)('%j with %j is let in', (args, changed, expected) => {
    expect(commandOf(line('/bin/sh', ...args), { ...values, ...changed }, {}).args).toEqual(expected);
  });

  test.each([
    ['sh', ['-c', 'x'], 1, true],
    ['/usr/bin/bash', ['-lc', 'x'], 1, true],
    ['env', ['A=b', 'dash', '-c', 'x'], 3, true],
    ['sh', ['x'], 0, false],
    ['sh', ['-c', 'x', 'y'], 2, false],
    ['avconv', ['-c', 'copy'], 1, false],
    ['avconv', ['-ac', '2'], 1, false],
  ] as const)('%s %j: %i is a script: %s', (program, args, index, expected) => {
    expect(isScript({ program, args }, index)).toBe(expected);
  });
});

test('commands are the same if they do the same', () => {
  const key = (directive: string, ...args: string[]) =>
    keyOf(commandOf({ ...line('p', ...args), directive }, values, {}));
  expect(key('exec', '$name')).toBe(key('exec_push', 'cam'));
  expect(key('exec', 'a b')).not.toBe(key('exec', 'a', 'b'));
  expect(key('exec', 'a')).not.toBe(key('exec', 'a', '>f'));
  expect(key('exec_pull', 'a')).not.toBe(key('exec_push', 'a'));
});

test.each([
  ['rtmp://h/app/cam', 'rtmp://h/app/cam'],
  ['rtmp://h/live2/abcd-efgh-ijkl-mnop', 'rtmp://h/live2/abcd***'],
  ['rtmps://u:p@h:443/app/k?auth=1&b=2', 'rtmps://***@h:443/app/k?***'],
  ['Opening rtmp://h/a/0123456789abcdefX failed', 'Opening rtmp://h/a/0123*** failed'],
  ['/usr/local/bin/a-very-long-script-name.sh', '/usr/local/bin/a-very-long-script-name.sh'],
])('%s is shown as %s', (text, shown) => {
  expect(maskUrls(text)).toBe(shown);
});

test('what is shown of a command has no keys and queries', () => {
  const args = ['-i', 'rtmp://h/$app/$name?$args', '$args', '2>>$name.log'];
  const { shown } = commandOf(line('ff', ...args), { ...values, name: 'sk_0123456789abcdef' }, {});
  expect(shown).toBe('ff -i rtmp://h/live/sk_0***?*** *** 2>>$name.log');
});
