import { describe, expect, test } from 'vitest';
import { childrenOf } from '../../../src/config/block.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/errors.ts';
import { memoryFiles } from '../../../src/config/files.ts';
import type { Client } from '../../../src/core/applications/request.ts';
import { modules } from '../../../src/modules/index.ts';
import { type ArgumentLine, plainLine, type RelayLine } from '../../../src/modules/relay/line.ts';
import { peerOf, showPeer, showReason, valuesOf, withQuery } from '../../../src/modules/relay/peer.ts';
import { asked } from '../../../src/modules/relay/pushes.ts';
import { fill, fromEnvironment } from '../../../src/modules/relay/template.ts';
import { PeerUrlError } from '../../../src/rtmp/peer.ts';

function load(line: string) {
  const config = loadConfig({
    file: '/media.conf',
    sources: modules,
    files: memoryFiles({ '/media.conf': `rtmp { server { application live { live on; ${line} } } }` }),
  });
  const [rtmp] = childrenOf(config.tree, 'rtmp');
  const [server] = childrenOf(rtmp, 'server');
  const { settings } = childrenOf(server, 'application')[0]!;
  return {
    settings: settings as Record<string, readonly RelayLine[]> & { push_arg: readonly ArgumentLine[] },
    warnings: config.warnings.map(({ message }) => message),
  };
}

function error(line: string): string {
  try {
    load(line);
  } catch (failure) {
    if (failure instanceof ConfigError) return failure.diagnostics.map(({ message }) => message).join('; ');
    throw failure;
  }
  throw new Error(`accepted: ${line}`);
}

describe('lines', () => {
  test.each<[string, Partial<RelayLine>]>([
    ['push rtmp://h', {}],
    ['push rtmps://[::1]:444/a/b', {}],
    ['push h:1936/a', {}],
    ['push rtmp://unix:/tmp/s:/a', {}],
    ['push rtmp://$app/$name?$args', {}],
    [`push \${KEY}`, {}],
    ['push rtmp://h/live2?backup=1/key', {}],
    [
      'push rtmp://h APP=a NAME=n tcurl=t pageURL=p swfUrl=s FLASHVER=f playpath=x',
      {
        app: 'a',
        name: 'n',
        tcUrl: 't',
        pageUrl: 'p',
        swfUrl: 's',
        flashVer: 'f',
        playPath: 'x',
      },
    ],
    ['push rtmp://h live', { live: true }],
    ['push rtmp://h live=0', { live: false }],
    ['push rtmps://h verify=off bind=127.0.0.1', { verify: false, bind: '127.0.0.1' }],
    ['pull rtmp://h/a/b name=b static', { name: 'b', static: true }],
    ['pull rtmp://h start=1000 stop=3000', { start: 1000, stop: 3000 }],
  ])('%s', (line, expected) => {
    const [name, url] = line.split(' ') as [string, string];
    expect(load(`${line};`).settings[name]).toEqual([{ ...plainLine(url), ...expected }]);
  });

  test('lines add up, each where it stands only', () => {
    const { settings } = load('push rtmp://a; push rtmp://b; push_arg k rtmp://c/x/$value verify=off;');
    expect(settings['push']!.map(({ url }) => url)).toEqual(['rtmp://a', 'rtmp://b']);
    expect(settings.push_arg).toEqual([
      { argument: 'k', line: { ...plainLine('rtmp://c/x/$value'), verify: false } },
    ]);
  });

  test.each([
    ['push rtmp://h wrong=1;', 'invalid value "wrong" in "push" directive'],
    ['push rtmp://h static;', 'static is only for pull'],
    [
      'push rtmpt://h;',
      'invalid URL in the "push" directive: rtmpt:// is not offered, only rtmp:// and rtmps://',
    ],
    ['push rtmp:///a;', 'invalid URL in the "push" directive: the URL has no host'],
    ['push rtmp://h:0/a;', 'invalid URL in the "push" directive: invalid port in "h:0"'],
    ['push rtmp://[::g]/a;', 'invalid URL in the "push" directive: invalid host "::g"'],
    [
      'push rtmp://unix:s;',
      'invalid URL in the "push" directive: a unix socket is written as rtmp://unix:/PATH:/app/stream',
    ],
    ['push rtmp://h/$value;', '$value is the argument of push_arg'],
    ['push rtmp://h bind=here;', 'invalid address "here"'],
    ['push rtmp://h verify=maybe;', 'invalid verify "maybe"'],
    ['pull rtmp://h static;', 'a static pull needs name='],
    ['pull rtmp://h/$app/x name=n static;', 'a static pull cannot have variables'],
    ['pull rtmp://h start=x;', 'invalid start "x"'],
    ['push_arg k;', 'invalid number of arguments in "push_arg" directive'],
    ['push_arg k= rtmp://h;', 'invalid argument name "k="'],
  ])('%s', (line, message) => {
    expect(error(line)).toBe(message);
  });

  test('an unknown variable is told', () => {
    expect(load('push rtmp://h/a/$nothing;').warnings).toEqual(['unknown variable "$nothing"']);
  });
});

const CLIENT = { address: '192.0.2.1', flashver: 'f', swfurl: 's', tcurl: 't', pageurl: 'p' } as Client;

describe('peers', () => {
  const local = { app: 'live', name: 'show' };
  const values = { ...valuesOf(CLIENT, 'live', 'show', 'a=1&b=2'), value: 'k?x&y' };
  const environment = { KEY: 'secret', TARGET: 'rtmps://h:1/app/key', EMPTY: '' };
  const peer = (url: string, more: Partial<RelayLine> = {}) =>
    peerOf({ ...plainLine(url), ...more }, local, values, environment);

  test.each([
    ['rtmp://h', 'h', 1935, 'live', 'show', 'rtmp://h/live'],
    ['h', 'h', 1935, 'live', 'show', 'rtmp://h/live'],
    ['rtmp://h/', 'h', 1935, 'live', 'show', 'rtmp://h/live'],
    ['rtmp://h:1936/a/', 'h', 1936, 'a', 'show', 'rtmp://h:1936/a'],
    ['rtmps://h/a/b/c?d=e', 'h', 443, 'a', 'b/c?d=e', 'rtmps://h/a'],
    ['rtmps://h:1935/a', 'h', 1935, 'a', 'show', 'rtmps://h:1935/a'],
    ['rtmp://[2001:db8::1]/a', '2001:db8::1', 1935, 'a', 'show', 'rtmp://[2001:db8::1]/a'],
    ['rtmp://h/live2?backup=1/key', 'h', 1935, 'live2?backup=1', 'key', 'rtmp://h/live2?backup=1'],
    ['rtmp://h/a/$name_low', 'h', 1935, 'a', 'show_low', 'rtmp://h/a'],
    [`rtmp://h/a/\${name}low`, 'h', 1935, 'a', 'showlow', 'rtmp://h/a'],
    ['rtmp://h/a/$addr?$args', 'h', 1935, 'a', '192.0.2.1?a=1&b=2', 'rtmp://h/a'],
    ['rtmp://h/a/$value?key=$value', 'h', 1935, 'a', 'k%3Fx&y?key=k%3Fx%26y', 'rtmp://h/a'],
    [`rtmp://h/a/\${KEY}`, 'h', 1935, 'a', 'secret', 'rtmp://h/a'],
    [`\${TARGET}`, 'h', 1, 'app', 'key', 'rtmps://h:1/app'],
  ])('%s', (url, host, port, app, name, tcUrl) => {
    const found = peer(url);
    expect(found).toMatchObject({ address: { host, port }, app, name, tcUrl });
  });

  test('what is given wins over the URL', () => {
    expect(
      peer('rtmp://h/a/b', { app: 'x', playPath: '$name-y', tcUrl: 'rtmp://z/$app', flashVer: 'v' }),
    ).toMatchObject({
      app: 'x',
      name: 'show-y',
      tcUrl: 'rtmp://z/live',
      flashVer: 'v',
    });
  });

  test.each<[Partial<RelayLine>, number, number]>([
    [{}, -2000, -1000],
    [{ live: true, start: 5, stop: 7 }, -1000, -1000],
    [{ start: 5 }, 5, -1000],
    [{ start: 5, stop: 7 }, 5, 2],
    [{ stop: 7 }, -2000, 7],
  ])('times of %j', (line, start, duration) => {
    expect(peer('rtmp://h', line)).toMatchObject({ start, duration });
  });

  test('a value cannot move the borders of a URL', () => {
    const name = 'a/b@evil:1/c';
    const found = peerOf(plainLine('rtmp://h/$app-x/$name'), { app: 'q', name }, { app: 'q', name });
    expect(found).toMatchObject({ address: { host: 'h', port: 1935 }, app: 'q-x', name });
    expect(() => peerOf(plainLine('rtmp://$name/a'), local, { name })).toThrow(PeerUrlError);
    expect(fill('$name', { name: 'a\r\nb\0' })).toBe('ab');
  });

  test.each(['EMPTY', 'UNSET'])('the environment has no %s', (name) => {
    expect(() => fromEnvironment(`rtmp://h/a/\${${name}}`, environment)).toThrow(
      `the environment variable ${name} is not set`,
    );
  });

  test('keys are masked, local names are not', () => {
    const own = peer('rtmp://h/a?t=1');
    expect(showPeer(own, 'show')).toBe('rtmp://h/a/show');
    const other = withQuery(peer('rtmp://h/a/live_12345_abc'), 'bandwidthtest=true');
    expect(other.name).toBe('live_12345_abc?bandwidthtest=true');
    expect(withQuery(other, 'x').name).toBe('live_12345_abc?bandwidthtest=true&x');
    expect(showPeer(other, 'show')).toBe('rtmp://h/a/live***');
    expect(showReason('live_12345_abc is busy', other, 'show')).toBe('live*** is busy');
  });
});

test.each([
  ['', []],
  ['k', []],
  ['k=', []],
  ['other=k', []],
  ['k=v', [{ value: 'v', query: '' }]],
  ['k=a%2Fb=c', [{ value: 'a/b=c', query: '' }]],
  ['k=%zz', [{ value: '%zz', query: '' }]],
  ['k_x=1&k=v&k_y&k_=2&l_z=3', [{ value: 'v', query: 'x=1&y' }]],
  [
    'k=1&k=2',
    [
      { value: '1', query: '' },
      { value: '2', query: '' },
    ],
  ],
])('the argument k in %j', (args, expected) => {
  expect(asked('k', args)).toEqual(expected);
});

test('one publisher cannot ask for any number of pushes', () => {
  expect(asked('k', Array.from({ length: 100 }, (_, i) => `k=${i}`).join('&'))).toHaveLength(8);
});
