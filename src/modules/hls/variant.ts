import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';

/** A declared rendition: streams whose name ends with `suffix`. */
export interface Variant {
  readonly suffix: string;
  /** Attributes of EXT-X-STREAM-INF as they go into the playlist. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

/** Attributes whose values the standard wants in quotes (RFC 8216, 4.3.4.2). */
const QUOTED: ReadonlySet<string> = new Set([
  'CODECS',
  'SUPPLEMENTAL-CODECS',
  'AUDIO',
  'VIDEO',
  'SUBTITLES',
  'CLOSED-CAPTIONS',
  'NAME',
  'STABLE-VARIANT-ID',
  'PATHWAY-ID',
  'ALLOWED-CPC',
  'REQ-VIDEO-LAYOUT',
]);

/**
 * Reads the arguments of `hls_variant`. The quotes of `CODECS="a,b"` do not survive the file's own quoting, so a part
 * without `=` belongs to the value before it, and values that need quotes get them.
 */
export function readVariant(words: readonly Word[], context: ReadContext): Variant {
  const attributes: [string, string][] = [];
  for (const word of words.slice(1)) {
    for (const part of splitAttributes(word.value)) {
      const match = /^\s*([A-Za-z0-9-]+)=(.*)$/.exec(part);
      const last = attributes.at(-1);
      if (match !== null) attributes.push([match[1]!.toUpperCase(), match[2]!.trim()]);
      else if (last !== undefined && QUOTED.has(last[0])) last[1] = `${last[1]},${part.trim()}`;
      else if (part.trim() !== '') {
        context.warn(
          `"${context.name}" has no attribute in "${part.trim()}"`,
          word.at,
          'as in BANDWIDTH=800000',
        );
      }
    }
  }
  return {
    suffix: words[0]!.value,
    attributes: attributes.map(([name, value]) => [name, quoted(name, value)] as const),
  };
}

/** Parts between commas that are not within quotes. */
function splitAttributes(text: string): readonly string[] {
  return text.match(/(?:[^,"]|"[^"]*"?)+/g) ?? [];
}

function quoted(name: string, value: string): string {
  const bare = value.replaceAll('"', '').replace(/[\r\n]/g, '');
  if (name === 'CLOSED-CAPTIONS' && bare === 'NONE') return bare;
  return QUOTED.has(name) ? `"${bare}"` : bare;
}

/** The name that a stream is a rendition of, and the variant it is; the first declared suffix counts. */
export function variantOf(
  name: string,
  variants: readonly Variant[],
): { readonly base: string; readonly variant: Variant } | null {
  for (const variant of variants) {
    if (!name.endsWith(variant.suffix)) continue;
    const base = name.slice(0, name.length - variant.suffix.length);
    if (base !== '' && !base.endsWith('/')) return { base, variant };
  }
  return null;
}
