import { flag, list, msec, number, offset, oneOf, text, value } from '../../config/rows.ts';
import type { Statement, Word } from '../../config/statement.ts';
import type { BlockRow, Context, ReadContext, Row, ValueRow } from '../../config/table.ts';
import { parseNumber } from '../../config/values.ts';
import { readNetwork } from '../../core/net/networks.ts';
import {
  type AddedHeader,
  type ErrorPage,
  type Expires,
  readAddedHeader,
  readErrorPage,
  readExpires,
  readKeepaliveTimeout,
} from '../values/answer-values.ts';
import { type Pattern, readPattern } from '../values/pattern.ts';
import { readTemplate, type Template } from '../values/template.ts';
import { DEFAULT_TYPES } from '../values/types.ts';
import { paceTable } from './pace-table.ts';

/** What a `location` matches. */
export type LocationMatch =
  | { readonly kind: 'exact' | 'prefix' | 'prefix-only' | 'named'; readonly uri: string }
  | { readonly kind: 'pattern'; readonly uri: string; readonly pattern: Pattern };

/** A `location` block. */
export const locationBlock: BlockRow<LocationMatch> = {
  kind: 'block',
  opens: 'location',
  read: readLocation,
  min: 1,
  max: 2,
  contexts: ['server', 'location'],
  key: (match) => `${match.kind} ${match.uri}`,
  syntax: '[ = | ~ | ~* | ^~ ] uri | @name { ... }',
  help: 'Settings of the requests whose path it matches: exact (=), longest prefix (^~ forbids patterns), else pattern.',
  example: 'location /live { flv_live on; }',
};

/** `limit_except GET { deny all; }` */
const limitExceptBlock: BlockRow<readonly string[]> = {
  kind: 'block',
  opens: 'limit_except',
  read: (words, context) =>
    words.map((word) => {
      const method = word.value.toUpperCase();
      if (!/^[A-Z]+$/.test(method)) context.fail(`invalid method "${word.value}"`, word.at);
      return method;
    }),
  min: 1,
  max: Number.POSITIVE_INFINITY,
  contexts: ['location'],
  key: () => 'limit_except',
  syntax: 'method ... { ... }',
  help: 'Access rules for all methods but those named; GET includes HEAD.',
};

function readLocation(words: readonly Word[], context: ReadContext): LocationMatch {
  const [first, second] = words;
  const glued = /^(=|\^~|~\*|~)?(.*)$/s.exec(first!.value)!;
  const modifier = second === undefined ? (glued[1] ?? '') : first!.value;
  const uri = second === undefined ? glued[2]! : second.value;
  const word = second ?? first!;
  if (modifier === '~' || modifier === '~*') {
    return {
      kind: 'pattern',
      uri: `${modifier}${uri}`,
      pattern: readPattern(word, context, modifier === '~*', uri),
    };
  }
  if (modifier === '') return uri.startsWith('@') ? { kind: 'named', uri } : { kind: 'prefix', uri };
  if (modifier === '=') return { kind: 'exact', uri };
  if (modifier === '^~') return { kind: 'prefix-only', uri };
  return context.fail(`invalid location modifier "${modifier}"`, first!.at, 'one of = ^~ ~ ~*');
}

/** Where a file is looked for in `try_files`, and what comes when none is there. */
export interface TryFiles {
  readonly files: readonly Template[];
  readonly last: { readonly code: number } | { readonly uri: Template };
}

const EVERYWHERE: readonly Context[] = ['http', 'server', 'location', 'location_if'];

/** `root` and `alias` share one place: the inner one counts, whichever it is. */
function documentRoot(contexts: readonly Context[], help: string, example: string): ValueRow<Template> {
  return {
    ...value<Template>(([word], context) => readTemplate(word!, context), { parts: [] }, help, 'path', {
      contexts,
    }),
    merge: 'inner-if-any',
    group: 'document_root',
    example,
  };
}

function accessRow(help: string): ValueRow<string> {
  return {
    ...value<string>(
      ([word], context) => readNetwork(word!, context),
      'all',
      help,
      'address | CIDR | unix: | all',
      {
        contexts: ['http', 'server', 'location', 'limit_except'],
        repeat: 'list',
        merge: 'inner-if-any',
      },
    ),
    group: 'access_rules',
  };
}

/** How a location finds files and answers. */
export const locationTable = {
  root: documentRoot(EVERYWHERE, 'The folder that paths are looked up in: file = root + path.', 'root html;'),
  alias: documentRoot(
    ['location'],
    'The folder that takes the place of the location’s prefix.',
    'alias /var/hls/;',
  ),
  index: value<readonly Template[]>(
    (words, context) => words.map((word) => readTemplate(word, context)),
    [{ parts: ['index.html'] }],
    'Files tried for a path that ends in a slash.',
    'file ...',
    { max: Number.POSITIVE_INFINITY, repeat: 'list', merge: 'inner-if-any', shown: 'index.html' },
  ),
  try_files: value<TryFiles | null>(
    readTryFiles,
    null,
    'Serves the first of these files that is there, else goes to the last: a path, @name or =code.',
    'file ... uri | =code | @name',
    { min: 2, max: Number.POSITIVE_INFINITY, contexts: ['server', 'location'], merge: 'own' },
  ),
  types: {
    kind: 'block',
    opens: 'types',
    read: () => null,
    min: 0,
    max: 0,
    contexts: ['http', 'server', 'location'],
    key: null,
    data: (_value, statements, context) => readTypes(statements, context),
    initial: DEFAULT_TYPES,
    merge: 'inner-if-any',
    repeat: 'list',
    syntax: '{ type extension ...; }',
    help: 'Media types by file name extension; a block replaces the one around it.',
  } satisfies BlockRow<null> as BlockRow<null>,
  default_type: text('text/plain', 'The media type of files that types has none for.', {
    shown: 'text/plain',
  }),
  charset: value<string>(
    ([word]) => (word!.value.toLowerCase() === 'off' ? '' : word!.value),
    '',
    'Named after the Content-Type of text.',
    'name | off',
    { contexts: EVERYWHERE, shown: 'off' },
  ),
  add_header: list<AddedHeader>(
    readAddedHeader,
    'A header field of answers with status 2xx or 3xx, of all with always; inner lists replace outer ones.',
    'name value [always]',
    { min: 2, max: 3, contexts: EVERYWHERE, example: 'add_header Access-Control-Allow-Origin * always;' },
  ),
  expires: value<Expires>(
    readExpires,
    { kind: 'off' },
    'Adds Expires and Cache-Control.',
    '[modified] time | @time | epoch | max | off',
    {
      max: 2,
      contexts: EVERYWHERE,
      shown: 'off',
    },
  ),
  error_page: list<ErrorPage>(
    readErrorPage,
    'What is shown for some error codes: a path, @name or URL; =code changes the status.',
    'code ... [=[response]] uri',
    { min: 2, max: Number.POSITIVE_INFINITY, contexts: EVERYWHERE },
  ),
  recursive_error_pages: flag(false, 'Lets an error page have an error page.'),
  allow: accessRow(
    'Clients that are let in; allow and deny are tried in order and the first that fits decides.',
  ),
  deny: accessRow('Clients that get 403.'),
  internal: value<boolean>(
    () => true,
    false,
    'Only internal redirects reach the location; others get 404.',
    '',
    {
      min: 0,
      max: 0,
      contexts: ['location'],
      merge: 'own',
    },
  ),
  keepalive_timeout: value<{ readonly idle: number; readonly announced: number | null }>(
    readKeepaliveTimeout,
    { idle: 75_000, announced: null },
    'How long a connection waits for its next request; 0: closed after each. The second value goes into Keep-Alive.',
    'time [header time]',
    { max: 2, shown: '75s' },
  ),
  keepalive_requests: number(1000, 'Requests after which a connection is closed.', { least: 1 }),
  chunked_transfer_encoding: flag(
    true,
    'Off: answers of unknown length end with the connection, also to HTTP/1.1.',
  ),
  client_max_body_size: offset(1024 * 1024, 'The largest request body; above it the answer is 413. 0: any.', {
    shown: '1m',
  }),
  server_tokens: oneOf(['on', 'off', 'build'], 'on', 'Whether Server and error pages tell the version.'),
  etag: flag(true, 'Adds ETag to files.'),
  if_modified_since: oneOf(
    ['exact', 'before', 'off'],
    'exact',
    'Whether a file of another age than asked is sent again.',
  ),
  max_ranges: number(Number.MAX_SAFE_INTEGER, 'Ranges a request may ask for; 0: none are served.', {
    shown: 'unlimited',
  }),
  autoindex: flag(false, 'Lists folders that have no index file.'),
  autoindex_exact_size: flag(true, 'Sizes in bytes, not rounded.'),
  autoindex_format: oneOf(['html', 'json'], 'html', 'The form of a folder’s listing.'),
  absolute_redirect: flag(true, 'Redirects to a path name scheme and host.'),
  server_name_in_redirect: flag(
    false,
    'Redirects name the server’s first name rather than the request’s Host.',
  ),
  port_in_redirect: flag(true, 'Redirects name the port where it is not the usual one.'),
  log_not_found: flag(true, 'Notes missing files in the error log.'),
  send_timeout: msec(60_000, 'A client that takes nothing of an answer for this long is cut off.', {
    shown: '60s',
  }),
  ...paceTable,
  limit_except: limitExceptBlock as Row,
} as const;

function readTypes(
  statements: readonly Statement[],
  context: ReadContext,
): readonly (readonly [string, string])[] {
  return statements.flatMap((statement) => {
    if (statement.block !== null)
      context.fail(`"${statement.name}" opens a block inside "types"`, statement.at);
    return statement.args.map((word) => [word.value.toLowerCase(), statement.name] as const);
  });
}

function readTryFiles(words: readonly Word[], context: ReadContext): TryFiles {
  const last = words.at(-1)!;
  const files = words.slice(0, -1).map((word) => readTemplate(word, context));
  if (!last.value.startsWith('=')) return { files, last: { uri: readTemplate(last, context) } };
  const code = parseNumber(last.value.slice(1));
  if (code === null || code > 999) return context.fail(`invalid code "${last.value}"`, last.at);
  return { files, last: { code } };
}
