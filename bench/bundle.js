import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './prepare.js';

/** As deep below the project's folder as the sources are: they find its package.json that way. */
const folder = join(root, '.cache', 'bundle');

/**
 * Imports a TypeScript file of the project with all it needs, for programs that share code with the tests.
 * @param {string} path
 */
export async function importSource(path) {
  const outfile = join(folder, `${process.pid}-${basename(path, '.ts')}.mjs`);
  mkdirSync(folder, { recursive: true });
  process.on('exit', () => rmSync(outfile, { force: true }));
  await build({
    entryPoints: [join(root, path)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}
