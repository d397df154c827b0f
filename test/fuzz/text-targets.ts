import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadError, loadConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/errors.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { printGcc, printText } from '../../src/config/print.ts';
import { atOnce } from '../../src/config/slices.ts';
import { checkName } from '../../src/core/applications/names.ts';
import { Refused } from '../../src/core/applications/refused.ts';
import { readRoute } from '../../src/core/applications/route.ts';
import { readProxyHeader } from '../../src/core/connections/proxy-protocol.ts';
import { hostOf } from '../../src/core/net/server-names.ts';
import { checkHttp } from '../../src/http/check.ts';
import { compilingRouter } from '../../src/http/router.ts';
import {
  argument,
  escapeHtml,
  escapePath,
  parseTarget,
  percentDecode,
  textOfUrl,
} from '../../src/http/values/uri.ts';
import { modules } from '../../src/modules/index.ts';
import { checkRtmp } from '../../src/rtmp/check.ts';
import { hex } from '../wire/splits.ts';
import { ROOT } from './root.ts';
import type { Target } from './target.ts';

const FILE = '/srv/conf/media.conf';

function configSeeds(): Buffer[] {
  const folders = ['conf', 'test/goldens/config', 'test/goldens'].map((folder) => join(ROOT, folder));
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => readFileSync(join(folder, name)))
      .map((bytes) => Buffer.from(bytes.toString('utf8').replaceAll('PORT', '8080'))),
  );
}

/** Every directive there is, and what the language is made of. */
function configWords(): Buffer[] {
  const names = modules.flatMap(({ tables }) => Object.values(tables).flatMap((table) => Object.keys(table)));
  const others = [
    ...[
      '{',
      '}',
      ';',
      '"',
      "'",
      '\\',
      '$',
      '${',
      '#',
      '\n',
      ' on;',
      ' off;',
      ' 0;',
      ' -1;',
      ' 99999999999999999999;',
    ],
    ...[
      'include a.conf;',
      'include *.conf;',
      'include media.conf;',
      'constructor',
      '__proto__',
      ' ~ ^(a+)+$ {',
      '\0',
    ],
    ...[
      '\ufeff',
      ' 1k 2m 3s;',
      ' $arg_x;',
      'if ($arg_a ~ x) {',
      'location @named {',
      'server { listen 1935; ',
    ],
  ];
  return [...new Set(names), ...others].map((word) => Buffer.from(word.length > 2 ? ` ${word}` : word));
}

function readConfig(input: Buffer): void {
  const files = memoryFiles({
    [FILE]: input,
    '/srv/conf/a.conf': 'live on; deny all;',
    '/srv/conf/mime.types': '',
  });
  try {
    const { tree } = loadConfig({ file: FILE, sources: modules, files });
    assert.ok(Object.isFrozen(tree));
    const findings = [
      ...checkRtmp(tree),
      ...checkHttp(tree),
      ...modules.flatMap((one) => one.check?.(tree) ?? []),
    ];
    printText(findings, { files: [] });
    if (findings.every(({ severity }) => severity !== 'error')) atOnce(compilingRouter(tree, modules));
  } catch (error) {
    if (error instanceof LoadError) {
      assert.ok(error.diagnostics.length > 0);
      printText(error.diagnostics, { files: error.files });
      printGcc(error.diagnostics);
    }
    throw error;
  }
}

/** Neither climbs nor hides anything from whoever looks for parts of the path. */
function readTarget(input: Buffer): void {
  // As node:http gives it: bytes as they came.
  const text = input.toString('latin1');
  for (const merge of [true, false]) {
    const target = parseTarget(text, merge);
    if (target === null) continue;
    const { uri, args } = target;
    assert.ok(uri.startsWith('/') && !uri.includes('\0'), uri);
    assert.ok(!uri.split('/').some((part) => part === '..' || part === '.'), uri);
    const again = parseTarget(escapePath(uri), merge);
    assert.ok(again !== null && again.uri === Buffer.from(uri).toString('utf8'), `${uri} ${again?.uri}`);
    for (const name of ['app', 'stream', 'port']) {
      const value = argument(args, name);
      if (value !== undefined) percentDecode(value.replaceAll('+', ' '));
    }
    assert.ok(!/[\r\n]/.test(textOfUrl(uri)) && !/[<>"]/.test(escapeHtml(uri)));
  }
  const host = hostOf(text);
  if (host !== null) assert.ok(!/[/\s]/.test(host), host);
}

function readName(input: Buffer): void {
  const name = input.toString('utf8');
  readRoute(name);
  checkName(name);
  const path = join('/srv/hls', name);
  assert.ok(path.startsWith('/srv/hls/') && path.length >= '/srv/hls/'.length + name.length, path);
  assert.ok(Buffer.byteLength(name) <= 255 && !/[\0-\x1f\x7f]/.test(name));
}

/** A header is whole from one byte on, and the bytes after it do not matter. */
function readProxy(input: Buffer): void {
  const header = readProxyHeader(input);
  if (header.kind !== 'whole') return;
  const { length } = header;
  assert.ok(length > 0 && length <= input.length);
  assert.deepEqual(readProxyHeader(input.subarray(0, length)), header);
  for (const less of [1, 2, length >> 1, length - 1]) {
    if (less < length) assert.equal(readProxyHeader(input.subarray(0, less)).kind, 'part');
  }
}

const texts = (...all: readonly string[]): Buffer[] => all.map((text) => Buffer.from(text));

const BINARY = '0d0a0d0a000d0a515549540a';

/** What reads text: of operators, of requests, and of proxies. */
export const textTargets: readonly Target[] = [
  {
    name: 'configuration',
    seeds: configSeeds(),
    words: configWords(),
    share: 3,
    errors: [ConfigError],
    feed: readConfig,
  },
  {
    name: 'request targets',
    seeds: texts(
      '/live?port=1935&app=live&stream=test',
      '/live/test.flv?token=%41+b#x',
      'http://host.example:8080/a/b/../c',
      '/%2e%2e/%2E./a%2fb//c/./d/..',
      '/hls/test-1.ts?a&b=&=c&&',
      '*',
      'host.example:80',
      '[::1]:8080',
    ),
    words: texts(
      '%',
      '%2e',
      '%2F',
      '..',
      '/../',
      '//',
      '%00',
      '%c0%ae',
      '%ff',
      '\\',
      '?',
      '#',
      '&app=',
      '\r\n',
      '%0d%0a',
      'é',
    ),
    share: 12,
    errors: [],
    feed: readTarget,
  },
  {
    name: 'stream names',
    seeds: texts(
      'test',
      'a/b/c',
      'name with blanks',
      'é€😀',
      `${'0123456789abcdef01234567,'.repeat(4)}`,
      'x'.repeat(250),
    ),
    words: texts(
      '..',
      '/../',
      '\0',
      '\\',
      '\r\n',
      '.',
      '/',
      '%2e',
      '\u2028',
      '\u202e',
      '<script>',
      '//',
      './',
    ),
    share: 6,
    errors: [Refused],
    feed: readName,
  },
  {
    name: 'PROXY headers',
    seeds: [
      ...texts(
        'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET /',
        'PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 65535\r\n',
        'PROXY UNKNOWN whatever\r\n',
      ),
      hex(BINARY, '21 11 000c c0000201 c0000202 d903 01bb', '030000'),
      hex(BINARY, '21 21 0027', '20010db8'.repeat(8), 'd903 01bb', '030000'),
      hex(BINARY, '20 00 0000'),
    ],
    share: 6,
    errors: [],
    feed: readProxy,
  },
];
