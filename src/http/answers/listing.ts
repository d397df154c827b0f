import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer, Exchange } from '../requests/exchange.ts';
import { escapeHtml, escapePath } from '../values/uri.ts';

interface Item {
  readonly name: string;
  readonly directory: boolean;
  readonly mtime: Date;
  readonly size: number;
}

/** Entries of one folder that are looked at; a listing is no database. */
const MOST = 10_000;

/** The listing of a folder, folders first; null where there is no such folder. */
export async function listing(exchange: Exchange, path: string): Promise<Answer | null> {
  const items = await itemsOf(path);
  if (items === null) return null;
  const { conf } = exchange.place;
  if (conf.autoindex_format === 'json') {
    const list = items.map(({ name, directory, mtime, size }) => ({
      name,
      type: directory ? 'directory' : 'file',
      mtime: mtime.toUTCString(),
      ...(directory ? {} : { size }),
    }));
    return { status: 200, type: 'application/json', body: `${JSON.stringify(list, null, 1)}\n` };
  }
  const title = `Index of ${escapeHtml(exchange.uri)}`;
  const rows = items.map((item) => row(item, conf.autoindex_exact_size)).join('');
  const body = `<!doctype html>\n<meta charset="utf-8">\n<title>${title}</title>\n<h1>${title}</h1>\n<table>\n<tr><td><a href="../">../</a></td></tr>\n${rows}</table>\n`;
  return { status: 200, type: 'text/html; charset=utf-8', body };
}

function row({ name, directory, mtime, size }: Item, exact: boolean): string {
  const shown = directory ? `${name}/` : name;
  // A colon in the first part of a relative URL would make a scheme of it.
  const link = escapeHtml(`./${escapePath(shown).replaceAll(':', '%3A')}`);
  const time = mtime.toISOString().slice(0, 16).replace('T', ' ');
  const amount = directory ? '-' : exact ? String(size) : rounded(size);
  return `<tr><td><a href="${link}">${escapeHtml(shown)}</a></td><td>${time}</td><td align="right">${amount}</td></tr>\n`;
}

function rounded(size: number): string {
  if (size < 10_000) return String(size);
  if (size < 1024 ** 2) return `${Math.round(size / 1024)}K`;
  return size < 1024 ** 3 ? `${Math.round(size / 1024 ** 2)}M` : `${Math.round(size / 1024 ** 3)}G`;
}

async function itemsOf(path: string): Promise<readonly Item[] | null> {
  let names: readonly string[];
  try {
    names = await readdir(path);
  } catch {
    return null;
  }
  const visible = names.filter((name) => !name.startsWith('.')).slice(0, MOST);
  const items = await Promise.all(visible.map((name) => itemOf(path, name)));
  return items
    .filter((item) => item !== null)
    .sort((a, b) => Number(b.directory) - Number(a.directory) || (a.name < b.name ? -1 : 1));
}

async function itemOf(path: string, name: string): Promise<Item | null> {
  try {
    const found = await stat(join(path, name));
    return { name, directory: found.isDirectory(), mtime: found.mtime, size: found.size };
  } catch {
    return null;
  }
}
