import type { Message } from './fields.ts';

/** Names that no argument of a client may have in any request: they say who it is and what the request is about. */
const RESERVED = ['app', 'flashver', 'swfurl', 'tcurl', 'pageurl', 'addr', 'clientid', 'call', 'name'];

/** As `name=value&…`, the client's arguments last. */
export function formOf({ fields, args }: Message): string {
  const own = fields.map(([name, value]) => `${name}=${escaped(String(value))}`).join('&');
  const taken = new Set([...RESERVED, ...fields.map(([name]) => name)]);
  const more = harmless(args, taken);
  return more === '' ? own : `${own}&${more}`;
}

/** As one object; the arguments are one text in it, which can override nothing. */
export function jsonOf({ fields, args }: Message): string {
  return JSON.stringify({ ...Object.fromEntries(fields), args });
}

/** Adds a query to a URL that may have one. */
export function withQuery(url: string, query: string): string {
  const joint = !url.includes('?') ? '?' : /[?&]$/.test(url) ? '' : '&';
  return `${url}${joint}${query}`;
}

/**
 * The client's arguments without those that an endpoint could take for one of the request's own fields. They stay as
 * they were sent, but for characters that have no place in a query or that some endpoints part fields at.
 */
function harmless(args: string, taken: ReadonlySet<string>): string {
  return args
    .split('&')
    .filter((pair) => pair !== '' && !taken.has(keyOf(pair)))
    .join('&')
    .replace(/[^\x21-\x7e]+|[#;"<>\\]/g, escaped);
}

/**
 * The field that the most lenient of endpoints takes a pair for: escapes undone, in any case, without blanks around it,
 * and with brackets passed over (`name[]`, `[name]`).
 */
function keyOf(pair: string): string {
  const written = pair.slice(0, pair.search(/=|$/)).replaceAll('+', ' ');
  const decoded = written.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  const [bare = ''] = /[^\s[\]\0-\x1f].*/s.exec(decoded) ?? [];
  return bare
    .split(/[[\]\0=;&]/, 1)[0]!
    .trim()
    .toLowerCase();
}

/** For a query. What nginx leaves as it is, is left. */
function escaped(text: string): string {
  // Half a surrogate pair has no UTF-8 form; the buffer puts the replacement character in its place.
  return encodeURIComponent(Buffer.from(text).toString()).replace(
    /%(?:2F|3A|2C|3D|40|24)/g,
    decodeURIComponent,
  );
}
