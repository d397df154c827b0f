/** Media types where no `types` block stands: nginx's three, and those that live streaming is made of. */
export const DEFAULT_TYPES: readonly (readonly [extension: string, type: string])[] = [
  ['html', 'text/html'],
  ['htm', 'text/html'],
  ['gif', 'image/gif'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['svg', 'image/svg+xml'],
  ['ico', 'image/x-icon'],
  ['webp', 'image/webp'],
  ['css', 'text/css'],
  ['txt', 'text/plain'],
  ['xml', 'text/xml'],
  ['js', 'text/javascript'],
  ['mjs', 'text/javascript'],
  ['json', 'application/json'],
  ['wasm', 'application/wasm'],
  ['woff2', 'font/woff2'],
  ['m3u8', 'application/vnd.apple.mpegurl'],
  ['ts', 'video/mp2t'],
  ['flv', 'video/x-flv'],
  ['mp4', 'video/mp4'],
  ['m4s', 'video/iso.segment'],
  ['m4v', 'video/mp4'],
  ['m4a', 'audio/mp4'],
  ['mpd', 'application/dash+xml'],
  ['mp3', 'audio/mpeg'],
  ['aac', 'audio/aac'],
  ['vtt', 'text/vtt'],
];

/** The media type of a path by its extension, or undefined. */
export function typeOf(types: ReadonlyMap<string, string>, path: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? undefined : types.get(name.slice(dot + 1).toLowerCase());
}
