import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/errors.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { SocketFolder } from '../../src/daemon/socket-folder.ts';
import { modules } from '../../src/modules/index.ts';

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mediad-sockets-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function config(directory: string): Config {
  const files = memoryFiles({ '/prefix/test.conf': `rtmp_socket_dir ${directory};` });
  return loadConfig({ file: '/prefix/test.conf', sources: modules, files });
}

function made(directory: string): SocketFolder {
  const folder = new SocketFolder();
  folder.make(config(directory));
  onTestFinished(() => folder.remove());
  return folder;
}

/** The number of a process that is over. */
const over = (): number => spawnSync('true').pid;

describe('the folder of the workers’ sockets', () => {
  test.each([0, 0o022, 0o077])('is for its user alone with umask %i', (mask) => {
    const before = process.umask(mask);
    onTestFinished(() => void process.umask(before));
    const { path } = made(place());
    const { mode, uid } = lstatSync(path);
    expect(mode & 0o7777).toBe(0o700);
    expect(uid).toBe(process.getuid!());
  });

  test('has a name that nobody can take before', () => {
    const directory = place();
    const paths = [made(directory), made(directory)].map(({ path }) => path);
    expect(new Set(paths).size).toBe(2);
    for (const path of paths) {
      expect(dirname(path)).toBe(directory);
      expect(path).toMatch(new RegExp(`/mediad-${process.pid}-[A-Za-z0-9]{6}$`));
    }
  });

  test('is removed with what is in it, and so are those of servers that were killed, but nothing else', () => {
    const directory = place();
    const stale = `mediad-${over()}-abcdef`;
    const alive = `mediad-${process.ppid}-abcdef`;
    const others = [`mediad-${over()}-abc`, `mediad-x-abcdef`, 'other'];
    for (const name of [stale, alive, ...others]) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'worker-1.sock'), '');
    }
    // Somebody who may write here points at a folder of another.
    const target = place();
    writeFileSync(join(target, 'precious'), '');
    const planted = `mediad-${over()}-fedcba`;
    symlinkSync(target, join(directory, planted));
    const folder = made(directory);
    writeFileSync(join(folder.path, 'worker-1.sock'), '');
    folder.remove();
    expect(readdirSync(directory).sort()).toEqual([alive, planted, ...others].sort());
    expect(existsSync(join(target, 'precious'))).toBe(true);
  });

  test('is refused where its sockets would have too long a path', () => {
    const long = join(place(), 'x'.repeat(80));
    expect(() => new SocketFolder().make(config(long))).toThrow(ConfigError);
    expect(existsSync(long)).toBe(false);
  });
});
