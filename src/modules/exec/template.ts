/** Values of variables by name, without `$`. */
export type Values = Readonly<Record<string, string>>;

/** Variables that a client sets as it likes. */
const CHOSEN = ['name', 'args', 'flashver', 'swfurl', 'tcurl', 'pageurl', 'filename', 'basename'] as const;
/** The variables of a session. */
export const SESSION_VARIABLES: readonly string[] = [
  ...['name', 'args', 'flashver', 'swfurl', 'tcurl', 'pageurl'],
  ...['app', 'addr'],
];
/** Those of a recording. */
export const RECORDING_VARIABLES: readonly string[] = [
  ...SESSION_VARIABLES,
  ...['path', 'filename', 'basename', 'dirname', 'recorder', 'size', 'duration'],
];
/** Those of a stream name that somebody wants to play. */
export const PULL_VARIABLES: readonly string[] = ['name', 'app'];

/** A piece of text as it stands, or a variable; `braced` for one in braces, which may be of the environment. */
export type Part = string | { readonly variable: string; readonly braced: boolean };

/** A text with variables, in parts. */
export type Template = readonly Part[];

/**
 * Names are letters only: `$name_low` is `$name` and `_low`. In braces stands any name. A backslash protects the next
 * character, and what has no end is left out.
 */
const REFERENCE = /\\([\s\S]?)|\$\{([^}]*)(\}?)|\$([A-Za-z]*)/g;

export function parseTemplate(text: string): Template {
  const parts: Part[] = [];
  let plain = '';
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const [whole, escaped, braced, closing, bare] = match;
    plain += text.slice(end, match.index);
    end = match.index + whole.length;
    if (escaped !== undefined) {
      plain += escaped;
      continue;
    }
    if (closing === '') continue;
    if (plain !== '') parts.push(plain);
    plain = '';
    parts.push({ variable: braced ?? bare ?? '', braced: braced !== undefined });
  }
  plain += text.slice(end);
  if (plain !== '') parts.push(plain);
  return parts;
}

/** What a variable stands for: a value; in braces also a variable of the environment; else nothing. */
export function filled(part: Exclude<Part, string>, values: Values, environment: NodeJS.ProcessEnv): string {
  const { variable, braced } = part;
  if (Object.hasOwn(values, variable)) return values[variable]!;
  return braced && Object.hasOwn(environment, variable) ? (environment[variable] ?? '') : '';
}

export function fill(template: Template, values: Values, environment: NodeJS.ProcessEnv): string {
  return template
    .map((part) => (typeof part === 'string' ? part : filled(part, values, environment)))
    .join('');
}

/** Whether a part is what a client likes it to be. */
export function isChosen(part: Part): part is Exclude<Part, string> {
  return typeof part !== 'string' && (CHOSEN as readonly string[]).includes(part.variable);
}
