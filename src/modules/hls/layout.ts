import { join, posix, resolve } from 'node:path';
import type { HlsSettings } from './table.ts';

/** Where the files of one stream stand, and how its playlist calls them. Ids are whole numbers. */
export interface Layout {
  /** Absolute paths. */
  readonly playlist: string;
  segment(id: number): string;
  segmentUri(id: number): string;
  key(id: number): string;
  keyUri(id: number): string;
  /** The path of the segment that a playlist calls `uri`. */
  segmentOf(uri: string): string;
  /** The path of the key that a playlist calls `uri`. */
  keyOf(uri: string): string;
}

/**
 * The layout of a stream: `PATH/NAME.m3u8` and `PATH/NAME-ID.ts`, or nested `PATH/NAME/index.m3u8` and
 * `PATH/NAME/ID.ts`. A name with slashes leads into directories, so relative URIs only have its last part.
 */
export function layoutOf(conf: HlsSettings, prefix: string, name: string): Layout {
  const path = resolve(prefix, conf.hls_path);
  const keyPath = conf.hls_key_path === '' ? path : resolve(prefix, conf.hls_key_path);
  const stem = conf.hls_nested ? `${name}/` : `${name}-`;
  const near = conf.hls_nested ? '' : `${posix.basename(name)}-`;
  const uri = (url: string, file: string): string => (url === '' ? near + file : `${url}${stem}${file}`);
  const beside = (base: string, uriOfFile: string): string => {
    const file = uriOfFile.slice(uriOfFile.lastIndexOf('/') + 1);
    return conf.hls_nested ? join(base, name, file) : join(base, posix.dirname(name), file);
  };
  return {
    playlist: conf.hls_nested
      ? join(path, name, `${conf.hls_nested_index_filename}.m3u8`)
      : join(path, `${name}.m3u8`),
    segment: (id) => join(path, `${stem}${id}.ts`),
    segmentUri: (id) => uri(conf.hls_base_url, `${id}.ts`),
    key: (id) => join(keyPath, `${stem}${id}.key`),
    keyUri: (id) => uri(conf.hls_key_url, `${id}.key`),
    segmentOf: (text) => beside(path, text),
    keyOf: (text) => beside(keyPath, text),
  };
}

/** The master playlist of a base name, and how it calls the playlist of one of its renditions. */
export function masterLayout(
  conf: HlsSettings,
  prefix: string,
  base: string,
): { readonly path: string; uri(name: string): string } {
  const tail = conf.hls_nested ? `/${conf.hls_nested_index_filename}.m3u8` : '.m3u8';
  return {
    path: join(resolve(prefix, conf.hls_path), `${base}.m3u8`),
    uri: (name) =>
      conf.hls_base_url === '' ? `${posix.basename(name)}${tail}` : `${conf.hls_base_url}${name}${tail}`,
  };
}
