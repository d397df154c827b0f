/** A playlist in which every URI, of segments, keys and renditions, has further arguments. */
export function withArguments(playlist: string, query: string): string {
  return playlist
    .split('\n')
    .map((line) => {
      const text = line.trimEnd();
      if (text === '') return line;
      if (!text.startsWith('#')) return added(text, query) + line.slice(text.length);
      return line.replace(/\b(URI=")([^"]+)(")/g, (whole, before: string, uri: string, after: string) =>
        uri.startsWith('data:') ? whole : `${before}${added(uri, query)}${after}`,
      );
    })
    .join('\n');
}

function added(uri: string, query: string): string {
  const hash = uri.indexOf('#');
  const [place, fragment] = hash < 0 ? [uri, ''] : [uri.slice(0, hash), uri.slice(hash)];
  return `${place}${place.includes('?') ? '&' : '?'}${query}${fragment}`;
}
