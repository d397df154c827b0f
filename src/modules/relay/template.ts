import { PeerUrlError } from '../../rtmp/peer.ts';

/** Values of variables by name, without `$`. */
export type Values = Readonly<Record<string, string>>;

/** The variables a relay URL may hold; `value` only in `push_arg`. */
export const VARIABLES = [
  'name',
  'args',
  'app',
  'addr',
  'flashver',
  'swfurl',
  'tcurl',
  'pageurl',
  'value',
] as const;

/** Names are letters only, as ever in these files: `$name_low` is `$name` and `_low`. In braces they may be longer. */
const REFERENCE = /\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z]+))/g;

/** The names of the variables and, in braces only, of the environment that a text refers to; unknown ones last. */
export function references(text: string): {
  readonly variables: readonly string[];
  readonly environment: readonly string[];
  readonly unknown: readonly string[];
} {
  const variables: string[] = [];
  const environment: string[] = [];
  const unknown: string[] = [];
  for (const [, braced, bare] of text.matchAll(REFERENCE)) {
    const name = braced ?? bare!;
    if (isVariable(name)) variables.push(name.toLowerCase());
    else (braced === undefined ? unknown : environment).push(name);
  }
  return { variables, environment, unknown };
}

/** Puts in what stands in the environment. Throws PeerUrlError where a variable is not set. */
export function fromEnvironment(text: string, environment: NodeJS.ProcessEnv): string {
  return text.replace(REFERENCE, (whole, braced: string | undefined) => {
    if (braced === undefined || isVariable(braced)) return whole;
    const value = environment[braced];
    if (value === undefined || value === '') {
      throw new PeerUrlError(`the environment variable ${braced} is not set`);
    }
    return value;
  });
}

/**
 * Puts values in. Clients choose them, so in a path none can begin a query, and in a query none but `$args`, which is
 * one, can end its parameter. A query left empty is dropped.
 */
export function fill(text: string, values: Values): string {
  const filled = text.replace(REFERENCE, (whole, braced: string | undefined, bare: string, at: number) => {
    const name = (braced ?? bare).toLowerCase();
    if (!isVariable(name)) return whole;
    const value = (values[name] ?? '').replace(/[\u0000-\u001f\u007f]/g, '');
    if (name === 'args') return value;
    return text.lastIndexOf('?', at) >= 0 ? encodeURIComponent(value) : value.replaceAll('?', '%3F');
  });
  return filled.replace(/[?&]$/, '');
}

function isVariable(name: string): boolean {
  return (VARIABLES as readonly string[]).includes(name.toLowerCase());
}
