import { resolve } from 'node:path';
import { anyOf, flag, list, number, oneOf, text, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { parseTime } from '../../config/values.ts';

const SERVERS = { contexts: ['http', 'server'] } as const;

/** The name of a file that is read when the configuration is applied. */
function readFile([word]: readonly Word[], context: ReadContext): string {
  context.needs(resolve(context.prefix, word!.value));
  return word!.value;
}

/** TLS of a server's `listen ... ssl` addresses. */
export const tlsTable = {
  ssl: value<boolean>(
    ([word], context) => {
      const on = word!.value.toLowerCase() === 'on';
      if (on) context.warn('the "ssl" directive is deprecated', word!.at, 'write "listen ... ssl"');
      return on;
    },
    false,
    'Makes every listen of the server TLS; write "listen ... ssl" instead.',
    'on | off',
    { ...SERVERS, shown: 'off' },
  ),
  ssl_certificate: list<string>(readFile, 'The file of the certificate and its chain, PEM.', 'file', {
    ...SERVERS,
    example: 'ssl_certificate /etc/ssl/cam.pem;',
  }),
  ssl_certificate_key: list<string>(readFile, 'The file of its private key, PEM.', 'file', SERVERS),
  ssl_password_file: text('', 'Passphrases of private keys, one a line, tried in turn.', {
    ...SERVERS,
    shown: '',
  }),
  ssl_protocols: {
    ...anyOf(
      ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'],
      ['TLSv1.2', 'TLSv1.3'],
      'Protocol versions that are spoken.',
      { ...SERVERS, shown: 'TLSv1.2 TLSv1.3' },
    ),
    max: Number.POSITIVE_INFINITY,
  },
  ssl_ciphers: text('HIGH:!aNULL:!MD5', 'Ciphers of TLS 1.2 and before, as OpenSSL lists them.', {
    ...SERVERS,
    shown: 'HIGH:!aNULL:!MD5',
  }),
  ssl_prefer_server_ciphers: flag(false, 'Takes the first cipher in the server’s order.', SERVERS),
  ssl_session_timeout: value<number>(
    ([word], context) =>
      parseTime(word!.value, false) ?? context.fail(`invalid value "${word!.value}"`, word!.at),
    300,
    'How long a client may resume its session.',
    'time',
    { ...SERVERS, shown: '5m' },
  ),
  ssl_session_cache: value<null>(
    () => null,
    null,
    'Accepted; sessions are resumed by tickets.',
    'off | none | shared:name:size',
    {
      ...SERVERS,
      max: 2,
      shown: 'none',
    },
  ),
  ssl_session_tickets: flag(
    true,
    'Lets clients resume sessions by tickets, at any worker; their keys are made at the start and anew every day.',
    SERVERS,
  ),
  ssl_session_ticket_key: list<string>(
    readFile,
    'A file of 48 or 80 random bytes that the keys of tickets are made of instead, so that servers with the same file resume each other’s sessions. The first one counts: tickets of further ones get a full handshake.',
    'file',
    { ...SERVERS, example: 'ssl_session_ticket_key /etc/ssl/ticket.key;' },
  ),
  ssl_ecdh_curve: text('auto', 'Groups for the key exchange, joined by colons.', {
    ...SERVERS,
    shown: 'auto',
  }),
  ssl_dhparam: text('', 'A file of Diffie-Hellman parameters.', { ...SERVERS, shown: '' }),
  ssl_verify_client: oneOf(
    ['off', 'on', 'optional'],
    'off',
    'Asks clients for a certificate; on: insists.',
    SERVERS,
  ),
  ssl_client_certificate: text('', 'The authorities that clients’ certificates must come from, PEM.', {
    ...SERVERS,
    shown: '',
  }),
  ssl_verify_depth: number(1, 'Accepted; chains of any depth are checked.', SERVERS),
} as const;
