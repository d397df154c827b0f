import { join, resolve } from 'node:path';
import type { Block } from '../../config/block.ts';
import type { RtmpServer } from '../../core/server.ts';
import type { Exchange } from '../../http/requests/exchange.ts';
import { findLocation, type Place } from '../../http/router.ts';
import { constantOf } from '../../http/values/template.ts';
import { escapePath } from '../../http/values/uri.ts';

/** A stream of an application, as the page asks for it. */
export interface Playable {
  readonly server: RtmpServer;
  /** The application's block. */
  readonly block: Block;
  readonly app: string;
  readonly name: string;
}

/** Every location inside a place by a plain prefix, the place itself included. */
function* prefixPlaces(place: Place): Iterable<Place> {
  yield place;
  for (const { place: inner } of place.locations.prefixes) yield* prefixPlaces(inner);
}

/** The path at which a location of the same HTTP server plays a stream as FLV, or null. */
export function flvUrl(exchange: Exchange, stream: Playable): string | null {
  for (const place of prefixPlaces(exchange.server.place)) {
    const url = place.block.settings['flv_live'] === true ? flvUrlOf(exchange, place, stream) : null;
    if (url !== null) return url;
  }
  return null;
}

function flvUrlOf(exchange: Exchange, place: Place, { server, app, name }: Playable): string | null {
  const location = place.match?.uri ?? '/';
  const own = place.block.settings['flv_live_application'] as {
    readonly port: number | null;
    readonly name: string;
  } | null;
  if (own !== null && own.name !== app) return null;
  const { hub } = exchange.runtime;
  const port = server.spec.listens.find((listen) => listen.port > 0)?.port;
  const host = exchange.host === '' ? null : exchange.host;
  if (port === undefined || hub.chooseByPort(port, host) !== server) return null;
  const asks = (own?.port ?? 1935) !== port ? `port=${port}` : '';
  const base = location.endsWith('/') ? location : `${location}/`;
  const path = own === null ? `${base}${app}/${name}.flv` : `${base}${name}.flv`;
  // A slash in a name leaves open where the application's ends; the query does not.
  const plain = own !== null || !(app.includes('/') || name.includes('/'));
  if (plain && findLocation(exchange.server.place, path).place === place) {
    return `${escapePath(path)}${asks === '' ? '' : `?${asks}`}`;
  }
  if (location.endsWith('/') || findLocation(exchange.server.place, location).place !== place) return null;
  const query = [asks, `app=${encodeURIComponent(app)}`, `stream=${encodeURIComponent(name)}`];
  return `${escapePath(location)}?${query.filter((part) => part !== '').join('&')}`;
}

/** The absolute path of a stream's playlist, or null where its application makes none. */
export function playlistPath({ block, name }: Playable, prefix: string): string | null {
  const { settings } = block;
  const { hls_path: path } = settings;
  if (settings['hls'] !== true || typeof path !== 'string' || path === '') return null;
  const folder = resolve(prefix, path);
  if (settings['hls_nested'] !== true) return join(folder, `${name}.m3u8`);
  return join(folder, name, `${String(settings['hls_nested_index_filename'] ?? 'index')}.m3u8`);
}

/** The path at which a location of the same HTTP server serves a file, or null. */
export function fileUrl(exchange: Exchange, file: string): string | null {
  for (const place of prefixPlaces(exchange.server.place)) {
    const uri = uriOf(exchange, place, file);
    if (uri !== null && findLocation(exchange.server.place, uri).place === place) return escapePath(uri);
  }
  return null;
}

/** What a place would have to be asked for so that its root or alias leads to a file. */
function uriOf({ runtime }: Exchange, place: Place, file: string): string | null {
  const text = constantOf(place.files.path);
  if (text === null) return null;
  const folder = resolve(runtime.prefix, text);
  const inside = folder === '/' ? file : file.startsWith(`${folder}/`) ? file.slice(folder.length) : null;
  if (inside === null || place.files.kind === 'root') return inside;
  const { prefix } = place.files;
  if (prefix === null) return null;
  // `alias /a/;` for `location /l/`: both end in a slash, or neither does.
  return text.endsWith('/') ? `${prefix}${inside.slice(1)}` : `${prefix}${inside}`;
}
