import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MemoryFile } from '../../core/workers/memory-files.ts';

/** Where the bundled page stands, seen from the bundled program, from its modules and from its sources. */
const FOLDERS = ['../web/', '../../web/', '../../../dist/web/'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** The script is there only where the page has been bundled. */
const BUNDLE = 'player.js';

let files: ReadonlyMap<string, MemoryFile> | undefined;

/** The page and what it loads, by file name; empty where it has not been built. Read once. */
export function pageFiles(): ReadonlyMap<string, MemoryFile> {
  files ??= FOLDERS.map(readFolder).find((found) => found.has(BUNDLE)) ?? new Map();
  return files;
}

function readFolder(folder: string): ReadonlyMap<string, MemoryFile> {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return new Map();
  }
  const found = new Map<string, MemoryFile>();
  for (const name of names) {
    const type = TYPES[extname(name)];
    const path = join(folder, name);
    if (type === undefined || !statSync(path).isFile()) continue;
    found.set(name, { body: readFileSync(path), type, mtime: statSync(path).mtimeMs });
  }
  return found;
}
