/**
 * An address with the arguments of the page behind its own: whoever may open the page with a signature or a token in its
 * address asks with that for its streams, too. `search` is the page's query with its `?`; what the page itself
 * understands stays, and so does what the address says already.
 */
export function withArguments(address: string | null, search: string): string | null {
  if (address === null) return null;
  const [path = '', query = ''] = address.split('?', 2);
  const taken = new Set(['flv', 'hls', ...query.split('&').map(nameOf)]);
  const more = search
    .replace(/^\?/, '')
    .split('&')
    .filter((argument) => argument !== '' && !taken.has(nameOf(argument)));
  const all = [...(query === '' ? [] : [query]), ...more];
  return all.length === 0 ? address : `${path}?${all.join('&')}`;
}

function nameOf(argument: string): string {
  return argument.split('=', 1)[0]!;
}
