import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive, readPid, removePid, writePid } from '../../src/daemon/pid-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-pid-'));
  path = join(folder, 'logs', 'mediad.pid');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The number of a process that has ended. */
function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  return new Promise((resolve) => child.once('exit', () => resolve(child.pid!)));
}

test('is written whole, in a folder of its own, for everybody to read', () => {
  writePid(path);
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  removePid(path);
  expect(existsSync(path)).toBe(false);
});

test('one of another process is not removed', () => {
  writePid(path);
  writeFileSync(path, '1\n');
  removePid(path);
  expect(readFileSync(path, 'utf8')).toBe('1\n');
});

test('tells why there is no process', async () => {
  expect(readPid(path)).toEqual({ kind: 'missing', reason: 'No such file or directory' });
  writePid(path);
  for (const text of ['abc', '-1', '0', '1.5', '12 13']) {
    writeFileSync(path, text);
    expect(readPid(path)).toEqual({ kind: 'invalid', text });
  }
  writeFileSync(path, '\n');
  expect(readPid(path)).toEqual({ kind: 'missing', reason: 'it is empty' });
  const pid = await deadPid();
  writeFileSync(path, `${pid}\n`);
  expect(readPid(path)).toEqual({ kind: 'stale', pid });
});

test('a number that another program has by now is stale', async () => {
  writePid(path);
  const other = spawn('sleep', ['30']);
  await new Promise((resolve) => other.once('spawn', resolve));
  writeFileSync(path, `${other.pid}\n`);
  await expect.poll(() => readPid(path)).toEqual({ kind: 'stale', pid: other.pid });
  const ended = new Promise((resolve) => other.once('exit', resolve));
  other.kill();
  await ended;
});

test('a process that was not collected yet is not alive', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30']);
  const child = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (data: Buffer) => resolve(Number(data))),
  );
  await expect.poll(() => isAlive(child)).toBe(false);
  expect(isAlive(parent.pid!)).toBe(true);
  const ended = new Promise((resolve) => parent.once('exit', resolve));
  parent.kill();
  await ended;
});
