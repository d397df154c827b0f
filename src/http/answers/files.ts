import { Refused } from '../../core/applications/refused.ts';
import type { Found } from '../../core/files/disk-files.ts';
import type { OpenFile } from '../../core/files/open-file.ts';
import type { Logger } from '../../core/logs/log.ts';
import { visitorOf } from '../../core/streams/visitors.ts';
import type { FileVisitor, MemoryFile } from '../../core/workers/memory-files.ts';
import type { Answer, Exchange, HeaderField } from '../requests/exchange.ts';
import { redirectAnswer } from '../requests/redirect.ts';
import type { RequestHead } from '../requests/request-head.ts';
import { filePath, textOf } from '../requests/variables.ts';
import type { Place } from '../router.ts';
import { typeOf } from '../values/types.ts';
import { escapePath, isHidden, queryOf } from '../values/uri.ts';
import { listing } from './listing.ts';
import { memoryAnswer, type Offer, partOf, validatorsOf } from './memory-answer.ts';

/** A path that the request goes on with inside the server: an internal redirect. */
export interface Jump {
  /** A path with a query, or the name of a location with its `@`. */
  readonly to: string;
}

/** Chooses by `try_files`; null: the request goes on, with the path that was found. */
export async function tryFiles(exchange: Exchange): Promise<Answer | Jump | null> {
  const tried = exchange.place.conf.try_files;
  if (tried === null) return null;
  for (const file of tried.files) {
    const uri = trimmed(exchange, textOf(file, exchange));
    const wantsFolder = uri.endsWith('/');
    const found = await lookAt(exchange, filePath(exchange, uri));
    if (found === 'none' || (found === 'folder') !== wantsFolder) continue;
    exchange.uri = uri;
    return null;
  }
  if ('code' in tried.last) return { status: tried.last.code };
  return { to: textOf(tried.last.uri, exchange) };
}

/** A path that names nothing above the root, whatever the variables in it held. */
function trimmed(exchange: Exchange, text: string): string {
  const uri = text.startsWith('/') ? text : `/${text}`;
  return uri.split('/').includes('..') || uri.includes('\0') ? exchange.uri : uri;
}

async function lookAt(exchange: Exchange, path: string): Promise<'file' | 'folder' | 'none'> {
  if (exchange.runtime.files.has(path)) return 'file';
  const found = await exchange.runtime.disk.look(path);
  if (typeof found === 'string') return 'none';
  return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'none';
}

const ALLOWED: readonly HeaderField[] = [['Allow', 'GET, HEAD, OPTIONS']];

/** Answers with a file of the place, from memory or from the disk; the last of all content handlers. */
export function serveFile(exchange: Exchange): Answer | Promise<Answer | Jump> {
  const { method } = exchange;
  if (isHidden(exchange.uri)) return { status: 404 };
  if (method === 'OPTIONS') return { status: 204, headers: ALLOWED };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: ALLOWED };
  if (exchange.uri.endsWith('/')) return serveFolder(exchange);
  const path = filePath(exchange);
  return admitted(exchange, path, () => {
    const { files } = exchange.runtime;
    const held = files.get(path);
    if (held !== undefined) return fromMemory(exchange, path, held);
    const coming = files.fetch(path);
    return coming === undefined ? fromPath(exchange, path) : fromOther(exchange, path, coming);
  });
}

/** Answers with a file that another worker holds, or has just left to the disk. */
async function fromOther(
  exchange: Exchange,
  path: string,
  coming: Promise<MemoryFile | undefined>,
): Promise<Answer> {
  const file = await coming;
  return file === undefined ? fromPath(exchange, path) : fromMemory(exchange, path, file);
}

/** Who asks, as those who guard playlists want to know. */
class Visitor implements FileVisitor {
  readonly #exchange: Exchange;
  readonly address: string;
  readonly who: string;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.address = exchange.address;
    this.who = whoOf(exchange);
  }

  get args(): string {
    return this.#exchange.args;
  }

  /** Few are written about, and a logger of one's own is dear. */
  get log(): Logger {
    return this.#exchange.log;
  }
}

/** Asks those who guard playlists first. */
function admitted(
  exchange: Exchange,
  path: string,
  give: () => Answer | Promise<Answer>,
): Answer | Promise<Answer> {
  const { files } = exchange.runtime;
  if (!files.guarded || !path.endsWith('.m3u8')) return give();
  try {
    const waiting = files.admit(path, new Visitor(exchange));
    return waiting === undefined ? give() : waiting.then(give, (error: unknown) => refusal(exchange, error));
  } catch (error) {
    return refusal(exchange, error);
  }
}

function refusal(exchange: Exchange, error: unknown): Answer {
  if (!(error instanceof Refused)) throw error;
  exchange.log.info({ reason: error.message }, 'HLS refused');
  const { message: reason } = error;
  if (error.reason !== 'overloaded') return { status: 403, reason, addHeaders: 'always' };
  return { status: 503, reason, headers: [['Retry-After', '2']], addHeaders: 'always' };
}

function whoOf(exchange: Exchange): string {
  return visitorOf(exchange.address, exchange.header('user-agent') ?? '');
}

function fromPath(exchange: Exchange, path: string): Answer | Promise<Answer> {
  const found = exchange.runtime.disk.find(path);
  return found instanceof Promise
    ? found.then((late) => fromFound(exchange, path, late))
    : fromFound(exchange, path, found);
}

function fromFound(exchange: Exchange, path: string, found: Found): Answer | Promise<Answer> {
  switch (found.kind) {
    case 'whole':
      return fromWhole(exchange, path, found.file, found.held);
    case 'open':
      return fromOpen(exchange, path, found.file);
    case 'folder':
      return redirectAnswer(exchange, 301, `${escapePath(exchange.uri)}/${queryOf(exchange.args)}`);
    case 'special':
      return { status: 404 };
    case 'failed':
      return found.code === 'ENOENT' ? searched(exchange, path) : failure(exchange, path, found.code);
  }
}

/** Another worker may have made what is not on the disk. */
async function searched(exchange: Exchange, path: string): Promise<Answer> {
  const file = await exchange.runtime.files.search(path);
  return file === undefined ? failure(exchange, path, 'ENOENT') : fromMemory(exchange, path, file);
}

async function serveFolder(exchange: Exchange): Promise<Answer | Jump> {
  const folder = filePath(exchange);
  for (const index of exchange.place.conf.index) {
    const name = textOf(index, exchange);
    if (name.startsWith('/')) return { to: name };
    const path = filePath(exchange, `${exchange.uri}${name}`);
    if ((await lookAt(exchange, path)) === 'file') {
      return { to: `${exchange.uri}${name}${queryOf(exchange.args)}` };
    }
  }
  const found = await exchange.runtime.disk.look(folder);
  if (typeof found === 'string') return failure(exchange, folder, found);
  if (!found.isDirectory()) return { status: 404 };
  if (exchange.place.conf.autoindex) {
    const answer = await listing(exchange, folder);
    if (answer !== null) return answer;
  }
  return { status: 403, reason: 'the folder has no index file' };
}

/** Answers with a file of the disk whose bytes are here; `held`: others will get the very same ones. */
function fromWhole(exchange: Exchange, path: string, file: MemoryFile, held: boolean): Answer {
  const make = (): Answer => ({
    ...memoryAnswer(conditions(exchange), file, offerOf(exchange)),
    type: mediaType(exchange, path),
  });
  return held && isUnconditional(exchange) ? wholeAnswer(exchange, file, make) : make();
}

/** Answers with a file that is read while it is sent. */
function fromOpen(exchange: Exchange, path: string, file: OpenFile): Answer {
  const validators = validatorsOf(file.size, file.mtime);
  const part = partOf(conditions(exchange), file.size, validators, offerOf(exchange));
  const type = mediaType(exchange, path);
  if (!('end' in part)) {
    file.close();
    return { ...part, type };
  }
  const { status, headers, start, end } = part;
  return { status, headers, type, body: file.narrow(start, end) };
}

function offerOf({ place: { conf } }: Exchange): Offer {
  return { etag: conf.etag, ranges: conf.max_ranges > 0 };
}

/** What a file that cannot be had is answered with. */
function failure(exchange: Exchange, path: string, code: string): Answer {
  if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(code)) {
    if (exchange.place.conf.log_not_found) exchange.log.debug({ path }, 'no such file');
    return { status: 404 };
  }
  exchange.log.error({ path, code }, 'a file cannot be read');
  return { status: code === 'EACCES' || code === 'EPERM' || code === 'ELOOP' ? 403 : 500 };
}

function mediaType(exchange: Exchange, path: string, known?: string): string {
  const { place } = exchange;
  return typeOf(place.types, path) ?? known ?? place.conf.default_type;
}

function fromMemory(exchange: Exchange, path: string, file: MemoryFile): Answer {
  const answer = isUnconditional(exchange)
    ? wholeAnswer(exchange, file, () => memoryPart(exchange, path, file))
    : memoryPart(exchange, path, file);
  if (file.visited !== undefined) {
    const given = exchange.method === 'HEAD' || !Buffer.isBuffer(answer.body) ? 0 : answer.body.length;
    file.visited(whoOf(exchange), given);
  }
  return answer;
}

function wholeAnswer({ place }: Exchange, file: MemoryFile, make: () => Answer): Answer {
  const known = wholes.get(file);
  if (known?.place === place) return known.answer;
  const answer: Answer = { ...make(), lasting: true };
  wholes.set(file, { place, answer });
  return answer;
}

/** Answers with the whole of a file, by the file: many ask for the same one. */
const wholes = new WeakMap<MemoryFile, { readonly place: Place; readonly answer: Answer }>();

function isUnconditional({ request: { headers }, errorStatus }: Exchange): boolean {
  return errorStatus === 0 && CONDITIONS.every((name) => headers[name] === undefined);
}

function memoryPart(exchange: Exchange, path: string, file: MemoryFile): Answer {
  const { conf } = exchange.place;
  const type = mediaType(exchange, path, file.type);
  const answer = memoryAnswer(conditions(exchange), file, offerOf(exchange));
  // A list that is written anew every few seconds must not be kept by anybody, unless somebody chose otherwise.
  const list = type.endsWith('mpegurl') || type === 'application/dash+xml';
  const chosen =
    conf.expires.kind !== 'off' || conf.add_header.some(({ name }) => /^cache-control$/i.test(name));
  const headers =
    list && !chosen ? [...(answer.headers ?? []), ['Cache-Control', 'no-cache'] as const] : answer.headers;
  return { ...answer, type, ...(headers === undefined ? {} : { headers }) };
}

const CONDITIONS = [
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
];

/** The request as far as ranges and conditions go, without what the place does not want heard. */
export function conditions(exchange: Exchange): Pick<RequestHead, 'headers' | 'method'> {
  const { conf } = exchange.place;
  const asked = exchange.request.headers;
  if (
    exchange.errorStatus === 0 &&
    asked.range === undefined &&
    (conf.if_modified_since !== 'off' || asked['if-modified-since'] === undefined)
  ) {
    return { headers: asked, method: exchange.method };
  }
  const headers = { ...asked };
  if (exchange.errorStatus !== 0) {
    for (const name of CONDITIONS) delete headers[name];
  }
  // A range that cannot be understood is none at all (RFC 9110, 14.2), nor are more of them than the place allows.
  const range = headers.range?.replaceAll(/\s+/g, '');
  if (range !== undefined && !isRange(range, conf.max_ranges)) delete headers.range;
  if (conf.if_modified_since === 'off') delete headers['if-modified-since'];
  return { headers, method: exchange.method };
}

function isRange(text: string, most: number): boolean {
  if (!/^bytes=(?:[0-9]+-[0-9]*|-[0-9]+)(?:,(?:[0-9]+-[0-9]*|-[0-9]+))*$/i.test(text)) return false;
  const parts = text.slice('bytes='.length).split(',');
  const ordered = parts.every((part) => {
    const [first, last] = part.split('-', 2);
    return first === '' || last === '' || Number(first) <= Number(last);
  });
  return ordered && parts.length <= Math.min(most, 100);
}
