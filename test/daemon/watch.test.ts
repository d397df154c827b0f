import { execFile } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { describe, type ExpectStatic, test } from 'vitest';
import { ConfigWatch, type Sources } from '../../src/daemon/watch.ts';

const run = promisify(execFile);

/** A folder `conf` with a watched file `media.conf`, and what the watch told. */
interface Place {
  readonly root: string;
  readonly file: string;
  readonly seen: string[];
  readonly watch: ConfigWatch;
}

/** One file with at most one line `include FILE`, which may be missing. */
function read(file: string): Sources {
  const texts: string[] = [];
  const files = [file];
  try {
    texts.push(readFileSync(file, 'utf8'));
    const included = /^include (.*)$/m.exec(texts[0]!)?.[1];
    if (included !== undefined) {
      files.push(join(dirname(file), included));
      texts.push(readFileSync(files[1]!, 'utf8'));
    }
  } catch {
    texts.push('unreadable');
  }
  const folders = [...new Set(files.map((path) => dirname(path)))];
  return { files, needs: [], folders, digest: texts.join('\0') };
}

/** Starts a watch of a new place and runs the test once it is up: once it has noticed a first change. */
async function watched(
  expect: ExpectStatic,
  body: (place: Place) => Promise<void>,
  arrange: (root: string, file: string) => void = () => undefined,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'mediad-watch-'));
  mkdirSync(join(root, 'conf'));
  const file = join(root, 'conf', 'media.conf');
  writeFileSync(file, 'zero\n');
  arrange(root, file);
  const seen: string[] = [];
  const watch = new ConfigWatch(
    () => Promise.resolve(read(file)),
    () => void seen.push(read(file).digest),
    pino({ enabled: false }),
    { sweep: 400 },
  );
  try {
    watch.follow(read(file));
    writeFileSync(file, 'first\n');
    await expect.poll(() => seen, { timeout: 4000 }).toEqual(['first\n']);
    seen.length = 0;
    await body({ root, file, seen, watch });
  } finally {
    watch.close();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Waits for the change, then long enough for a second one to show. */
async function seesOnce(expect: ExpectStatic, { seen }: Place, text: string): Promise<void> {
  await expect.poll(() => seen.at(-1), { timeout: 5000, interval: 20 }).toBe(text);
  await sleep(600);
  expect(seen).toEqual([text]);
}

interface Style {
  readonly name: string;
  readonly text: string;
  change(place: Place): unknown;
}

const styles: readonly Style[] = [
  { name: 'append', text: 'first\nmore\n', change: ({ file }) => appendFileSync(file, 'more\n') },
  { name: 'truncate and write', text: 'second\n', change: ({ file }) => writeFileSync(file, 'second\n') },
  {
    name: 'copy over it',
    text: 'copied\n',
    change: ({ root, file }) => {
      writeFileSync(join(root, 'other'), 'copied\n');
      copyFileSync(join(root, 'other'), file);
    },
  },
  {
    name: 'move over it',
    text: 'moved\n',
    change: ({ root, file }) => {
      writeFileSync(join(root, 'other'), 'moved\n');
      renameSync(join(root, 'other'), file);
    },
  },
  { name: 'sed -i', text: 'edited\n', change: ({ file }) => run('sed', ['-i', 's/first/edited/', file]) },
  {
    name: 'three pieces, 60 ms apart',
    text: 'one two three\n',
    change: async ({ file }) => {
      writeFileSync(file, 'one ');
      await sleep(60);
      appendFileSync(file, 'two ');
      await sleep(60);
      appendFileSync(file, 'three\n');
    },
  },
  {
    name: 'delete, wait, create',
    text: 'reborn\n',
    change: async ({ file }) => {
      rmSync(file);
      await sleep(400);
      writeFileSync(file, 'reborn\n');
    },
  },
  {
    name: 'a link to another file (ln -sfn)',
    text: 'linked\n',
    change: async ({ root, file }) => {
      writeFileSync(join(root, 'conf', 'other.conf'), 'linked\n');
      await run('ln', ['-sfn', 'other.conf', file]);
    },
  },
  {
    name: 'the folder replaced',
    text: 'replaced\n',
    change: ({ root }) => {
      mkdirSync(join(root, 'new'));
      writeFileSync(join(root, 'new', 'media.conf'), 'replaced\n');
      renameSync(join(root, 'conf'), join(root, 'old'));
      renameSync(join(root, 'new'), join(root, 'conf'));
    },
  },
];

describe.concurrent('a change of the text is seen once, when complete', { timeout: 15_000 }, () => {
  for (const { name, text, change } of styles) {
    test(name, ({ expect }) =>
      watched(expect, async (place) => {
        await change(place);
        await seesOnce(expect, place, text);
      }),
    );
  }

  test('vim, or what it does where it is not installed', ({ expect }) =>
    watched(expect, async (place) => {
      const commands = ['-es', '-u', 'NONE', '-c', '%s/first/by vim/', '-c', 'wq', place.file];
      await run('vim.tiny', commands).catch(() => {
        renameSync(place.file, `${place.file}~`);
        writeFileSync(place.file, 'by vim\n');
        rmSync(`${place.file}~`);
      });
      await seesOnce(expect, place, 'by vim\n');
    }));

  test('a Kubernetes volume is swapped', ({ expect }) =>
    watched(
      expect,
      async (place) => {
        const conf = join(place.root, 'conf');
        mkdirSync(join(conf, '..two'));
        writeFileSync(join(conf, '..two', 'media.conf'), 'swapped\n');
        symlinkSync('..two', join(conf, '..data_tmp'));
        renameSync(join(conf, '..data_tmp'), join(conf, '..data'));
        await seesOnce(expect, place, 'swapped\n');
      },
      (root, file) => {
        const conf = join(root, 'conf');
        rmSync(file);
        mkdirSync(join(conf, '..one'));
        writeFileSync(join(conf, '..one', 'media.conf'), 'zero\n');
        symlinkSync('..one', join(conf, '..data'));
        symlinkSync(join('..data', 'media.conf'), file);
      },
    ));

  test('a file that a new include names counts from then on', ({ expect }) =>
    watched(expect, async ({ root, file, seen }) => {
      writeFileSync(file, 'include more.conf\n');
      await expect.poll(() => seen, { timeout: 4000 }).toHaveLength(1);
      writeFileSync(join(root, 'conf', 'more.conf'), 'included\n');
      await expect.poll(() => seen.at(-1), { timeout: 4000 }).toBe('include more.conf\n\0included\n');
      writeFileSync(join(root, 'conf', 'more.conf'), 'changed\n');
      await expect.poll(() => seen.at(-1), { timeout: 4000 }).toBe('include more.conf\n\0changed\n');
    }));
});

describe.concurrent('no change is seen', { timeout: 15_000 }, () => {
  test('when a file is touched, or others beside it are written', ({ expect }) =>
    watched(expect, async ({ root, file, seen }) => {
      const now = new Date();
      utimesSync(file, now, now);
      writeFileSync(join(root, 'conf', 'notes.txt'), 'x');
      writeFileSync(file, 'first\n');
      await sleep(1000);
      expect(seen).toEqual([]);
    }));

  test('after close', ({ expect }) =>
    watched(expect, async ({ file, seen, watch }) => {
      watch.close();
      writeFileSync(file, 'late\n');
      await sleep(600);
      expect(seen).toEqual([]);
    }));
});
