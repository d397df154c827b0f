/** Bytes one word may have, as in nginx. */
export const MAX_WORD = 4096;

/** Whether a word has more bytes than it may. */
export function tooLong(text: string): boolean {
  return text.length > MAX_WORD || (text.length > MAX_WORD / 4 && Buffer.byteLength(text) > MAX_WORD);
}

// Tabs and line breaks only get into a word behind a backslash, where they are meant.
const INVISIBLE =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]/;

const INVISIBLE_NAMES: Readonly<Record<number, string>> = {
  0: 'NUL',
  27: 'escape',
  127: 'delete',
  160: 'no-break space',
  173: 'soft hyphen',
  8203: 'zero width space',
  8204: 'zero width non-joiner',
  8205: 'zero width joiner',
  8206: 'left-to-right mark',
  8207: 'right-to-left mark',
  8232: 'line separator',
  8233: 'paragraph separator',
  8239: 'narrow no-break space',
  8288: 'word joiner',
  12288: 'ideographic space',
  65279: 'byte order mark',
};

/** Takes the backslash off `\"`, `\'` and `\\` and makes `\t`, `\r`, `\n` characters; any other pair stays. */
export function unescapeWord(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(["'\\trn])/g, (_, char: string) => {
    if (char === 't') return '\t';
    if (char === 'r') return '\r';
    return char === 'n' ? '\n' : char;
  });
}

/** The first character of an unquoted word that cannot be seen, with its name; null where there is none. */
export function invisibleIn(text: string): { readonly index: number; readonly name: string } | null {
  const found = INVISIBLE.exec(text);
  if (found === null) return null;
  const code = text.charCodeAt(found.index);
  const name = INVISIBLE_NAMES[code] ?? (code < 160 ? 'control character' : 'no visible width');
  return {
    index: found.index,
    name: `U+${code.toString(16).toUpperCase().padStart(4, '0')} (${name})`,
  };
}
