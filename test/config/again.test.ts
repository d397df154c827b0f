import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../src/config/block.ts';
import {
  type Config,
  type ConfigOptions,
  LoadError,
  loadConfig,
  loadingConfig,
} from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import type { ParsedFiles } from '../../src/config/load.ts';
import { printText } from '../../src/config/print.ts';
import { inSlices } from '../../src/config/slices.ts';
import type { TableSource } from '../../src/config/table.ts';
import { modules } from '../../src/modules/index.ts';
import { load, sources } from './sources.ts';

const seed = 20_261_122;
const FILE = '/srv/conf/media.conf';

/** A configuration as it was loaded, or its errors as printed, with all that comparisons and JSON pass over. */
function shown(options: ConfigOptions): { readonly tree?: Block; readonly all: unknown } {
  let config: Config;
  try {
    config = loadConfig(options);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { all: printText(error.diagnostics, { files: error.files }) };
  }
  return { tree: config.tree, all: plain(config) };
}

/** Any value in plain form, with properties that are hidden. Fails for one that is not frozen where it must be. */
function plain(value: unknown, frozen = false): unknown {
  if (typeof value === 'function') return `function ${value}`;
  if (typeof value !== 'object' || value === null) return value;
  const proto = Object.getPrototypeOf(value);
  const bare = proto === Object.prototype || proto === Array.prototype || proto === null;
  if (bare && frozen) expect(Object.isFrozen(value)).toBe(true);
  const properties = Reflect.ownKeys(value).map((name) => [
    String(name),
    plain((value as Record<PropertyKey, unknown>)[name], bare && (frozen || name === 'tree')),
  ]);
  return { is: `${value.constructor?.name} ${bare ? '' : value}`, properties };
}

/** A start, and then edits: of lines in the file's own order, which is taken away, repeated, moved, or changed. */
function edits(least: number): fc.Arbitrary<readonly (readonly [number, number, string])[]> {
  return fc.array(
    fc.tuple(
      fc.nat(10_000),
      fc.nat(10_000),
      fc.constantFrom('remove', 'repeat', 'move', 'on', 'number', 'comment', 'brace', 'name'),
    ),
    { minLength: least, maxLength: 12 },
  );
}

function edited(text: string, [from, to, how]: readonly [number, number, string]): string {
  const lines = text.split('\n');
  const line = from % lines.length;
  const now = lines[line]!;
  const other = to % lines.length;
  if (how === 'remove') lines.splice(line, 1);
  else if (how === 'repeat') lines.splice(line, 0, now);
  else if (how === 'move') lines.splice(other, 0, ...lines.splice(line, 1));
  else if (how === 'on') lines[line] = now.replace(/\b(on|off)\b/, (word) => (word === 'on' ? 'off' : 'on'));
  else if (how === 'number') lines[line] = now.replace(/\d+/, `${to % 90}`);
  else if (how === 'comment') lines.splice(line, 0, '# a comment', '');
  else if (how === 'brace') lines[line] = now.replace(/[{};]/, '');
  else lines[line] = now.replace(/(application|location|recorder) (\S)/, `$1 $2${to % 9}`);
  return lines.join('\n');
}

/** Each text of a series is loaded on its own, and as the change of the last one that held. */
function compare(
  texts: readonly string[],
  vocabulary: readonly TableSource[],
  others: Record<string, string>,
) {
  const parsed: ParsedFiles = new Map();
  let before: Block | undefined;
  for (const text of texts) {
    const files = memoryFiles({ ...others, [FILE]: text });
    const cold = shown({ file: FILE, sources: vocabulary, files });
    const warm = shown({ file: FILE, sources: vocabulary, files, parsed, ...(before ? { before } : {}) });
    expect(warm.all).toEqual(cold.all);
    before = warm.tree ?? before;
  }
}

const small = `worker_processes 2;
error_log a.log;
rtmp {
    sync 100ms;
    exec prog one;
    allow all;
    server {
        listen 1935;
        meta copy;
        application live {
            live on;
            push rtmp://a;
            push rtmp://b;
            exec prog two;
            deny 10.0.0.0;
            recorder one { record all; record_path /tmp; }
            recorder two { record off; }
        }
        application cam {
            live on;
        }
        application idle {
            sync 5ms;
            on_publish http://a;
            on_publish http://b;
        }
        application none { }
    }
}
http {
    include types.conf;
    map $a $b { x y; default z; }
    add_header X one;
    server {
        root /srv;
        if ($a) { return 403; }
        location / { root /data; }
        location /live { flv_live on; location /live/in { add_header Y two; } }
        location = /x { return 200; types { a/b c; } if ($b) { root /if; } }
    }
    server { }
}
`;

describe('a configuration loaded as the change of another', () => {
  it('is what it is when loaded alone, in a small language', () => {
    const others = { '/srv/conf/types.conf': 'types { text/html html; }\nroot /included;\n' };
    fc.assert(
      fc.property(edits(3), (list) => {
        const texts = [small];
        for (const edit of list) texts.push(edited(texts.at(-1)!, edit));
        compare(texts, sources, others);
      }),
      { seed, numRuns: 60 },
    );
  });

  const folder = join(import.meta.dirname, '..', '..', 'conf');
  const names = readdirSync(folder).filter((name) => name.endsWith('.conf'));
  it.each(names)('is what it is when loaded alone: %s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    fc.assert(
      fc.property(edits(2), (list) => {
        const texts = [text];
        for (const edit of list) texts.push(edited(texts.at(-1)!, edit));
        compare(texts, modules, {});
      }),
      { seed, numRuns: 12 },
    );
  });

  it('has the very settings of before where nothing that counts there has changed', () => {
    // Entries of groups know where they stand, so blocks with such are made anew.
    const text = small.replace('allow all;', '').replace('deny 10.0.0.0;', '');
    const before = load(text, { '/srv/conf/types.conf': '' });
    const changed = text
      .replace('worker_processes 2;', '# moved\n\nworker_processes 2;')
      .replace('sync 5ms', 'sync 6ms')
      .replace('application none { }', 'application more { }\napplication none { }');
    const after = loadConfig({
      file: FILE,
      sources,
      before: before.tree,
      files: memoryFiles({ [FILE]: changed, '/srv/conf/types.conf': '' }),
    });
    const applications = ({ tree }: Config): ReadonlyMap<string, Block> =>
      new Map(tree.children[0]!.children[0]!.children.map((block) => [block.key, block]));
    const [old, now] = [applications(before), applications(after)];
    const shared = [...now].filter(([key, { settings }]) => old.get(key)?.settings === settings);
    expect(shared.map(([key]) => key)).toEqual(['live', 'cam', 'none']);
    expect(now.get('live')!.at.line).toBe(old.get('live')!.at.line + 2);
    expect(now.get('idle')!.settings['sync']).toBe(6);
  });
});

describe('slices', () => {
  it('give the same as one go, with turns for others between them', async () => {
    const applications = Array.from(
      { length: 3000 },
      (_, index) => `application a${index} { live on; sync ${index}ms; }`,
    );
    const text = `rtmp { server { ${applications.join('\n')} } }`;
    const options = { file: FILE, sources, files: memoryFiles({ [FILE]: text }) };
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const config = await inSlices(loadingConfig(options));
    over = true;
    expect(turns).toBeGreaterThan(3);
    expect(plain(config)).toEqual(plain(loadConfig(options)));
  });
});
