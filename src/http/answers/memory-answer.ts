import rangeParser from 'range-parser';
import type { MemoryFile } from '../../core/workers/memory-files.ts';
import type { Answer, HeaderField } from '../requests/exchange.ts';
import type { RequestHead } from '../requests/request-head.ts';

/** What a place offers of its files. */
export interface Offer {
  readonly etag: boolean;
  readonly ranges: boolean;
}

/** What is sent of a file: the bytes from `start` up to `end`. */
export interface Part {
  readonly status: 200 | 206;
  readonly headers: readonly HeaderField[];
  readonly start: number;
  readonly end: number;
}

/** Answers with a file that is held in memory: whole, a range of it, or not at all where the client has it already. */
export function memoryAnswer(
  request: Pick<RequestHead, 'headers' | 'method'>,
  file: MemoryFile,
  offer: Offer,
): Answer {
  const { body } = file;
  const part = partOf(request, body.length, stateOf(file), offer);
  if (!('end' in part)) return part;
  const { status, headers, start, end } = part;
  return { status, headers, body: end - start === body.length ? body : body.subarray(start, end) };
}

/** What a request gets of a file of a size: a part of it, or an answer without any. */
export function partOf(
  request: Pick<RequestHead, 'headers' | 'method'>,
  size: number,
  { modified, tag }: State,
  offer: Offer,
): Answer | Part {
  const whole = { start: 0, end: size };
  const etag = offer.etag ? tag : null;
  const headers: HeaderField[] = [['Last-Modified', modified]];
  if (etag !== null) headers.push(['ETag', etag]);
  if (offer.ranges) headers.push(['Accept-Ranges', 'bytes']);
  const refused = precondition(request, etag, modified);
  if (refused === 412) return { status: 412 };
  if (refused === 304) return { status: 304, headers, body: '' };
  if (!offer.ranges || request.headers.range === undefined || !sameAsBefore(request, etag, modified)) {
    return { status: 200, headers, ...whole };
  }
  const ranges = rangeParser(size, request.headers.range, { combine: true });
  if (ranges === -1) return { status: 416, headers: [['Content-Range', `bytes */${size}`]] };
  // Several ranges at once are answered with the whole, as a server may (RFC 9110, 14.2).
  if (ranges === -2 || ranges.length !== 1) return { status: 200, headers, ...whole };
  const { start, end } = ranges[0]!;
  headers.push(['Content-Range', `bytes ${start}-${end}/${size}`]);
  return { status: 206, headers, start, end: end + 1 };
}

/** The validators of a file. */
interface State {
  readonly modified: string;
  readonly tag: string;
}

/** Made once for each file: many ask for the same one. */
const states = new WeakMap<MemoryFile, State>();

function stateOf(file: MemoryFile): State {
  const known = states.get(file);
  if (known !== undefined) return known;
  const state = validatorsOf(file.body.length, file.mtime);
  states.set(file, state);
  return state;
}

/** What a file of a size, modified at a time of the wall clock in ms, is told apart by. */
export function validatorsOf(size: number, mtime: number): State {
  return {
    modified: new Date(mtime).toUTCString(),
    tag: `W/"${size.toString(16)}-${Math.floor(mtime).toString(16)}"`,
  };
}

/** RFC 9110, 13.2.2: the order in which conditions count. */
function precondition(
  { headers }: Pick<RequestHead, 'headers'>,
  etag: string | null,
  modified: string,
): 304 | 412 | null {
  if (headers['if-match'] !== undefined) {
    if (!matches(headers['if-match'], etag)) return 412;
  } else if (
    headers['if-unmodified-since'] !== undefined &&
    Date.parse(modified) > Date.parse(headers['if-unmodified-since'])
  ) {
    return 412;
  }
  if (headers['if-none-match'] !== undefined) return matches(headers['if-none-match'], etag) ? 304 : null;
  if (headers['if-modified-since'] === undefined) return null;
  return Date.parse(modified) <= Date.parse(headers['if-modified-since']) ? 304 : null;
}

function matches(list: string, etag: string | null): boolean {
  if (list.trim() === '*') return true;
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '');
  return etag !== null && list.split(',').some((tag) => bare(tag) === bare(etag));
}

/** If-Range: the client's part is of this very file. */
function sameAsBefore(
  { headers }: Pick<RequestHead, 'headers'>,
  etag: string | null,
  modified: string,
): boolean {
  const held = headers['if-range'];
  if (held === undefined) return true;
  return (
    typeof held === 'string' &&
    (held.includes('"') ? etag !== null && held.includes(etag) : held === modified)
  );
}
