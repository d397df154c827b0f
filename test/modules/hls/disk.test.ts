import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryFiles } from '../../../src/core/workers/memory-files.ts';
import { cleanDirectory, keepClean } from '../../../src/modules/hls/cleanup.ts';
import { type DiskAccess, DiskQueue, DiskTrouble } from '../../../src/modules/hls/disk.ts';
import { checkPlaylists } from './rules.ts';
import { disk, type Publisher, Studio } from './studio.ts';

let at: Studio;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  at = new Studio();
});

afterEach(async () => {
  await at.close();
  vi.useRealTimers();
});

async function run(publisher: Publisher, ms: number): Promise<void> {
  for (let done = 0; done < ms; done += 1000) {
    publisher.run({ ms: 1000 }, (step) => vi.advanceTimersByTime(step));
    await at.service.idle();
  }
}

/** Lets work on the disk go on until something is so, for a bounded number of turns. */
async function until(so: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (so()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(so()).toBe(true);
}

/** A disk that refuses to write while `full`, leaving a part of the file behind. */
function failingDisk(): DiskAccess & { full: boolean } {
  const access = {
    ...disk,
    full: false,
    write: async (path: string, body: Buffer, mode: number) => {
      if (!access.full) return disk.write(path, body, mode);
      await disk.write(path, body.subarray(0, 10), mode);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    },
  };
  return access;
}

describe('a disk that is full', () => {
  test('the stream goes on from memory, is told of once a minute, and comes back', async () => {
    const access = failingDisk();
    at.start({}, access);
    const publisher = await at.publish();
    await run(publisher, 10_000);
    const whole = readFileSync(at.path('s.m3u8'), 'utf8');
    access.full = true;
    await run(publisher, 150_000);
    const errors = () => at.lines.filter((line) => line['level'] === 50);
    expect(errors().length).toBe(3);
    expect(errors()[0]).toMatchObject({
      path: at.directory,
      lost: 1,
      reason: 'ENOSPC: no space left on device',
    });
    expect(errors()[1]!['lost']).toBeGreaterThan(40);
    // What stands on disk is whole, and no part of a file is left to fill it further.
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).toBe(whole);
    expect(readdirSync(at.directory).filter((name) => name.startsWith('.'))).toEqual([]);
    const playlists = checkPlaylists(at.versions());
    for (const { uri } of playlists.at(-1)!.segments) expect(at.files.get(at.path(uri))).toBeDefined();
    // Late players find what has left the list; what is older is gone, so that memory does not grow.
    const listed = playlists.at(-1)!.segments.length;
    expect(at.files.count).toBeGreaterThan(listed + 1);
    expect(at.files.count).toBeLessThanOrEqual(2 * listed + 3);
    access.full = false;
    await run(publisher, 30_000);
    expect(readFileSync(at.path('s.m3u8'), 'utf8')).toBe(at.versions().at(-1));
    expect(at.lines.filter((line) => line['level'] === 30).length).toBe(1);
    expect(errors().length).toBe(3);
    expect(at.files.count).toBe(listed + 1);
    checkPlaylists(at.versions());
  });

  test.each([-3_600_000, 3_600_000])(
    'a jump of the clock by %i ms neither drops nor keeps what is in memory',
    async (jump) => {
      const access = failingDisk();
      at.start({}, access);
      const publisher = await at.publish();
      access.full = true;
      await run(publisher, 60_000);
      const before = at.files.count;
      vi.setSystemTime(Date.now() + jump);
      await run(publisher, 4000);
      expect(at.files.count).toBeGreaterThanOrEqual(before - 2);
      await run(publisher, 120_000);
      expect(at.files.count).toBeLessThanOrEqual(before + 2);
    },
  );

  test('numbers that never reached the disk are not forgotten', async () => {
    const access = failingDisk();
    at.start({}, access);
    const first = await at.publish();
    await run(first, 10_000);
    access.full = true;
    await run(first, 30_000);
    first.stop();
    await vi.advanceTimersByTimeAsync(100_000);
    await at.service.idle();
    expect(at.files.count).toBe(0);
    access.full = false;
    const second = await at.publish();
    await run(second, 10_000);
    checkPlaylists(at.versions(), { newTarget: true });
  });

  test('a directory that somebody removed is made again', async () => {
    at.start({ hls_nested: true, hls_dir_access: 0o711 });
    const publisher = await at.publish('a/s');
    await run(publisher, 5000);
    expect(statSync(at.path('a/s')).mode & 0o777).toBe(0o711);
    rmSync(at.path('a'), { recursive: true });
    await run(publisher, 3000);
    expect(readFileSync(at.path('a/s/index.m3u8'), 'utf8')).toBe(at.versions('a/s/index.m3u8').at(-1));
    expect(at.lines.some((line) => line['level'] === 50)).toBe(false);
  });
});

describe('the queue', () => {
  /** Writes that end when told so. */
  function slowDisk(): DiskAccess & { readonly done: string[]; release(): void } {
    const waiting: (() => void)[] = [];
    const done: string[] = [];
    return {
      done,
      release: () => waiting.shift()?.(),
      makeDirectory: async () => undefined,
      write: (path, body) =>
        new Promise((resolve) => {
          waiting.push(() => {
            done.push(`${path} ${body.toString().slice(0, 8)}`);
            resolve();
          });
        }),
      rename: async (from, to) => void done.push(`${from} ${to}`),
      remove: async () => undefined,
    };
  }

  async function drain(access: ReturnType<typeof slowDisk>, queue: DiskQueue): Promise<void> {
    let idle = false;
    void queue.idle().then(() => {
      idle = true;
    });
    while (!idle) {
      access.release();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test('files go in order, under another name first; a newer playlist takes the place of an older one', async () => {
    const access = slowDisk();
    const queue = new DiskQueue(access, new DiskTrouble(at.log, '/x'), () => 0o755);
    queue.write('/x/1.ts', Buffer.from('one'));
    queue.write('/x/p.m3u8', Buffer.from('list 1'));
    queue.write('/x/2.ts', Buffer.from('two'));
    queue.write('/x/p.m3u8', Buffer.from('list 2'));
    expect(queue.has('/x/p.m3u8')).toBe(false);
    await drain(access, queue);
    expect(access.done).toEqual([
      '/x/.1.ts.tmp one',
      '/x/.1.ts.tmp /x/1.ts',
      '/x/.2.ts.tmp two',
      '/x/.2.ts.tmp /x/2.ts',
      '/x/.p.m3u8.tmp list 2',
      '/x/.p.m3u8.tmp /x/p.m3u8',
    ]);
    expect(queue.has('/x/p.m3u8')).toBe(true);
  });

  test('what waits is bounded in number and bytes, and the oldest goes', async () => {
    for (const [size, most] of [
      [1, 66],
      [8 * 1024 * 1024, 10],
    ] as const) {
      const access = slowDisk();
      const queue = new DiskQueue(access, new DiskTrouble(at.log, '/x'), () => 0o755);
      const body = Buffer.alloc(size);
      for (let i = 0; i < 200; i += 1) queue.write(`/x/${i}.ts`, body);
      await drain(access, queue);
      const renamed = access.done.filter((line) => line.includes('.tmp /x/'));
      expect(renamed.length).toBeLessThanOrEqual(most);
      expect(renamed.length).toBeGreaterThan(5);
      expect(renamed.at(-1)).toContain('/x/199.ts');
      expect(queue.has('/x/199.ts')).toBe(true);
      expect(queue.has('/x/50.ts')).toBe(false);
    }
  });
});

describe('cleanup', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'clean-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  function put(name: string, age: number, body: string | Buffer = Buffer.from([0x47, 1])): void {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, body);
    const time = (Date.now() - age) / 1000;
    utimesSync(path, time, time);
  }

  const files = (): readonly string[] => readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();

  test('only old files that look like ours go, and directories that this empties', async () => {
    const cipher = Buffer.from([...Array(32).keys()]);
    for (const [name, body] of [
      ['s-12.ts', undefined],
      ['s.m3u8', '#EXTM3U\n'],
      ['s-12.key', Buffer.alloc(16)],
      ['e-13.ts', cipher],
      ['n/12.ts', undefined],
      ['n/index.m3u8', '#EXTM3U\n'],
      ['a/b/7.ts', undefined],
      ['.s-13.ts.tmp', 'x'],
    ] as const) {
      put(name, 61_000, body);
    }
    const stay: readonly [string, number, (string | Buffer)?][] = [
      ['s-14.ts', 59_000],
      ['t.m3u8', 59_000, '#EXTM3U\n'],
      ['program.ts', 1e9],
      ['component-1.ts', 1e9, 'export const component = 1;\nconst a = 2;'],
      ['api-1.key', 1e9, '-----BEGIN PRIVATE KEY-----'],
      ['movie.mp4', 1e9],
      ['kept-9.ts', 1e9],
      ['.hidden/5.ts', 1e9],
      ['c/readme.txt', 1e9],
    ];
    for (const [name, age, body] of stay) put(name, age, body);
    put('c/5.ts', 1e9);
    mkdirSync(join(directory, 'empty'));
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    writeFileSync(join(outside, '5.ts'), 'G');
    utimesSync(join(outside, '5.ts'), 1, 1);
    symlinkSync(outside, join(directory, 'link'));
    await cleanDirectory(directory, 60_000, (path) => path.endsWith('kept-9.ts'));
    expect(files()).toEqual(
      [...stay.map(([name]) => name), '.hidden', 'c', 'empty', 'link', 'link/5.ts'].sort(),
    );
    expect(readdirSync(outside)).toEqual(['5.ts']);
    rmSync(outside, { recursive: true });
  });

  test('the segments and keys of a list stay as long as the list does', async () => {
    const list =
      '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="s-1.key"\n#EXTINF:1,\ns-1.ts\n#EXTINF:1,\nhttp://a/s-2.ts\n';
    put('s.m3u8', 50_000, list);
    for (const name of ['s-0.ts', 's-1.ts', 's-2.ts', 't-1.ts']) put(name, 70_000);
    put('s-1.key', 70_000, Buffer.alloc(16));
    await cleanDirectory(directory, 60_000, () => false);
    expect(files()).toEqual(['s-1.key', 's-1.ts', 's-2.ts', 's.m3u8']);
    put('s.m3u8', 61_000, list);
    await cleanDirectory(directory, 60_000, () => false);
    expect(files()).toEqual([]);
  });

  test('a path that is not there is no error', async () => {
    await cleanDirectory(join(directory, 'none'), 0, () => false);
  });

  test('clients of one path share a job: the longest age counts, and it ends with the last of them', async () => {
    const memory = new MemoryFiles();
    put('s-1.ts', 90_000);
    const client = (age: number) => ({ age: () => age, protects: () => false, log: at.log });
    const first = keepClean(memory, directory, client(60_000));
    const second = keepClean(memory, directory, client(100_000));
    vi.advanceTimersByTime(1);
    expect(vi.getTimerCount()).toBe(0);
    await until(() => vi.getTimerCount() === 1);
    expect(files()).toEqual(['s-1.ts']);
    second();
    await until(() => {
      vi.advanceTimersByTime(1000);
      return files().length === 0;
    });
    first();
    put('s-2.ts', 1e9);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what a live stream lists stays, however old; what it no longer lists goes', async () => {
    at.start({ hls_cleanup: true, hls_playlist_length: 4000, hls_fragment: 1000 });
    const publisher = await at.publish();
    await run(publisher, 60_000);
    const { segments } = checkPlaylists(at.versions()).at(-1)!;
    const left = readdirSync(at.directory);
    for (const { uri } of segments) expect(left).toContain(uri);
    expect(left.length).toBeLessThan(30);
    for (const name of left) utimesSync(at.path(name), 1, 1);
    await until(() => {
      vi.advanceTimersByTime(1000);
      return readdirSync(at.directory).length <= segments.length + 1;
    });
    expect(readdirSync(at.directory).sort()).toEqual([...segments.map(({ uri }) => uri), 's.m3u8'].sort());
  });

  test('event lists are never cleaned', async () => {
    at.start({ hls_cleanup: true, hls_type: 'event', hls_playlist_length: 4000 });
    const publisher = await at.publish();
    await run(publisher, 60_000);
    publisher.stop();
    await vi.advanceTimersByTimeAsync(200_000);
    await at.service.idle();
    expect(readdirSync(at.directory).length).toBe(31);
  });
});
