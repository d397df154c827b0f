import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../src/config/block.ts';
import { LoadError, loadConfig } from '../../src/config/config.ts';
import { diskFiles } from '../../src/config/files.ts';
import { printText } from '../../src/config/print.ts';
import { sources } from './sources.ts';

/*
 * Each test/goldens/config/NAME.conf has its tree beside it in NAME.json, or what is printed of it in NAME.err. With
 * UPDATE_GOLDENS=1 they are written anew; format them with biome, and read the difference before
 * you commit it.
 */
const folder = join(import.meta.dirname, '..', 'goldens', 'config');
const update = process.env['UPDATE_GOLDENS'] === '1';
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.conf'))
  .map((name) => name.slice(0, -'.conf'.length));

/** The tree with the lines of its values, which comparisons leave out otherwise. */
function shown(block: Block): unknown {
  const { context, name, value, key, settings, children, at, origins } = block;
  return {
    context,
    name,
    value,
    key,
    at: `${at.line}:${at.column}`,
    settings: Object.fromEntries(
      Object.entries(settings).map(([setting, written]) => {
        const origin = origins[setting];
        return [origin === undefined ? setting : `${setting} @${origin.line}:${origin.column}`, written];
      }),
    ),
    children: children.map(shown),
  };
}

function result(name: string): { readonly file: string; readonly text: string } {
  const path = join(folder, `${name}.conf`);
  const hide = (text: string) => text.replaceAll(`${folder}/`, '');
  try {
    const config = loadConfig({ file: path, sources, files: diskFiles });
    return { file: `${name}.json`, text: `${JSON.stringify(shown(config.tree), null, 2)}\n` };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { file: `${name}.err`, text: hide(printText(error.diagnostics, { files: error.files })) };
  }
}

describe('goldens', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThan(5);
  });

  it.each(names)('%s', (name) => {
    const { file, text } = result(name);
    if (update) writeFileSync(join(folder, file), text);
    const golden = readFileSync(join(folder, file), 'utf8');
    if (file.endsWith('.json')) expect(JSON.parse(text)).toEqual(JSON.parse(golden));
    else expect(text).toBe(golden);
  });
});
