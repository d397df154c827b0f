import { value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { BlockRow, Context, ReadContext, ValueRow } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import { type Pattern, readPattern } from '../values/pattern.ts';
import { readTemplate, type Template } from '../values/template.ts';

/** What `return` answers; a status that redirects has its URL in `text`. */
export interface Return {
  readonly status: number;
  readonly text: Template | null;
}

/** A `rewrite`. */
export interface Rewrite {
  readonly pattern: Pattern;
  readonly replacement: Template;
  readonly flag: 'last' | 'break' | 'redirect' | 'permanent' | null;
}

/** A `set`. */
export interface SetVariable {
  readonly variable: string;
  readonly value: Template;
}

/** The condition of an `if`. */
export type Condition =
  | { readonly kind: 'true'; readonly variable: string }
  | { readonly kind: 'equal'; readonly variable: string; readonly to: Template; readonly not: boolean }
  | { readonly kind: 'match'; readonly variable: string; readonly pattern: Pattern; readonly not: boolean }
  | {
      readonly kind: 'file' | 'directory' | 'exists' | 'executable';
      readonly path: Template;
      readonly not: boolean;
    };

const PLACES: readonly Context[] = ['server', 'location', 'server_if', 'location_if'];
/** Statements of the rewrite phase belong to the very block they stand in. */
const OWN = { contexts: PLACES, merge: 'own', repeat: 'list', group: 'rewrite' } as const;

/** The rewrite phase, in the order of the file. */
export const rewriteTable = {
  return: value<Return>(
    readReturn,
    { status: 0, text: null },
    'Answers at once: a code, a code and a text, or a redirect.',
    'code [text] | code url | url',
    {
      ...OWN,
      max: 2,
      example: "return 200 'ok';",
    },
  ),
  rewrite: value<Rewrite | null>(
    readRewrite,
    null,
    'Replaces a path that matches.',
    'pattern replacement [last|break|redirect|permanent]',
    {
      ...OWN,
      min: 2,
      max: 3,
      example: 'rewrite ^/play/(.*)$ /live?app=cam&stream=$1 last;',
    },
  ),
  set: value<SetVariable>(
    readSet,
    { variable: '', value: { parts: [] } },
    'Gives a variable a value.',
    '$variable value',
    {
      ...OWN,
      min: 2,
      max: 2,
    },
  ),
  break: value<null>(() => null, null, 'Ends the rewriting of this block.', '', {
    ...OWN,
    min: 0,
    max: 0,
  }) as ValueRow<null>,
} as const;

/** `if` in a server or in a location. */
export function ifBlock(parent: 'server' | 'location'): BlockRow<Condition> {
  return {
    kind: 'block',
    opens: parent === 'server' ? 'server_if' : 'location_if',
    read: readCondition,
    min: 1,
    max: Number.POSITIVE_INFINITY,
    contexts: [parent],
    key: null,
    merge: 'own',
    group: 'rewrite',
    syntax: '(condition) { ... }',
    help: 'Runs what it holds where the condition is true: a variable, = or !=, ~ or ~*, -f, -d, -e, -x.',
  };
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether a status names another URL. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

function readReturn([first, second]: readonly Word[], context: ReadContext): Return {
  const status = parseNumber(first!.value);
  if (status === null) {
    if (second !== undefined || !/^(?:https?:\/\/|\$scheme)/.test(first!.value)) {
      return context.fail(
        `invalid return code "${first!.value}"`,
        first!.at,
        'a code, or a URL with http://',
      );
    }
    return { status: 302, text: readTemplate(first!, context) };
  }
  if (status > 999) return context.fail(`invalid return code "${first!.value}"`, first!.at);
  return { status, text: second === undefined ? null : readTemplate(second, context) };
}

function readRewrite([pattern, replacement, flag]: readonly Word[], context: ReadContext): Rewrite {
  const flags = ['last', 'break', 'redirect', 'permanent'] as const;
  const wanted = flags.find((name) => name === flag?.value) ?? null;
  if (flag !== undefined && wanted === null) {
    context.fail(`invalid parameter "${flag.value}"`, flag.at, `one of ${flags.join(', ')}`);
  }
  return {
    pattern: readPattern(pattern!, context, false),
    replacement: readTemplate(replacement!, context),
    flag: wanted,
  };
}

function readSet([name, text]: readonly Word[], context: ReadContext): SetVariable {
  return { variable: readVariable(name!, context), value: readTemplate(text!, context) };
}

/** The name of a word that is one variable, without its `$`. */
export function readVariable(word: Word, context: ReadContext): string {
  const match = /^\$(?:\{(\w+)\}|(\w+))$/.exec(word.value);
  const name = match?.[1] ?? match?.[2];
  return name ?? context.fail(`invalid variable name "${word.value}"`, word.at);
}

function readCondition(words: readonly Word[], context: ReadContext): Condition {
  const bare = unwrap(words, context);
  const [first, operator, right] = bare;
  if (first === undefined) return context.fail('invalid condition ""', words[0]!.at);
  const test = /^(!?)-([fdex])$/.exec(first.value);
  if (test !== null && operator !== undefined && right === undefined) {
    const kinds = { f: 'file', d: 'directory', e: 'exists', x: 'executable' } as const;
    return {
      kind: kinds[test[2] as keyof typeof kinds],
      path: readTemplate(operator, context),
      not: test[1] === '!',
    };
  }
  const variable = readVariable(first, context);
  if (operator === undefined) return { kind: 'true', variable };
  if (right === undefined || bare.length > 3) {
    return context.fail(
      'invalid condition',
      operator.at,
      'if ($variable = text), if ($variable ~ pattern), if (-f path)',
    );
  }
  switch (operator.value) {
    case '=':
    case '!=':
      return { kind: 'equal', variable, to: readTemplate(right, context), not: operator.value === '!=' };
    case '~':
    case '~*':
    case '!~':
    case '!~*': {
      const pattern = readPattern(right, context, operator.value.endsWith('*'));
      return { kind: 'match', variable, pattern, not: operator.value.startsWith('!') };
    }
    default:
      return context.fail(
        `unexpected "${operator.value}" in condition`,
        operator.at,
        'one of = != ~ ~* !~ !~*',
      );
  }
}

/** The words of a condition without the parentheses around them. */
function unwrap(words: readonly Word[], context: ReadContext): readonly Word[] {
  const first = words[0]!;
  const last = words.at(-1)!;
  if (first.quoted || !first.value.startsWith('('))
    return context.fail(`invalid condition "${first.value}"`, first.at);
  if (last.quoted || !last.value.endsWith(')'))
    return context.fail(`invalid condition "${last.value}"`, last.at);
  return words
    .map((word, i) => {
      let text = word.value;
      if (i === 0) text = text.slice(1);
      if (i === words.length - 1) text = text.slice(0, -1);
      return { ...word, value: text };
    })
    .filter((word) => word.value !== '' || word.quoted);
}
