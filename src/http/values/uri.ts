/** The target of a request line, taken apart. */
export interface Target {
  /** Decoded path without `.`, `..` and doubled slashes; begins with `/`. */
  readonly uri: string;
  /** What follows the first `?`, as it came. */
  readonly args: string;
  /** The authority of a target in absolute form, else null. */
  readonly authority: string | null;
}

/**
 * Takes a request target apart as nginx does: percent-decodes the path first, then resolves dot segments, so an
 * encoded slash or dot cannot climb. Null where it is malformed, holds a NUL, or leaves the root.
 */
export function parseTarget(target: string, mergeSlashes: boolean): Target | null {
  let rest = target;
  let authority: string | null = null;
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(target);
  if (absolute !== null) {
    authority = absolute[1]!;
    rest = target.slice(absolute[0].length);
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  if (!rest.startsWith('/')) return null;
  const hash = rest.indexOf('#');
  if (hash >= 0) rest = rest.slice(0, hash);
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  const decoded = path.includes('%') ? percentDecode(path) : path;
  if (decoded === null) return null;
  const uri = normalizePath(decoded, mergeSlashes);
  return uri === null ? null : { uri, args: mark < 0 ? '' : rest.slice(mark + 1), authority };
}

/** Decodes `%XX` as UTF-8; null where a `%` is followed by anything else. */
export function percentDecode(text: string): string | null {
  if (!text.includes('%')) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    // Not UTF-8: such a name is on no disk that we wrote to, but the request is well-formed.
    const bytes = Buffer.from(text, 'utf8').toString('latin1');
    const raw = bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(raw, 'latin1').toString('utf8');
  }
}

/** Resolves `.`, `..` and, if wanted, doubled slashes of a decoded path; null where it leaves the root or holds a NUL. */
export function normalizePath(path: string, mergeSlashes: boolean): string | null {
  if (path.includes('\0')) return null;
  if (!/\/(?:\.|\/)/.test(path)) return path;
  const out: string[] = [];
  const parts = path.split('/').slice(1);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const last = i === parts.length - 1;
    if (part === '..') {
      if (out.length === 0) return null;
      out.pop();
    }
    if (part === '.' || part === '..') {
      if (last) out.push('');
    } else if (part !== '' || last || !mergeSlashes) out.push(part);
  }
  return `/${out.join('/')}`;
}

/** The values of `name` in a query as they came: the first one, with any letter case of the name, or undefined. */
export function argument(args: string, name: string): string | undefined {
  if (args === '') return undefined;
  const wanted = name.toLowerCase();
  for (const pair of args.split('&')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    if (pair.slice(0, equals).toLowerCase() === wanted) return pair.slice(equals + 1);
  }
  return undefined;
}

/** Escapes a path for a URL, leaving what may stand in one as it is. */
export function escapePath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]+/g, (part) => encodeURIComponent(wellFormed(part)));
}

/** A text without lone surrogates, which have no UTF-8. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** Escapes text for HTML, attribute values included. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char]!,
  );
}

/** A URL fit for a header field: what may not stand in one is percent-encoded, escapes that are there stay. */
export function textOfUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(wellFormed(part)));
}

/** The query part that carries a request's arguments on, with its `?`. */
export function queryOf(args: string): string {
  return args === '' ? '' : `?${args}`;
}

/** Whether a path has a hidden part; only the folder for well-known resources (RFC 8615) may be asked for. */
export function isHidden(uri: string): boolean {
  return /\/\.(?!well-known(?:\/|$))/.test(uri);
}
