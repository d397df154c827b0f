import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';

/** Text with variables in it, as plain data: literal parts and names of variables (without `$`) in order. */
export interface Template {
  readonly parts: readonly TemplatePart[];
}

export type TemplatePart = string | { readonly variable: string };

const VARIABLE = /\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+)|)/g;

/**
 * Reads `text $name ${name} $1`. A `$` that no name follows is an error, as in nginx. Whether the names exist is
 * known only when the whole file has been read.
 */
export function readTemplate(word: Word, context: ReadContext): Template {
  return templateOf(word.value) ?? context.fail(`invalid variable name in "${word.value}"`, word.at);
}

/** The template of a text, or null where a `$` stands without a name. */
export function templateOf(text: string): Template | null {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    const name = match[1] ?? match[2];
    if (name === undefined) return null;
    // Only the digit belongs to a capture: `$10` is the first capture and a 0.
    const variable = match[1] === undefined && /^[0-9]/.test(name) ? name[0]! : name;
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push({ variable });
    const rest = name.slice(variable.length);
    if (rest !== '') parts.push(rest);
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return { parts };
}

/** A template that is only text. */
export function literal(text: string): Template {
  return { parts: text === '' ? [] : [text] };
}

/** Its text where it holds no variables, else null. */
export function constantOf(template: Template): string | null {
  if (template.parts.length === 0) return '';
  const [only] = template.parts;
  return template.parts.length === 1 && typeof only === 'string' ? only : null;
}

/** The text of a template; `lookup` gives each variable's value. */
export function render(template: Template, lookup: (variable: string) => string): string {
  let text = '';
  for (const part of template.parts) text += typeof part === 'string' ? part : lookup(part.variable);
  return text;
}

/** Every template inside a setting's value. */
export function* templatesIn(value: unknown): Iterable<Template> {
  if (typeof value !== 'object' || value === null) return;
  if (isTemplate(value)) {
    yield value;
    return;
  }
  for (const inner of Object.values(value)) yield* templatesIn(inner);
}

function isTemplate(value: object): value is Template {
  return (
    'parts' in value &&
    Array.isArray(value.parts) &&
    value.parts.every((part: unknown) => typeof part === 'string' || isVariable(part))
  );
}

function isVariable(part: unknown): boolean {
  return typeof part === 'object' && part !== null && 'variable' in part;
}
