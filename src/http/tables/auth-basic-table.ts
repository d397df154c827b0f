import { oneOf, value } from '../../config/rows.ts';
import { readTemplate, type Template } from '../values/template.ts';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const;

/** Directives that ask for a name and a password. */
export const authBasicTable = {
  auth_basic: value<Template | null>(
    ([word], context) => (word!.value === 'off' ? null : readTemplate(word!, context)),
    null,
    'Asks for a name and a password of auth_basic_user_file; the text is what browsers show.',
    'string | off',
    { contexts: CONTEXTS, shown: 'off', example: 'auth_basic "Members only";' },
  ),
  auth_basic_user_file: value<Template | null>(
    ([word], context) => {
      const plain = word!.value.startsWith('/') || word!.value.startsWith('$');
      return readTemplate(
        plain ? word! : { ...word!, value: `${context.directory}/${word!.value}` },
        context,
      );
    },
    null,
    'Names and passwords, NAME:PASSWORD by line, in the forms $apr1$ and $1$ (htpasswd -m), $5$ and $6$ (openssl passwd -6), {SHA}, {SSHA} and {PLAIN}; not bcrypt and not the old crypt. Read again when it changes. Relative paths start at the folder of the main file.',
    'file',
    { contexts: CONTEXTS, shown: 'none', example: 'auth_basic_user_file /etc/mediad/users;' },
  ),
} as const;

/** How the ways to be let in count together. */
export const satisfyTable = {
  satisfy: oneOf(
    ['all', 'any'],
    'all',
    'Whether clients have to pass both allow and deny and auth_basic, or one of them.',
  ),
} as const;
