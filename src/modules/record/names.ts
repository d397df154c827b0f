import { join, parse } from 'node:path';
import { strftime } from './strftime.ts';
import type { RecorderSettings } from './table.ts';

type NameSettings = Pick<RecorderSettings, 'record_path' | 'record_suffix' | 'record_unique'>;

/** The file that a stream is recorded to from a moment on; relative where `record_path` is. */
export function recordingPath(conf: NameSettings, stream: string, at: Date): string {
  const { record_path: folder, record_suffix: suffix, record_unique: unique } = conf;
  const cut = stream.indexOf('/../');
  const name = escapeName(cut < 0 ? stream : stream.slice(0, cut));
  const stamp = unique ? `-${Math.floor(at.getTime() / 1000)}` : '';
  const file = `${name}${stamp}${suffix.includes('%') ? strftime(suffix, at) : suffix}`;
  // Without a suffix these would be folders.
  return join(folder === '' ? '/' : folder, /^\.{1,2}$/.test(file) ? file.replaceAll('.', '%2E') : file);
}

/** A stream's name as that of a file: what is neither letter, digit nor one of `-._~` is percent-coded. */
export function escapeName(name: string): string {
  // Half a surrogate pair has no UTF-8 form; the buffer puts the replacement character in its place.
  return encodeURIComponent(Buffer.from(name).toString()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A name for the `count`th file of one name: `cam.flv`, `cam-1.flv`, `cam-2.flv`. */
export function numberedPath(path: string, count: number): string {
  if (count === 0) return path;
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${count}${ext}`);
}
