import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './root.ts';
import type { Fault } from './target.ts';

/** Inputs that once found a fault: a folder for each target, a file for each input. */
const CORPUS = join(ROOT, 'test/fuzz/corpus');

/** An input that is kept. */
export interface Kept {
  readonly target: string;
  readonly file: string;
  readonly input: Buffer;
}

/** All that are kept. */
export function readCorpus(folderOf: ReadonlyMap<string, string>): readonly Kept[] {
  return [...folderOf].flatMap(([target, name]) => {
    const folder = join(CORPUS, name);
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((file) => ({ target, file, input: readFileSync(join(folder, file)) }));
  });
}

/** The folder of a target: its name in kebab-case. */
export function folderOf(target: string): string {
  return target.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

/** Keeps an input that found a fault, for ever; gives its path in the project. */
export function keep({ target, input }: Fault): string {
  if (input === null) return target;
  const folder = join(CORPUS, folderOf(target));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, input);
  return relative(ROOT, path);
}
