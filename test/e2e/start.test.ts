import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { start, until } from './children.ts';
import { makePlace, PROGRAM, plainConf } from './harness.ts';

/** What a start would take some ms longer for, and serves nothing but what few configurations ask for. */
const NOT_NEEDED = ['assert', 'inspector', 'repl', 'worker_threads', 'zlib', 'internal/modules/esm/load'];

test('a plain start loads nothing that it has no use for', async () => {
  const place = await makePlace();
  writeFileSync(place.conf, plainConf(place));
  const tells = place.path('tells.cjs');
  writeFileSync(tells, `process.on('SIGWINCH', () => console.log('loaded', process.moduleLoadList.join()));`);
  const child = await start(process.execPath, ['--require', tells, PROGRAM, '-c', place.conf]);
  await until('it is ready', () => child.output().includes('"ready"'));
  process.kill(child.pid, 'SIGWINCH');
  await until('it tells what it has loaded', () => /loaded .*\n/.test(child.output()));
  const loaded = [...child.output().matchAll(/NativeModule ([\w/]+)/g)].map(([, name]) => name);
  expect(loaded).toContain('net');
  expect(NOT_NEEDED.filter((name) => loaded.includes(name))).toEqual([]);
  expect((await child.stop()).code).toBe(0);
});
