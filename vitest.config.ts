import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const E2E = 'test/e2e/**/*.test.ts';

/** Tests outside test/e2e that run ffmpeg, so that the others can run where it is not installed. */
const media = testFiles('test').filter(
  (file) => !file.startsWith('test/e2e/') && /\/ffmpeg\.ts'|'ff(mpeg|probe)'/.test(readFileSync(file, 'utf8')),
);

function testFiles(folder: string): string[] {
  return readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
}

/** Three kinds of tests by what they need: nothing; ffmpeg; the built server and real clients. */
export default defineConfig({
  test: {
    allowOnly: false,
    watch: false,
    pool: 'forks',
    // Where machines are shared any of them may stand still for seconds; what needed its second try is marked as such.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [E2E, ...media], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'media',
          include: media.length === 0 ? ['test/none'] : media,
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [E2E],
          globalSetup: ['test/e2e/leftovers.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
