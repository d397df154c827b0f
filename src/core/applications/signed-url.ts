import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a signed URL allows. */
export interface Grant {
  readonly action: 'publish' | 'play';
  readonly application: string;
  /** The stream's name, or with `prefix` what the names begin with. */
  readonly name: string;
  readonly prefix: boolean;
  /** Unix time in seconds of the last moment it is good for. */
  readonly expires: number;
  /** The only client address it is good for; empty: any. */
  readonly address: string;
}

/**
 * The text that is signed, a line for each: the action (with `*` for a prefix), application/name, the second it expires,
 * and the address where it is bound to one. No part can hold the end of a line, so no two grants have one text.
 */
function textOf({ action, application, name, prefix, expires, address }: Grant): string {
  const lines = [`${action}${prefix ? '*' : ''}`, `${application}/${name}`, String(expires)];
  if (address !== '') lines.push(address);
  return lines.join('\n');
}

function digest(grant: Grant, secret: string): Buffer {
  return createHmac('sha256', secret).update(textOf(grant)).digest();
}

/** The signature of a grant: HMAC-SHA256 (RFC 2104) in base64url without padding. */
export function signatureOf(grant: Grant, secret: string): string {
  return digest(grant, secret).toString('base64url');
}

/** Whether a signature, in base64url or hex, is that of the grant with any of the secrets; as fast for near misses. */
export function isSigned(grant: Grant, signature: string, secrets: readonly string[]): boolean {
  const given = readSignature(signature);
  if (given === null) return false;
  let signed = false;
  for (const secret of secrets) if (timingSafeEqual(digest(grant, secret), given)) signed = true;
  return signed;
}

function readSignature(text: string): Buffer | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64url');
  return null;
}

/** The names of the query's arguments that carry a grant. */
export interface SignArgs {
  readonly sign: string;
  readonly expires: string;
  readonly prefix: string;
}

/** The query, without `?`, that shows a grant. */
export function signedQuery(grant: Grant, secret: string, names: SignArgs): string {
  const prefix = grant.prefix ? [`${names.prefix}=${encodeURIComponent(grant.name)}`] : [];
  return [...prefix, `${names.expires}=${grant.expires}`, `${names.sign}=${signatureOf(grant, secret)}`].join(
    '&',
  );
}
