import type { Block } from '../../config/block.ts';

/** One setting that counts in a block. */
interface EffectiveSetting {
  readonly value: unknown;
  /** `FILE:LINE` of the statement it comes from. */
  readonly at: string;
}

/** A block of the running configuration with every setting that was written for it, there or around it. */
interface EffectiveBlock {
  readonly block: string;
  readonly key: string;
  readonly at: string;
  readonly settings: Readonly<Record<string, EffectiveSetting>>;
  readonly blocks: readonly EffectiveBlock[];
}

/** What is shown in place of a value that is a secret. */
const HIDDEN = '***';
/** Settings whose values are, or may hold, secrets. */
const SECRET = /secret|password|passwd|passphrase|token|auth|_key$|secure_link|^ssl_|args?$|^env$/;

/** The configuration that runs, as it was resolved: with secrets and the queries and passwords of URLs left out. */
export function effectiveConfig(tree: Block): readonly EffectiveBlock[] {
  return tree.children.map(describe);
}

function describe(block: Block): EffectiveBlock {
  const settings = Object.entries(block.origins)
    .filter(([name]) => name in block.settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, at]) => {
      const value = block.settings[name];
      const plain = typeof value === 'boolean' || typeof value === 'number';
      return [
        name,
        { value: SECRET.test(name) && !plain ? HIDDEN : masked(value), at: `${at.file}:${at.line}` },
      ] as const;
    });
  return {
    block: block.name,
    key: block.key,
    at: `${block.at.file}:${block.at.line}`,
    settings: Object.fromEntries(settings),
    blocks: block.children.map(describe),
  };
}

/** A value with the passwords, queries and stream keys taken out of the URLs in it. */
function masked(value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, `$1${HIDDEN}@`)
      .replace(/([a-z][a-z0-9+.-]*:\/\/[^?\s]*)\?\S*/gi, `$1?${HIDDEN}`)
      .replace(/(rtmps?:\/\/[^/\s]*\/[^/?\s]*\/)[^?\s]+/gi, `$1${HIDDEN}`);
  }
  if (Array.isArray(value)) return value.map(masked);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, masked(part)]));
}
