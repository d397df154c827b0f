import type { Block } from '../../config/block.ts';

/** What a file can be called that is made of a stream: `NAME.m3u8`, `NAME-12.ts`, or nested `NAME/index.m3u8`. */
const PLAYLIST = /^(.+)\.(?:m3u8|mpd)$/;
const PART = /^(.+)\.(?:ts|key|m4s|mp4|m4v|m4a|aac|vtt)$/;

/**
 * The streams that a file may belong to, by its path below the location and the settings it was made with: the stream
 * itself, and where that is a rendition the one of which it is.
 */
export function streamsOf(path: string, application: Block): readonly string[] {
  const { hls_nested, hls_nested_index_filename: index, hls_variant } = application.settings;
  const name = hls_nested === true ? nested(path, String(index ?? 'index')) : flat(path);
  if (name === null) return [];
  const suffixes = ((hls_variant ?? []) as readonly { readonly suffix: string }[]).map(
    ({ suffix }) => suffix,
  );
  const suffix = suffixes.find((one) => one !== '' && name.endsWith(one) && name.length > one.length);
  return suffix === undefined ? [name] : [name, name.slice(0, -suffix.length)];
}

function flat(path: string): string | null {
  const playlist = PLAYLIST.exec(path)?.[1];
  if (playlist !== undefined) return playlist;
  const stem = PART.exec(path)?.[1];
  return /^(.+)-(?:[0-9]+|init)$/.exec(stem ?? '')?.[1] ?? null;
}

function nested(path: string, index: string): string | null {
  const slash = path.lastIndexOf('/');
  const file = path.slice(slash + 1);
  // The master playlist of renditions stands beside their folders.
  const playlist = PLAYLIST.exec(file)?.[1];
  if (playlist !== undefined && (slash < 0 || playlist !== index)) return PLAYLIST.exec(path)![1]!;
  return slash > 0 && (playlist !== undefined || PART.test(file)) ? path.slice(0, slash) : null;
}
