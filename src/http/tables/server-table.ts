import { hostname } from 'node:os';
import { flag, list, msec, number, size, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { BlockRow, ReadContext } from '../../config/table.ts';
import { parseNumber, parseSize } from '../../config/values.ts';
import { type Listen, readListen } from '../../core/net/addresses.ts';
import { readPattern } from '../values/pattern.ts';

const SERVERS = ['http', 'server'] as const;

/** The `http` block. */
export const httpBlock: BlockRow<null> = {
  kind: 'block',
  opens: 'http',
  read: () => null,
  min: 0,
  max: 0,
  contexts: ['main'],
  key: () => 'http',
  syntax: '{ ... }',
  help: 'Holds the HTTP servers and what they have in common.',
};

/** A `server` block of `http`. */
export const serverBlock: BlockRow<null> = {
  kind: 'block',
  opens: 'server',
  read: () => null,
  min: 0,
  max: 0,
  contexts: ['http'],
  key: null,
  syntax: '{ ... }',
  help: 'An HTTP server, chosen by the address a request came to and then by its Host.',
};

/** Addresses and names of a server, and limits that count before the location of a request is known. */
export const serverTable = {
  listen: list<Listen>(
    (words, context) => readListen(words, context, 80),
    'An address to take HTTP connections on: a port, ADDRESS:PORT, [IPv6]:PORT or unix:PATH; ssl makes it HTTPS.',
    'address[:port] | port | unix:path [default_server] [ssl] [option ...]',
    { contexts: ['server'], merge: 'own', min: 1, max: Number.POSITIVE_INFINITY, example: 'listen 8080;' },
  ),
  server_name: value<readonly string[]>(
    readServerNames,
    [''],
    'The hosts it answers for: names, *.suffix, prefix.*, .domain, or ~pattern.',
    'name ...',
    {
      contexts: ['server'],
      merge: 'own',
      repeat: 'list',
      max: Number.POSITIVE_INFINITY,
      shown: '""',
      example: 'server_name cam.example.com;',
    },
  ),
  client_header_timeout: msec(
    10_000,
    'A client whose request header is not complete after this long gets 408; one that has not begun, and a TLS handshake, end without a word.',
    {
      contexts: SERVERS,
      shown: '10s',
    },
  ),
  client_header_buffer_size: size(
    1024,
    'The least room for a request header; see large_client_header_buffers.',
    {
      contexts: SERVERS,
      shown: '1k',
    },
  ),
  large_client_header_buffers: value<number>(
    readHeaderBuffers,
    32 * 1024,
    'The product of both is the most a request header may have; above it the answer is 431.',
    'number size',
    { min: 2, max: 2, contexts: SERVERS, shown: '4 8k' },
  ),
  max_headers: number(1000, 'The most header fields a request may have.', {
    contexts: SERVERS,
    least: 1,
    most: 65_535,
  }),
  merge_slashes: flag(true, 'Takes several slashes in a row in a path for one.', { contexts: SERVERS }),
  http2: flag(false, 'Accepted; HTTP/1.1 is what is spoken.', { contexts: SERVERS }),
} as const;

function readServerNames(words: readonly Word[], context: ReadContext): readonly string[] {
  return words.map((word) => {
    const name = word.value === '$hostname' ? hostname() : word.value;
    if (name.startsWith('~')) {
      readPattern(word, context, true, name.slice(1));
      return name;
    }
    const bare = name.replace(/^\*\.|\.\*$/, '');
    if (/[/\s*]/.test(bare) || name.includes('..') || name === '.' || (name !== '' && bare === '')) {
      context.fail(
        `invalid server name or wildcard "${name}"`,
        word.at,
        'a "*" stands at one end: *.example.com',
      );
    }
    return name.toLowerCase();
  });
}

function readHeaderBuffers([count, bytes]: readonly Word[], context: ReadContext): number {
  const buffers = parseNumber(count!.value);
  const each = parseSize(bytes!.value);
  if (buffers === null || buffers === 0) return context.fail(`invalid number "${count!.value}"`, count!.at);
  if (each === null || each === 0) return context.fail(`invalid size "${bytes!.value}"`, bytes!.at);
  const total = buffers * each;
  if (total > 16 * 1024 * 1024) context.fail('the request header may not have more than 16m', bytes!.at);
  return total;
}
