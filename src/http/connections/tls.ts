import { constants, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TlsOptions,
} from 'node:tls';
import { ConfigError, type Position } from '../../config/errors.ts';
import { chooseByName } from '../../core/net/server-names.ts';
import { ticketKeys } from '../../core/workers/tickets.ts';
import type { HttpServer } from '../router.ts';

/** The same in all processes, and in servers that share a file of keys; tickets are told apart by their keys. */
const SESSIONS = 'mediad';

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** The servers of one address, with the certificates read. */
export interface TlsIdentity {
  /** What the address' server is made with. */
  readonly options: TlsOptions;
  /** Equal for equal certificates, names and settings. */
  readonly fingerprint: string;
  /** A digest of what was read for each server. */
  readonly certificates: ReadonlyMap<HttpServer, string>;
  /** The keys of session tickets that follow from the server's secret, or from a file in its place. */
  ticketKeys(secret: Buffer): Buffer;
  /** Of the servers that are chosen by name. */
  readonly contexts: Iterable<SecureContext>;
}

/** Reads the certificates of an address' servers. Throws ConfigError where one cannot be used. */
export function readIdentity(
  servers: readonly HttpServer[],
  fallback: HttpServer,
  prefix: string,
): TlsIdentity {
  const contexts = new Map<HttpServer, SecureContext>();
  const certificates = new Map<HttpServer, string>();
  const hash = createHash('sha256');
  for (const server of servers) {
    if (server.tls.ssl_certificate.length === 0) continue;
    const own = contextOptions(server, prefix);
    contexts.set(server, createSecureContext(own));
    certificates.set(server, createHash('sha256').update(JSON.stringify(own)).digest('hex'));
    hash.update(JSON.stringify([server.names, server === fallback, server.tls, own]));
  }
  const { ssl_verify_client, ssl_session_timeout } = fallback.tls;
  const own = contextOptions(fallback, prefix);
  const keyFile = readTicketKey(fallback, prefix);
  if (keyFile !== null) hash.update(keyFile);
  const fingerprint = hash.digest('hex');
  // A ticket must not spare anybody a certificate; servers that share a file may be told apart by all else.
  const shared = JSON.stringify([ssl_verify_client, own.ca ?? '']);
  const options: TlsOptions = {
    ...own,
    sessionIdContext: SESSIONS,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: fallback.conf.client_header_timeout,
    sessionTimeout: Math.max(ssl_session_timeout, 1),
    requestCert: ssl_verify_client !== 'off',
    rejectUnauthorized: ssl_verify_client === 'on',
    SNICallback: (name, done) => {
      const named = chooseByName(servers, name);
      done(null, named === undefined ? undefined : contexts.get(named));
    },
  };
  return {
    options,
    certificates,
    fingerprint,
    contexts: [...contexts.values()],
    ticketKeys: (secret) =>
      keyFile === null ? ticketKeys(secret, fingerprint) : ticketKeys(keyFile, shared),
  };
}

/** A TLS server that is handed its connections; `secured` gets them after the handshake. */
export function tlsServer(
  identity: TlsIdentity,
  secured: (socket: import('node:tls').TLSSocket) => void,
): Server {
  const server = createServer(identity.options, secured);
  // A client that breaks the handshake off has lost its own connection only.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** Has tickets made and opened with the keys that follow from a secret, by the servers of all names alike. */
export function setTicketKeys(server: Server, identity: TlsIdentity, secret: Buffer): void {
  const keys = identity.ticketKeys(secret);
  server.setTicketKeys(keys);
  // A ticket is made in the context of the name that was asked for, and opened before that is known.
  for (const { context } of identity.contexts) {
    (context as { setTicketKeys(keys: Buffer): void }).setTicketKeys(keys);
  }
}

/** Reads and checks the files of one server. */
function contextOptions(server: HttpServer, prefix: string): TlsOptions {
  const { tls, block } = server;
  const at = block.origins['ssl_certificate'] ?? block.at;
  const certificates = tls.ssl_certificate.map((file) => read(file, 'ssl_certificate', at, prefix));
  const keyAt = block.origins['ssl_certificate_key'] ?? at;
  const keys = tls.ssl_certificate_key.map((file) => read(file, 'ssl_certificate_key', keyAt, prefix));
  if (keys.length !== certificates.length) {
    throw wrong('every "ssl_certificate" needs its "ssl_certificate_key"', keyAt);
  }
  const passphrases =
    tls.ssl_password_file === '' ? [] : passphrasesOf(tls.ssl_password_file, server, prefix);
  const spoken = VERSIONS.filter((version) => (tls.ssl_protocols as readonly string[]).includes(version));
  if (spoken.length === 0)
    throw wrong('none of "ssl_protocols" is offered', block.origins['ssl_protocols'] ?? at);
  const optional = (name: 'ssl_dhparam' | 'ssl_client_certificate'): string | undefined =>
    tls[name] === '' ? undefined : read(tls[name], name, block.origins[name] ?? at, prefix);
  const dhparam = optional('ssl_dhparam');
  const ca = optional('ssl_client_certificate');
  const base: TlsOptions = {
    minVersion: spoken[0]!,
    maxVersion: spoken.at(-1)!,
    ciphers: tls.ssl_ciphers,
    honorCipherOrder: tls.ssl_prefer_server_ciphers,
    ecdhCurve: tls.ssl_ecdh_curve,
    ...(dhparam === undefined ? {} : { dhparam }),
    ...(ca === undefined ? {} : { ca }),
    ...(tls.ssl_session_tickets ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
  let failure: unknown;
  for (const passphrase of passphrases.length === 0 ? [undefined] : passphrases) {
    const options = {
      ...base,
      cert: certificates,
      key: keys.map((pem) => (passphrase === undefined ? pem : { pem, passphrase })) as string[],
    };
    try {
      createSecureContext(options);
      return options;
    } catch (error) {
      failure = error;
    }
  }
  throw wrong(
    `cannot use the certificate "${tls.ssl_certificate.join('", "')}": ${textOfError(failure)}`,
    at,
  );
}

function readTicketKey({ tls, block }: HttpServer, prefix: string): Buffer | null {
  const [file] = tls.ssl_session_ticket_key;
  if (file === undefined) return null;
  const at = block.origins['ssl_session_ticket_key'] ?? block.at;
  const content = readBytes(file, 'ssl_session_ticket_key', at, prefix);
  if (content.length !== 48 && content.length !== 80) {
    throw wrong(`ssl_session_ticket_key "${file}" must have 48 or 80 bytes`, at);
  }
  return content;
}

function passphrasesOf(file: string, server: HttpServer, prefix: string): readonly string[] {
  const at = server.block.origins['ssl_password_file'] ?? server.block.at;
  return read(file, 'ssl_password_file', at, prefix)
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

function read(file: string, directive: string, at: Position, prefix: string): string {
  return readBytes(file, directive, at, prefix).toString('utf8');
}

function readBytes(file: string, directive: string, at: Position, prefix: string): Buffer {
  const path = isAbsolute(file) ? file : join(prefix, file);
  try {
    return readFileSync(path);
  } catch (error) {
    throw wrong(`cannot load ${directive} "${path}": ${textOfError(error)}`, at);
  }
}

function textOfError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  if (/key values mismatch/i.test(message)) return 'it does not belong to its key';
  return message;
}

function wrong(message: string, at: Position): ConfigError {
  return new ConfigError([{ severity: 'error', code: 'tls', message, at }]);
}
