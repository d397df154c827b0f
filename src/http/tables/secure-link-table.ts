import { text, value } from '../../config/rows.ts';
import { readTemplate, type Template } from '../values/template.ts';

const CONTEXTS = ['http', 'server', 'location'] as const;

/** Directives of nginx's links that expire. */
export const secureLinkTable = {
  secure_link: value<Template | null>(
    ([word], context) => readTemplate(word!, context),
    null,
    'The MD5 in base64url that a request came with and, after a comma, the second it expires in; $secure_link then is 1, 0 where it is too late, or empty where it is wrong.',
    'expression',
    { contexts: CONTEXTS, example: 'secure_link $arg_md5,$arg_expires;' },
  ),
  secure_link_md5: value<Template | null>(
    ([word], context) => readTemplate(word!, context),
    null,
    'The text whose MD5 is expected: with a secret in it, and all that the link is to be good for.',
    'expression',
    { contexts: CONTEXTS, example: 'secure_link_md5 "$secure_link_expires$uri secret";' },
  ),
  secure_link_secret: text(
    '',
    'Checks paths of the form /PREFIX/HASH/LINK, HASH being the MD5 in hex of LINK and this word; $secure_link then is LINK.',
    { contexts: CONTEXTS, shown: 'none', syntax: 'word', example: 'secure_link_secret word;' },
  ),
} as const;
