import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { flag, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext, Settings } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import type { SignArgs } from '../../core/applications/signed-url.ts';

type Action = 'publish' | 'play';

/** Shorter keys can be found by trying. */
const SHORT_KEY = 16;
const LONGEST_KEY = 4096;

/** A key as it stands, or as `file:` or `env:` say where it is: read now, so that a missing one is found by `-t`. */
function readKey(word: Word, context: ReadContext): string {
  const key = keyOf(word, context);
  if (key === '') return context.fail('the key is empty', word.at, 'make one with: openssl rand -hex 32');
  if (key.length > LONGEST_KEY) return context.fail(`the key is longer than ${LONGEST_KEY}`, word.at);
  if (key.length < SHORT_KEY) {
    context.warn('the key is short enough to be guessed', word.at, 'make one with: openssl rand -hex 32');
  }
  return key;
}

function keyOf(word: Word, context: ReadContext): string {
  const text = word.value;
  if (text.startsWith('env:')) {
    const name = text.slice(4);
    return process.env[name] ?? context.fail(`there is no "${name}" in the environment`, word.at);
  }
  if (!text.startsWith('file:')) return text;
  const path = resolve(context.prefix, text.slice(5));
  context.needs(path);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return context.fail(`the key cannot be read from "${path}" (${code ?? message})`, word.at);
  }
}

function readActions(words: readonly Word[], context: ReadContext): readonly Action[] {
  if (words.length === 1 && words[0]!.value.toLowerCase() === 'off') return [];
  return words.map((word) => {
    const action = word.value.toLowerCase();
    if (action === 'publish' || action === 'play') return action;
    return context.fail(
      `invalid value "${word.value}" in "${context.name}" directive`,
      word.at,
      'allowed: publish, play, off',
    );
  });
}

const USUAL_ARGS: SignArgs = { sign: 'sign', expires: 'expires', prefix: 'prefix' };

function readArgs(words: readonly Word[], context: ReadContext): SignArgs {
  const names = words.map((word) => {
    if (!/^[A-Za-z0-9_.-]+$/.test(word.value)) {
      context.fail(`invalid argument name "${word.value}"`, word.at, 'letters, digits, ".", "_" and "-"');
    }
    return word.value;
  });
  const args = { sign: names[0]!, expires: names[1]!, prefix: names[2] ?? USUAL_ARGS.prefix };
  if (new Set(Object.values(args).map((name) => name.toLowerCase())).size < 3) {
    context.fail('the arguments need different names', words[0]!.at);
  }
  return args;
}

/** Directives of signed URLs, of applications. */
export const signTable = {
  sign: value<readonly Action[]>(
    readActions,
    [],
    'What needs a URL signed with sign_key: ?expires=SECOND&sign=SIGNATURE behind the stream’s name.',
    'publish | play ... | off',
    { max: 2, shown: 'off', example: 'sign publish play;' },
  ),
  sign_key: value<readonly string[]>(
    (words, context) => words.map((word) => readKey(word, context)),
    [],
    'The secret of signed URLs, and one before it that is still good: as it stands, or read from a file or the environment at each reload; a file that changes asks for one.',
    'key | file:PATH | env:NAME [old key]',
    { max: 2, shown: 'none', example: 'sign_key env:SIGN_KEY file:conf/old.key;' },
  ),
  sign_bind_address: flag(false, 'The client’s address is signed, too: a URL is good for that client only.', {
    example: 'sign_bind_address on;',
  }),
  sign_args: value<SignArgs>(
    readArgs,
    USUAL_ARGS,
    'The names of the arguments for the signature, the second it expires in, and what names begin with.',
    'sign expires [prefix]',
    { min: 2, max: 3, shown: 'sign expires prefix', example: 'sign_args st e p;' },
  ),
  sign_enforce_expiry: flag(
    false,
    'Ends sessions over RTMP and HTTP-FLV when their URL expires; off: it only counts at their beginning.',
    { example: 'sign_enforce_expiry on;' },
  ),
} as const;

export type SignSettings = Settings<typeof signTable>;

/** The application that files belong to. */
export interface FilesApplication {
  /** Null: that of the first server that has one of the name. */
  readonly port: number | null;
  readonly name: string;
}

/** Directives of signed URLs, of locations that serve an application's files. */
export const signFilesTable = {
  sign_files: value<FilesApplication | null>(
    ([word], context) => {
      if (word!.value.toLowerCase() === 'off') return null;
      const match = /^(?:([0-9]+)\/)?([^/].*)$/.exec(word!.value);
      const port = match?.[1] === undefined ? null : parseNumber(match[1]);
      if (match === null || (port !== null && (port < 1 || port > 65_535))) {
        return context.fail(`invalid application "${word!.value}"`, word!.at, 'APP, PORT/APP or off');
      }
      return { port, name: match[2]! };
    },
    null,
    'Playlists and segments here are those of the application, and need URLs signed as its sign says for play; playlists hand the arguments on to what they list.',
    '[port/]application | off',
    {
      contexts: ['http', 'server', 'location'],
      shown: 'off',
      example: 'sign_files live;',
    },
  ),
} as const;
