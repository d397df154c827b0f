#!/usr/bin/env node
/**
 * Loads every *.conf of a folder with all modules and tells which hold, which only fail on directives that are not
 * supported, and what is wrong with the others. Files that NNN.conf includes may lie in NNN.d beside it, absolute ones
 * by their whole path. index.json may give the values of ${VARIABLES} per file.
 *
 *   node bench/corpus.js FOLDER [-v]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { loadConfig } from '../dist/config/config.js';
import { ConfigError } from '../dist/config/errors.js';
import { printGcc } from '../dist/config/print.js';

const [folderName, verbose] = process.argv.slice(2);
if (folderName === undefined) {
  console.error('usage: node bench/corpus.js FOLDER [-v]');
  process.exit(2);
}
const folder = resolve(folderName);
const modulesPath = new URL('../dist/modules/index.js', import.meta.url);
const sources = existsSync(modulesPath) ? (await import(modulesPath.href)).modules : [];
const indexPath = join(folder, 'index.json');
const index = new Map(
  existsSync(indexPath)
    ? JSON.parse(readFileSync(indexPath, 'utf8')).map((entry) => [entry.file, entry])
    : [],
);

/** The files of one configuration: what is not where it is asked for is looked for in its folder. */
function filesOf(name) {
  const overlay = join(folder, name.replace(/\.conf$/, '.d'));
  const variables = Object.entries(index.get(name)?.fixes?.variables ?? {});
  const candidates = (path) => {
    const inside = relative(folder, path);
    return inside.startsWith('..') ? [join(overlay, path)] : [path, join(overlay, inside)];
  };
  return {
    read(path) {
      const found = candidates(path).find((candidate) => existsSync(candidate)) ?? candidates(path)[0];
      const bytes = readFileSync(found);
      if (variables.length === 0) return bytes;
      let text = bytes.toString('latin1');
      for (const [variable, value] of variables) {
        text = text.replaceAll(`\${${variable.replace(/[${}]/g, '')}}`, value);
      }
      return Buffer.from(text, 'latin1');
    },
    list(path) {
      return readdirSync(candidates(path).find((candidate) => existsSync(candidate)) ?? join(overlay, path));
    },
  };
}

const counts = { ok: 0, unsupported: 0, other: 0 };
const unsupported = new Map();
const problems = [];
for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.conf'))
  .sort()) {
  try {
    loadConfig({ file: join(folder, name), sources, files: filesOf(name) });
    counts.ok += 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw new Error(`${name}: ${error.message}`, { cause: error });
    const errors = error.diagnostics.filter(({ severity }) => severity === 'error');
    const others = errors.filter(({ code }) => code !== 'unsupported-directive');
    if (others.length === 0) counts.unsupported += 1;
    else counts.other += 1;
    for (const message of new Set(errors.filter((e) => !others.includes(e)).map((e) => e.message))) {
      unsupported.set(message, (unsupported.get(message) ?? 0) + 1);
    }
    if (others.length > 0) problems.push(printGcc(others).replaceAll(`${folder}/`, ''));
  }
}
const total = counts.ok + counts.unsupported + counts.other;
const share = (count) => `${count} of ${total} (${((100 * count) / total).toFixed(1)} %)`;
console.log(`${basename(folder)}: ${sources.length} modules`);
console.log(`hold: ${share(counts.ok)}`);
console.log(`fail on unsupported directives only: ${share(counts.unsupported)}`);
console.log(`fail otherwise: ${share(counts.other)}`);
if (verbose !== undefined) {
  for (const [message, count] of [...unsupported].sort((a, b) => b[1] - a[1]))
    console.log(`${count}\t${message}`);
}
process.stdout.write(problems.join(''));
process.exitCode = counts.other === 0 ? 0 : 1;
