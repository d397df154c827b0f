import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dump, loadConfig, prefixOf } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { glob } from '../../src/config/glob.ts';
import { load, messages, sources } from './sources.ts';

const app = (inside: string) => `rtmp { server { application a { ${inside} } } }`;
const settings = (config: ReturnType<typeof load>) =>
  config.tree.children[0]!.children[0]!.children[0]!.settings as Record<string, unknown>;

describe('include', () => {
  it('puts files where it stands, in any block, from the directory of the main file', () => {
    const config = load('include a/*.conf;', {
      '/srv/conf/a/2.conf': app('include b.conf; include /x/c.conf;'),
      '/srv/conf/b.conf': 'live on;',
      '/x/c.conf': 'include b2.conf;',
      '/srv/conf/b2.conf': 'sync 1s;',
    });
    expect(settings(config)).toMatchObject({ live: true, sync: 1000 });
    expect(config.files.map(({ path }) => path)).toEqual([
      '/srv/conf/media.conf',
      '/srv/conf/a/2.conf',
      '/srv/conf/b.conf',
      '/x/c.conf',
      '/srv/conf/b2.conf',
    ]);
    expect(config.directories).toEqual(['/srv/conf', '/srv/conf/a', '/x']);
  });

  it('takes the files of a pattern in sorted order, and none', () => {
    const files = {
      '/srv/conf/d/b.conf': 'exec b;',
      '/srv/conf/d/a.conf': 'exec a;',
      '/srv/conf/d/.c.conf': 'exec c;',
    };
    expect(settings(load(app('include d/*.conf;'), files))['exec']).toEqual([['a'], ['b']]);
    expect(settings(load(app('include e/*;'), files))['exec']).toEqual([]);
    expect(load(app('include e/*;'), files).directories).toContain('/srv/conf/e');
  });

  it('works in data blocks', () => {
    const { tree } = load('http { types { include t; a/b c; } }', { '/srv/conf/t': 'x/y z;' });
    expect(tree.children[0]!.settings['types']).toEqual({ z: 'x/y', c: 'a/b' });
  });

  it('takes one file several times and reads it once', () => {
    const config = load('rtmp { server { application a { include l; } application b { include l; } } }', {
      '/srv/conf/l': 'live on;',
    });
    expect(config.files).toHaveLength(2);
  });

  it.each<[string, Record<string, string>, string[]]>([
    [
      'include x.conf;',
      {},
      ['[emerg] open() "/srv/conf/x.conf" failed (2: No such file or directory) in media.conf:1:9'],
    ],
    [
      'include a.conf;',
      { '/srv/conf/a.conf': 'include b.conf;', '/srv/conf/b.conf': 'include a.conf;' },
      ['[emerg] "/srv/conf/a.conf" includes itself in /srv/conf/b.conf:1:9'],
    ],
    [
      'include media.conf;',
      {},
      [
        '[emerg] "/srv/conf/media.conf" includes itself in media.conf:1:9'.replace(
          '/srv/conf/media.conf',
          'media.conf',
        ),
      ],
    ],
    ['include a b;', {}, ['[emerg] invalid number of arguments in "include" directive in media.conf:1:1']],
    ['include a { }', {}, ['[emerg] directive "include" is not terminated by ";" in media.conf:1:1']],
  ])('%j fails', (main, files, wanted) => {
    expect(messages(main, files)).toEqual(wanted);
  });

  it('stops where files include more and more files', () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`/srv/conf/${i}`, `include ${i + 1}; include ${i + 1};`]),
    );
    const found = messages('include 0;', { ...files, '/srv/conf/30': '' });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('too many files are included');
  });

  it('refuses a file above 16 MB', () => {
    const large = new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20);
    expect(messages('include l;', { '/srv/conf/l': large })).toEqual([
      '[emerg] "/srv/conf/l" is too large for a configuration: 16777217 bytes in media.conf:1:9',
    ]);
  });
});

describe('stock files', () => {
  it('uses the packaged types where mime.types is missing, with a warning', () => {
    const config = load('http { include /etc/nginx/mime.types; include mime.types; }');
    expect(config.tree.children[0]!.settings['types']).toMatchObject({
      m3u8: 'application/vnd.apple.mpegurl',
      ts: 'video/mp2t',
      flv: 'video/x-flv',
      m4s: 'video/iso.segment',
    });
    expect(config.warnings.map(({ code }) => code)).toEqual(['stock-file', 'stock-file']);
  });

  it('prefers the file that is there', () => {
    const config = load('http { include mime.types; }', { '/srv/conf/mime.types': 'types { a/b c; }' });
    expect(config.tree.children[0]!.settings['types']).toEqual({ c: 'a/b' });
    expect(config.warnings).toEqual([]);
  });

  it('passes over other files of nginx packages', () => {
    expect(messages('http { include fastcgi_params; }')).toEqual([
      '[warn] open() "/srv/conf/fastcgi_params" failed (2: No such file or directory), ignored in media.conf:1:16',
    ]);
  });
});

describe('-g', () => {
  it('stands before the file', () => {
    expect(load('', {}, 'worker_processes 4;').tree.settings['worker_processes']).toBe(4);
    expect(messages('worker_processes 2;', {}, 'worker_processes 4;')).toEqual([
      '[emerg] "worker_processes" directive is duplicate in media.conf:1:1',
    ]);
  });

  it.each([
    ['worker_proceses 2;', ['[emerg] unknown directive "worker_proceses" in command line']],
    ['worker_processes 2', ['[emerg] unexpected end of parameter, expecting ";" in command line']],
    ['', []],
  ])('%j', (globals, wanted) => {
    expect(messages('', {}, globals)).toEqual(wanted);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('reads those of the machine, through links', () => {
    mkdirSync(join(folder, 'conf'));
    writeFileSync(join(folder, 'conf', 'real.conf'), 'worker_processes 3; include *.inc;');
    writeFileSync(join(folder, 'conf', 'x.inc'), 'error_log a;');
    symlinkSync('real.conf', join(folder, 'conf', 'media.conf'));
    const config = loadConfig({ file: join(folder, 'conf', 'media.conf'), sources });
    expect(config.tree.settings).toMatchObject({ worker_processes: 3, error_log: ['a'] });
    expect(config.prefix).toBe(folder);
    expect(config.files[0]!.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('tells that the main file is missing, or a folder', () => {
    expect(() => loadConfig({ file: join(folder, 'none.conf'), sources })).toThrow(
      `open() "${join(folder, 'none.conf')}" failed (2: No such file or directory)`,
    );
    expect(() => loadConfig({ file: folder, sources })).toThrow('(21: Is a directory)');
  });

  it('dumps every file under its name', () => {
    const config = load('include a;\n', { '/srv/conf/a': 'error_log b;' });
    expect(dump(config.files)).toBe(
      '# configuration file /srv/conf/media.conf:\ninclude a;\n\n# configuration file /srv/conf/a:\nerror_log b;\n',
    );
  });

  it.each([
    ['/etc/mediad/conf/media.conf', '/etc/mediad'],
    ['/etc/mediad/media.conf', '/etc/mediad'],
    ['/media.conf', '/'],
  ])('the prefix of %s is %s', (file, prefix) => {
    expect(prefixOf(file)).toBe(prefix);
  });
});

describe('patterns', () => {
  const files = memoryFiles({
    '/a/b.conf': '',
    '/a/c.conf': '',
    '/a/c.conf~': '',
    '/a/.d.conf': '',
    '/a/[x].conf': '',
    '/b/d/e.conf': '',
    '/c/d/e.conf': '',
  });
  it.each([
    ['/a/*.conf', ['/a/[x].conf', '/a/b.conf', '/a/c.conf']],
    ['/a/?.conf', ['/a/b.conf', '/a/c.conf']],
    ['/a/[bz].conf', ['/a/b.conf']],
    ['/a/[!b].conf', ['/a/c.conf']],
    ['/a/[a-b].conf', ['/a/b.conf']],
    ['/a/.*', ['/a/.d.conf']],
    ['/a/[', []],
    ['/a/[[]x].conf', ['/a/[x].conf']],
    ['/*/d/e.conf', ['/b/d/e.conf', '/c/d/e.conf']],
    ['/a/+(b).conf', []],
    ['/none/*', []],
  ])('%s', (pattern, wanted) => {
    expect(glob(pattern, files).paths).toEqual(wanted);
  });
});
