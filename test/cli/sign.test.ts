import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sign } from '../../src/cli/sign.ts';
import { readCommandLine, type SignTask, UsageError } from '../../src/cli/usage.ts';
import { isSigned } from '../../src/core/applications/signed-url.ts';

const KEY = 'a key of more than sixteen letters';
let folder: string;
let out = '';
let err = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-cli-'));
  writeFileSync(
    join(folder, 'media.conf'),
    `rtmp { server { listen 1936; server_name live.example.com;
       application live { live on; sign play; sign_key "${KEY}" old-old-old-old-old; }
       application live/deep { live on; sign play; sign_key "${KEY}"; sign_bind_address on; sign_args s e p; }
       application open { live on; } } }`,
  );
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  [out, err] = ['', ''];
  rmSync(folder, { recursive: true });
});

function run(...args: readonly string[]): number {
  const invocation = readCommandLine(['sign', ...args, '-c', join(folder, 'media.conf')]);
  return sign(invocation.task as SignTask, invocation);
}

test('prints the query and the URL', () => {
  expect(run('play', 'live/cam', '--expires', '2000000000')).toBe(0);
  const [query, url] = out.split('\n');
  const signature = /^expires=2000000000&sign=(.+)$/.exec(query!)![1]!;
  expect(url).toBe(`rtmp://live.example.com:1936/live/cam?${query}`);
  const grant = { action: 'play', application: 'live', name: 'cam', prefix: false, address: '' } as const;
  expect(isSigned({ ...grant, expires: 2_000_000_000 }, signature, [KEY])).toBe(true);
});

test('signs for an hour, or another time, as data where that is asked for', () => {
  for (const [option, seconds] of [
    [[], 3600],
    [['--expires', '2d'], 172_800],
  ] as const) {
    out = '';
    expect(run('publish', 'live/cam', '--format', 'json', ...option)).toBe(0);
    const { expires, query } = JSON.parse(out) as { expires: number; query: string };
    expect(Math.abs(expires - Date.now() / 1000 - seconds)).toBeLessThan(5);
    expect(query).toContain(`expires=${expires}`);
  }
});

test('signs for names that begin alike, and for one address', () => {
  expect(run('play', 'live/deep/cam*', '--address', '203.0.113.7', '--expires', '2000000000')).toBe(0);
  const match = /^p=cam&e=2000000000&s=(\S+)\n/.exec(out)!;
  const grant = { action: 'play', application: 'live/deep', name: 'cam', prefix: true } as const;
  const bound = { ...grant, address: '203.0.113.7', expires: 2_000_000_000 };
  expect(isSigned(bound, match[1]!, [KEY])).toBe(true);
  expect(out).toContain('/live/deep/cam?p=cam&');
  out = '';
  expect(run('play', 'live/*')).toBe(0);
  expect(out).toMatch(/^prefix=&expires=[0-9]+&sign=\S+\n$/);
});

test('says what is missing', () => {
  expect(run('play', 'open/cam')).toBe(1);
  expect(run('play', 'nowhere/cam')).toBe(1);
  expect(err).toBe(
    'mediad: application "open" has no sign_key\nmediad: there is no application for "nowhere/cam" in the configuration\n',
  );
  expect(() => run('play', 'live/deep/cam')).toThrow('say --address IP');
  expect(() => run('play', 'live/cam', '--address', '203.0.113.7')).toThrow('does not bind');
  for (const args of [['watch', 'live/cam'], ['play'], ['play', 'cam'], ['play', 'live/cam', 'more'], []]) {
    expect(() => run(...args)).toThrow(UsageError);
  }
  expect(() => run('play', 'live/cam', '--expires', 'soon')).toThrow('invalid time "soon"');
  writeFileSync(join(folder, 'media.conf'), 'rtmp {');
  expect(run('play', 'live/cam')).toBe(1);
  expect(out).toBe('');
});
