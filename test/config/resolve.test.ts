import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Block, childrenOf, settingsOf } from '../../src/config/block.ts';
import type { GroupEntry } from '../../src/config/table.ts';
import { vocabularyOf } from '../../src/config/vocabulary.ts';
import { load, messages, sources } from './sources.ts';

/** The block at a path of child numbers. */
function at(text: string, ...path: number[]): Block {
  let block = load(text).tree;
  for (const index of path) block = block.children[index]!;
  return block;
}

describe('settings', () => {
  it('are the initial values where nothing is written', () => {
    expect(at('rtmp { server { application a { } } }', 0, 0, 0).settings).toEqual({
      live: false,
      meta: 'on',
      sync: 300,
      drop_idle_publisher: null,
      buflen: 1,
      out_queue: 256,
      push: [],
      exec: [],
      on_publish: '',
      access: [],
      record: [],
      record_path: '',
    });
  });

  it('flow from the outer blocks inward, the innermost winning', () => {
    const text =
      'rtmp { sync 1s; live on; server { sync 2s; chunk_size 512; application a { sync 3s; recorder r { } } } }';
    expect(at(text, 0).settings).toMatchObject({ sync: 1000, chunk_size: 4096 });
    expect(at(text, 0, 0).settings).toMatchObject({ sync: 2000, live: true, chunk_size: 512 });
    expect(at(text, 0, 0, 0).settings).toMatchObject({ sync: 3000, live: true });
    expect(at(text, 0, 0, 0).settings).not.toHaveProperty('chunk_size');
    expect(at(text, 0, 0, 0, 0).settings).toEqual({ record: [], record_path: '' });
  });

  it('flow wherever the outer line stands', () => {
    expect(at('rtmp { server { application a { } sync 2s; } sync 1s; }', 0, 0, 0).settings['sync']).toBe(
      2000,
    );
  });

  it('of a recorder start from those of its application', () => {
    const text =
      'rtmp { record all; server { application a { record_path /a; recorder r { record audio; } } } }';
    expect(at(text, 0, 0, 0, 0).settings).toEqual({ record: ['audio'], record_path: '/a' });
  });

  it('of a server answer for requests that match no location', () => {
    expect(at('http { root /a; server { add_header a b; } }', 0, 0).settings).toMatchObject({
      root: '/a',
      flv_live: false,
      add_header: [['a', 'b']],
    });
  });

  it('go on into nested locations and if blocks', () => {
    const text = 'http { server { location /a { root /a; location /a/b { if ($x) { } } } } }';
    expect(at(text, 0, 0, 0, 0).settings['root']).toBe('/a');
    expect(at(text, 0, 0, 0, 0, 0)).toMatchObject({ context: 'location_if', settings: { root: '/a' } });
  });

  it('combine lists as their rows say', () => {
    const text = `rtmp { exec a; server { exec b; application x { exec c; exec d; push u; push v; } application y { } } }
      http { add_header a 1; server { location / { } location /b { add_header b 1; add_header c 1; } } }`;
    expect(at(text, 0, 0, 0).settings).toMatchObject({
      exec: [['c'], ['d'], ['b'], ['a']],
      push: ['u', 'v'],
    });
    expect(at(text, 0, 0, 1).settings).toMatchObject({ exec: [['b'], ['a']], push: [] });
    expect(at(text, 1, 0, 0).settings['add_header']).toEqual([['a', '1']]);
    expect(at(text, 1, 0, 1).settings['add_header']).toEqual([
      ['b', '1'],
      ['c', '1'],
    ]);
  });

  it('repeat as their rows say', () => {
    const text =
      'rtmp { server { application a { record audio; record video audio; on_publish a; on_publish b; } } }';
    expect(at(text, 0, 0, 0).settings).toMatchObject({ record: ['audio', 'video'], on_publish: 'b' });
  });

  it('hold the values of data blocks', () => {
    const text =
      'http { map $a $b { default 1; "x y" 2; } map $c $d { } types { a/b c d; } types { e/f g; } server { } }';
    expect(at(text, 0, 0).settings).toMatchObject({ types: { c: 'a/b', d: 'a/b', g: 'e/f' } });
    expect(at(text, 0).settings['map']).toEqual([
      {
        words: ['$a', '$b'],
        cases: [
          ['default', '1'],
          ['x y', '2'],
        ],
      },
      { words: ['$c', '$d'], cases: [] },
    ]);
    expect(at('http { server { } }', 0, 0).settings['types']).toEqual({ html: 'text/html' });
  });

  it('know which line won', () => {
    const block = at('rtmp {\n sync 1s;\n live on;\n server { application a {\n sync 2s;\n} } }', 0, 0, 0);
    expect(block.origins).toMatchObject({ sync: { line: 5, column: 2 }, live: { line: 3, column: 2 } });
    expect(Object.keys(block.origins)).toEqual(['live', 'sync']);
  });

  it('of one table are taken out of a block', () => {
    const block = at('rtmp { server { application a { live on; } } }', 0, 0, 0);
    const { live, sync } = sources[1]!.tables.application as Record<string, never>;
    expect(settingsOf(block, { live, sync } as never)).toEqual({ live: true, sync: 300 });
  });
});

describe('groups', () => {
  it('keep the order of the file, with their blocks', () => {
    const block = at('http { server { return 1; if ($a) { return 2; } return 3; location / { } } }', 0, 0);
    const entries = block.settings['rewrite'] as readonly GroupEntry[];
    expect(entries.map(({ name, value }) => [name, value])).toEqual([
      ['return', '1'],
      ['if', '($a)'],
      ['return', '3'],
    ]);
    expect(entries[1]!.block).toBe(block.children[0]);
    expect(entries[1]!.block!.settings['rewrite']).toMatchObject([
      { name: 'return', value: '2', block: null },
    ]);
    expect(entries[2]!.at).toMatchObject({ line: 1 });
    expect(block.children[1]!.settings['rewrite']).toEqual([]);
  });

  it('are joined with those around where their rows say so', () => {
    const text = 'rtmp { deny a; server { allow b; application x { deny c; allow d; } application y { } } }';
    const values = (block: Block) =>
      (block.settings['access'] as readonly GroupEntry[]).map(({ value }) => value);
    expect(values(at(text, 0, 0, 0))).toEqual(['c', 'd', 'b', 'a']);
    expect(values(at(text, 0, 0, 1))).toEqual(['b', 'a']);
  });
});

describe('blocks', () => {
  it('have the key and value of their rows', () => {
    const server = at('http { server { location = /a { } location ~ b { } } server { } }', 0, 0);
    expect(server).toMatchObject({ context: 'server', name: 'server', key: '0', value: null });
    expect(childrenOf(server, 'location').map(({ key, value }) => [key, value])).toEqual([
      ['= /a', '= /a'],
      ['~ b', '~ b'],
    ]);
    expect(childrenOf(undefined, 'location')).toEqual([]);
  });

  it('are frozen all the way down', () => {
    const { tree } = load('rtmp { server { application a { exec a b; } } } http { types { a b; } }');
    const seen = new Set<unknown>();
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return;
      seen.add(value);
      expect(Object.isFrozen(value)).toBe(true);
      for (const key of Reflect.ownKeys(value)) check((value as Record<PropertyKey, unknown>)[key]);
    };
    check(tree);
    expect(seen.size).toBeGreaterThan(20);
  });

  it('compare equal wherever their lines stand', () => {
    const text = 'rtmp { server { deny all; application a { live on; exec x; } } }';
    const moved = `# moved\n${text.replaceAll(' ', '\n')}`;
    expect(isDeepStrictEqual(load(text).tree, load(moved).tree)).toBe(true);
    expect(isDeepStrictEqual(load(text).tree, load(text.replace('live on', 'live off')).tree)).toBe(false);
    expect(JSON.stringify(load(text).tree)).not.toContain('line');
  });
});

describe('checks', () => {
  it.each<[string, string[]]>([
    ['foo;', ['[emerg] unknown directive "foo" in media.conf:1:1']],
    ['"" a;', ['[emerg] unknown directive "" in media.conf:1:1']],
    ['live on;', ['[emerg] "live" directive is not allowed here in media.conf:1:1']],
    ['rtmp;', ['[emerg] directive "rtmp" has no opening "{" in media.conf:1:1']],
    ['rtmp a { }', ['[emerg] invalid number of arguments in "rtmp" directive in media.conf:1:1']],
    ['rtmp { } rtmp { }', ['[emerg] "rtmp" directive is duplicate in media.conf:1:10']],
    ['rtmp { live on { } }', ['[emerg] directive "live" is not terminated by ";" in media.conf:1:8']],
    ['rtmp { live; }', ['[emerg] invalid number of arguments in "live" directive in media.conf:1:8']],
    ['rtmp { live on; live on; }', ['[emerg] "live" directive is duplicate in media.conf:1:17']],
    [
      'rtmp { live 1; }',
      ['[emerg] invalid value "1" in "live" directive, it must be "on" or "off" in media.conf:1:13'],
    ],
    ['rtmp { sync 2sec; }', ['[emerg] "sync" directive invalid value "2sec" in media.conf:1:13']],
    [
      'rtmp { server { chunk_size 1; } }',
      ['[emerg] "chunk_size" directive invalid value "1" in media.conf:1:28'],
    ],
    [
      'rtmp { record keyframe; }',
      ['[emerg] invalid value "keyframe" in "record" directive in media.conf:1:15'],
    ],
    [
      'rtmp { server { application a { } application a { } } }',
      ['[emerg] duplicate application "a" in media.conf:1:35'],
    ],
    [
      'rtmp { server { application a { recorder r { } recorder r { record of; } } } }',
      [
        '[warn] duplicate recorder "r", ignored in media.conf:1:48',
        '[emerg] invalid value "of" in "record" directive in media.conf:1:68',
      ],
    ],
    [
      'http { server { location / { } location / { } } }',
      ['[emerg] duplicate location "/" in media.conf:1:32'],
    ],
    [
      'worker_processes a; worker_processes 2;',
      [
        '[emerg] "worker_processes" directive invalid value "a" in media.conf:1:18',
        '[emerg] "worker_processes" directive is duplicate in media.conf:1:21',
      ],
    ],
  ])('%j', (text, wanted) => {
    expect(messages(text)).toEqual(wanted);
  });

  it('goes on inside blocks that are wrong themselves', () => {
    expect(messages('rtmp { sever { aplication a b { live o; } } }')).toEqual([
      '[emerg] unknown directive "sever" in media.conf:1:8',
      '[emerg] unknown directive "aplication" in media.conf:1:16',
      '[emerg] invalid value "o" in "live" directive, it must be "on" or "off" in media.conf:1:38',
    ]);
    expect(messages('application a { live o; }')).toEqual([
      '[emerg] "application" directive is not allowed here in media.conf:1:1',
      '[emerg] invalid value "o" in "live" directive, it must be "on" or "off" in media.conf:1:22',
    ]);
    expect(messages('zzzzzzz { a b; }')).toEqual(['[emerg] unknown directive "zzzzzzz" in media.conf:1:1']);
  });

  it('sees a missing semicolon by the name on the next line', () => {
    expect(messages('rtmp { server {\n listen 1935\n chunk_size 4096\n live yes; } }')).toEqual([
      '[emerg] missing ";" after "1935" in media.conf:2:13',
      '[emerg] missing ";" after "4096" in media.conf:3:17',
      '[emerg] invalid value "yes" in "live" directive, it must be "on" or "off" in media.conf:4:7',
    ]);
    expect(messages('rtmp { live on\n server { } }')).toEqual([
      '[emerg] missing ";" after "on" in media.conf:1:15',
    ]);
  });

  it('only warns of it where any words are right, and not of quoted ones or on one line', () => {
    expect(messages('rtmp { exec a\n live on; }')).toEqual([
      '[warn] missing ";" after "a" in media.conf:1:14',
    ]);
    expect(messages('rtmp { exec a\n "live" on; }')).toEqual([]);
    expect(messages('rtmp { exec a live on; }')).toEqual([]);
    expect(messages('rtmp { exec a\n b; }')).toEqual([]);
  });
});

describe('names that nothing acts on', () => {
  it('are accepted, told as ignored, or refused', () => {
    expect(load('http { harmless on; }').ignored).toMatchObject([
      { name: 'harmless', reason: 'nobody needs it' },
    ]);
    expect(messages('http { server { location / { not_yet a; never a; } } }')).toEqual([
      '[emerg] "not_yet" directive is not supported yet in media.conf:1:30',
      '[emerg] "never" directive is not supported in media.conf:1:41',
    ]);
  });

  it('are refused in the wrong place and form as others are', () => {
    expect(messages('harmless on;')).toEqual([
      '[emerg] "harmless" directive is not allowed here in media.conf:1:1',
    ]);
    expect(messages('http { harmless; }')).toEqual([
      '[emerg] invalid number of arguments in "harmless" directive in media.conf:1:8',
    ]);
  });

  it('ask for nothing when they are off', () => {
    expect(messages('http { never off; }')).toEqual([]);
    expect(messages('http { never on; }')).toEqual([
      '[emerg] "never" directive is not supported in media.conf:1:8',
    ]);
  });

  it('swallow what stands inside them', () => {
    expect(messages('http { idle_world u { server a weight=1; what ever; } }')).toEqual([]);
    expect(messages('other_world { server { listen 1; foo; } }')).toEqual([
      '[emerg] "other_world" directive is not supported in media.conf:1:1',
    ]);
  });

  it('are known by families', () => {
    expect(
      load(
        'http { lua_code_cache on; vod_mode local; brotli on; server { location / { brotli_types a b; } } }',
      ).ignored,
    ).toHaveLength(4);
    expect(messages('http { server { location / { content_by_lua_file a; more_set_headers a; } } }')).toEqual(
      [
        '[emerg] "content_by_lua_file" directive is not supported in media.conf:1:30',
        '[emerg] "more_set_headers" directive is not supported in media.conf:1:53',
      ],
    );
  });
});

describe('the vocabulary', () => {
  it('refuses two rows of one name in one context', () => {
    const twice = {
      name: 'twice',
      tables: { application: { live: { ...sources[1]!.tables.application!['live']! } } },
    };
    expect(() => vocabularyOf([...sources, twice as never])).toThrow(
      '"live" in rtmp is declared by rtmp and twice',
    );
  });
});
