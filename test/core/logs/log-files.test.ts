import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFiles } from '../../../src/core/logs/log-files.ts';

let folder: string;
let complaints: string[];
let files: LogFiles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-logs-'));
  complaints = [];
  files = new LogFiles((path, error) => complaints.push(`${path}: ${error.code}`));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

const linesOf = (path: string): readonly string[] => readFileSync(path, 'utf8').trimEnd().split('\n');

test('lines of one turn are appended in order', async () => {
  const path = join(folder, 'access.log');
  const log = files.open(path);
  for (const n of numbers(0, 100)) log.write(`line ${n}`);
  await files.flush();
  expect(linesOf(path)).toEqual(numbers(0, 100).map((n) => `line ${n}`));
});

test('a file that cannot be opened is an error at once', () => {
  expect(() => files.open(join(folder, 'missing', 'access.log'))).toThrowError(/ENOENT/);
  expect(() => files.open(folder)).toThrowError(/EISDIR/);
  expect(files.paths).toEqual([]);
});

test('rotation loses no line and repeats none', async () => {
  const path = join(folder, 'access.log');
  const log = files.open(path);
  for (const n of numbers(0, 300)) {
    log.write(`${n}`);
    if (n === 90 || n === 200) {
      renameSync(path, `${path}.${n}`);
      files.reopen();
    }
    if (n % 7 === 0) await turn();
  }
  await files.flush();
  expect(linesOf(`${path}.90`)).toEqual(numbers(0, 91).map(String));
  expect(linesOf(`${path}.200`)).toEqual(numbers(91, 201).map(String));
  expect(linesOf(path)).toEqual(numbers(201, 300).map(String));
});

test('holds of one path share the file until the last is given up', async () => {
  const path = join(folder, 'access.log');
  const first = files.open(path);
  const second = files.open(join(folder, '.', 'access.log'));
  expect(files.paths).toEqual([path]);
  first.write('first');
  first.close();
  first.close();
  second.write('second');
  expect(files.paths).toEqual([path]);
  second.close();
  expect(files.paths).toEqual([]);
  expect(linesOf(path)).toEqual(['first', 'second']);
});

test('buffered lines wait for their time', async () => {
  const path = join(folder, 'access.log');
  const log = files.open(path, { buffer: 4096, flush: 20 });
  log.write('waits');
  await turn();
  expect(readFileSync(path, 'utf8')).toBe('');
  await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 2000 }).toBe('waits\n');
  log.write('x'.repeat(5000));
  await expect.poll(() => readFileSync(path, 'utf8').length, { timeout: 2000 }).toBe(6 + 5001);
});

test('a full disk is complained of once, and held lines are bounded', async () => {
  if (!existsSync('/dev/full')) return;
  const log = files.open('/dev/full');
  for (const n of numbers(0, 20)) {
    log.write(`${n} ${'x'.repeat(100_000)}`);
    await turn();
  }
  await expect.poll(() => complaints, { timeout: 2000 }).toEqual(['/dev/full: ENOSPC']);
  await files.flush();
  log.close();
});

test('a FIFO that nobody reads holds nobody up', async () => {
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const log = files.open(path);
  for (const n of numbers(0, 20)) {
    log.write(`${n} ${'x'.repeat(10_000)}`);
    await turn();
  }
  await expect.poll(() => complaints, { timeout: 2000 }).toEqual([`${path}: EAGAIN`]);
  // Threads of the pool are free for others.
  const all = Promise.all(numbers(0, 20).map(() => stat(folder)));
  expect(await Promise.race([all.then(() => 'done'), new Promise((done) => setTimeout(done, 2000))])).toBe(
    'done',
  );
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(1024 * 1024);
  let got = '';
  await expect
    .poll(
      () => {
        try {
          got += buffer.toString('utf8', 0, readSync(reader, buffer));
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
        }
        return got.split('\n').length - 1;
      },
      { timeout: 5000 },
    )
    .toBe(20);
  closeSync(reader);
  log.close();
});

test('a rotation into a folder that is gone goes on in the old file', async () => {
  const path = join(folder, 'access.log');
  const log = files.open(path);
  log.write('before');
  await files.flush();
  renameSync(path, `${path}.1`);
  chmodSync(folder, 0o755);
  const moved = `${folder}-moved`;
  renameSync(folder, moved);
  files.reopen();
  log.write('after');
  await files.flush();
  expect(complaints).toEqual([`${path}: ENOENT`]);
  expect(linesOf(join(moved, 'access.log.1'))).toEqual(['before', 'after']);
  rmSync(moved, { recursive: true });
});
