import type { Exchange, HeaderField } from '../requests/exchange.ts';
import { textOf } from '../requests/variables.ts';
import type { Expires } from '../values/answer-values.ts';
import { softwareName } from '../values/software.ts';

/** Statuses whose answers get the added headers without `always`. */
const WITH_HEADERS = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);
const DAY = 86_400;
const TEN_YEARS = 315_360_000;

/** `Server` and `Date`, which begin every answer. */
export function firstFields(exchange: Exchange): HeaderField[] {
  return [
    ['Server', softwareName(exchange.place.conf.server_tokens)],
    ['Date', dateField()],
  ];
}

let dateSecond = 0;
let dateText = '';

/** The present time as a header field has it; made once a second. */
function dateField(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

/**
 * What `expires` and `add_header` of the place add to an answer; `always`: whatever its status is. `modified` is the
 * answer's Last-Modified.
 */
export function addedFields(
  exchange: Exchange,
  status: number,
  { always = false, modified }: { readonly always?: boolean; readonly modified?: string | undefined } = {},
): HeaderField[] {
  const { conf } = exchange.place;
  const usual = WITH_HEADERS.has(status);
  const fields: HeaderField[] = usual ? [...expiresFields(conf.expires, modified)] : [];
  for (const header of conf.add_header) {
    if (!usual && !header.always && !always) continue;
    const value = textOf(header.value, exchange);
    if (value !== '') fields.push([header.name, safeValue(value)]);
  }
  return fields;
}

/** A value that can stand in a header field; what cannot is left out. */
function safeValue(value: string): string {
  return value
    .replace(/[\r\n\0]+/g, ' ')
    .replace(/[^\t\x20-\x7e\x80-\xff]+/g, (text) => encodeURIComponent(text));
}

function expiresFields(expires: Expires, modified: string | undefined): readonly HeaderField[] {
  switch (expires.kind) {
    case 'off':
      return [];
    case 'epoch':
      return [
        ['Expires', 'Thu, 01 Jan 1970 00:00:01 GMT'],
        ['Cache-Control', 'no-cache'],
      ];
    case 'max':
      return [
        ['Expires', 'Thu, 31 Dec 2037 23:55:55 GMT'],
        ['Cache-Control', `max-age=${TEN_YEARS}`],
      ];
    case 'daily': {
      const now = new Date();
      const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
      const left = Math.ceil((midnight + expires.seconds * 1000 - now.getTime()) / 1000);
      return inSeconds(left > 0 ? left : left + DAY);
    }
    case 'modified': {
      const age = modified === undefined ? 0 : Math.floor((Date.now() - Date.parse(modified)) / 1000);
      return inSeconds(expires.seconds - age);
    }
    default:
      return inSeconds(expires.seconds);
  }
}

function inSeconds(seconds: number): readonly HeaderField[] {
  return [
    ['Expires', new Date(Date.now() + seconds * 1000).toUTCString()],
    ['Cache-Control', seconds < 0 ? 'no-cache' : `max-age=${seconds}`],
  ];
}

/** The fields with later ones of some names in place of earlier ones: those that may stand only once. */
export function withoutDoubles(fields: readonly HeaderField[]): readonly HeaderField[] {
  const last = new Map<string, number>();
  let doubled = false;
  for (let i = 0; i < fields.length; i++) {
    const lower = fields[i]![0].toLowerCase();
    if (!ONCE.has(lower)) continue;
    doubled ||= last.has(lower);
    last.set(lower, i);
  }
  if (!doubled) return fields;
  return fields.filter(([name], i) => (last.get(name.toLowerCase()) ?? i) === i);
}

const ONCE = new Set([
  'content-type',
  'last-modified',
  'etag',
  'server',
  'date',
  'location',
  'accept-ranges',
]);
