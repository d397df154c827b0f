import { execFileSync } from 'node:child_process';
import {
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ErrorLog } from '../../src/daemon/logging.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-log-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (path: string): readonly Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('lines go to every target of their level, also those of children', () => {
  const [all, worst] = [join(folder, 'all.log'), join(folder, 'worst.log')];
  const log = new ErrorLog(
    [
      { path: all, level: 'info' },
      { path: worst, level: 'error' },
    ],
    folder,
  );
  const child = log.logger.child({ session: 4 });
  child.debug('debug');
  child.info('info');
  log.notice('notice', { took: 1 });
  child.warn('warn');
  child.error({ err: new Error('why') }, 'error');
  child.fatal('fatal');
  expect(linesOf(all).map(({ level }) => level)).toEqual(['info', 'notice', 'warn', 'error', 'fatal']);
  expect(linesOf(worst).map(({ msg }) => msg)).toEqual(['error', 'fatal']);
  expect(linesOf(all)[0]).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    session: 4,
    msg: 'info',
  });
  expect(linesOf(worst)[0]).toMatchObject({
    err: { message: 'why', stack: expect.stringContaining('Error: why') },
  });
});

test('notice is more than info and less than warn', () => {
  const path = join(folder, 'x.log');
  const log = new ErrorLog([{ path, level: 'notice' }], folder);
  log.logger.info('info');
  log.notice('notice');
  log.logger.warn('warn');
  expect(linesOf(path).map(({ msg }) => msg)).toEqual(['notice', 'warn']);
});

test('rotation keeps all of 300 lines', () => {
  const path = join(folder, 'x.log');
  const log = new ErrorLog([{ path, level: 'info' }], folder);
  for (let n = 0; n < 300; n += 1) {
    log.logger.info({ n }, 'line');
    if (n === 150) {
      renameSync(path, `${path}.1`);
      log.logger.info({ n: 'moved' }, 'line');
      log.reopen();
    }
  }
  const [old, fresh] = [linesOf(`${path}.1`).map(({ n }) => n), linesOf(path).map(({ n }) => n)];
  expect(old).toEqual([...Array.from({ length: 151 }, (_, n) => n), 'moved']);
  expect(fresh).toEqual(Array.from({ length: 149 }, (_, n) => n + 151));
});

test('secrets are not written', () => {
  const path = join(folder, 'x.log');
  const log = new ErrorLog([{ path, level: 'info' }], folder);
  log.logger.info({ password: 'p1', stream: { token: 'p2', name: 'cam' } }, 'line');
  const text = readFileSync(path, 'utf8');
  expect(text).not.toMatch(/p1|p2/);
  expect(text).toContain('cam');
});

test('a full disk and a closed target reach nobody who logs', () => {
  const log = new ErrorLog([{ path: '/dev/full', level: 'info' }], folder);
  for (let n = 0; n < 3; n += 1) log.logger.info({ n }, 'line');
  const path = join(folder, 'x.log');
  log.prepare([{ path, level: 'info' }]).commit();
  log.logger.info('goes on');
  expect(linesOf(path)).toHaveLength(1);
});

test('a FIFO that nobody reads holds nobody up, and goes on with whole lines', async () => {
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const log = new ErrorLog([{ path, level: 'info' }], folder);
  const began = performance.now();
  for (let n = 0; n < 4000; n += 1) log.logger.info({ n, more: 'x'.repeat(n % 200) }, 'line');
  expect(performance.now() - began).toBeLessThan(5000);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(1024 * 1024);
  let text = '';
  const more = (): string => {
    try {
      text += buffer.toString('utf8', 0, readSync(reader, buffer));
    } catch {
      // There is nothing just now.
    }
    return text;
  };
  // What was kept comes after what the pipe held, and then nothing more of what was lost.
  await expect.poll(more).toContain('"n":1000,');
  await expect.poll(() => more().endsWith('\n')).toBe(true);
  log.logger.info({ n: 'last' }, 'line');
  await expect.poll(more).toContain('"n":"last"');
  closeSync(reader);
  const numbers = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly n: unknown }).n);
  expect(numbers.slice(0, 1000)).toEqual(numbers.slice(0, 1000).map((_, index) => index));
  expect(numbers.at(-1)).toBe('last');
  expect(numbers.length).toBeLessThan(4000);
  log.prepare([{ path: null, level: 'emerg' }]).commit();
});

test('new targets count when they are committed, and none is left open when undone', () => {
  const [one, two] = [join(folder, 'one.log'), join(folder, 'logs', 'deep', 'two.log')];
  const log = new ErrorLog([{ path: one, level: 'info' }], folder);
  const prepared = log.prepare([{ path: two, level: 'warn' }]);
  log.logger.info('first');
  prepared.commit();
  log.logger.info('nowhere');
  log.logger.warn('second');
  log.prepare([{ path: join(folder, 'three.log'), level: 'debug' }]).undo();
  log.logger.debug('nowhere');
  expect(linesOf(one).map(({ msg }) => msg)).toEqual(['first']);
  expect(linesOf(two).map(({ msg }) => msg)).toEqual(['second']);
  expect(log.paths).toEqual([two]);
});

test('a target that cannot be opened is an error at once; folders are made inside the prefix only', () => {
  const log = new ErrorLog([{ path: null, level: 'emerg' }], folder);
  const outside = join(tmpdir(), 'mediad-none', 'x.log');
  expect(() => log.prepare([{ path: outside, level: 'info' }])).toThrow(/ENOENT/);
  expect(existsSync(join(tmpdir(), 'mediad-none'))).toBe(false);
  expect(() => log.prepare([{ path: folder, level: 'info' }])).toThrow(/EISDIR/);
});
