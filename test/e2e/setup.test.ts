import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { runToEnd } from './children.ts';
import { ROOT } from './harness.ts';

const SETUP = join(ROOT, 'bin/tools/setup.js');

test('what is built already is neither built nor installed again', async () => {
  const first = await runToEnd(process.execPath, [SETUP, 'build']);
  expect(first.code).toBe(0);
  const startedAt = performance.now();
  const second = await runToEnd(process.execPath, [SETUP, 'build']);
  expect(second).toMatchObject({ code: 0, output: '' });
  // Alone it takes a tenth of this; installing or building would take many times as long.
  expect(performance.now() - startedAt).toBeLessThan(1500);
});

test('a mode that does not exist is told so', async () => {
  const { code, output } = await runToEnd(process.execPath, [SETUP, 'everything']);
  expect(code).toBe(1);
  expect(output).toContain('build|test');
});

test('what V8 compiled at the build is taken at a start', async () => {
  const program = JSON.stringify(pathToFileURL(join(ROOT, 'bin/program.js')));
  const code = `const { loadProgram } = await import(${program});
    console.log('rejected:', loadProgram(true).script.cachedDataRejected);`;
  const { output } = await runToEnd(process.execPath, ['--input-type=module', '-e', code]);
  expect(output).toBe('rejected: false\n');
});
