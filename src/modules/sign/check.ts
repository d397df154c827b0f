import { Refused } from '../../core/applications/refused.ts';
import type { Client } from '../../core/applications/request.ts';
import { type Grant, isSigned, type SignArgs } from '../../core/applications/signed-url.ts';
import { argument, percentDecode } from '../../http/values/uri.ts';
import type { SignSettings } from './directives.ts';

/** What a query shows. */
export interface Shown {
  readonly sign: string;
  readonly expires: string;
  /** Undefined where it is for one name. */
  readonly prefix: string | undefined;
  /** The arguments as they came, to be handed on. */
  readonly query: string;
}

/** The signature that comes with a query; null where there is none. */
export function shownIn(query: string, names: SignArgs): Shown | null {
  const sign = argument(query, names.sign);
  const expires = argument(query, names.expires);
  if (sign === undefined || expires === undefined) return null;
  const prefix = argument(query, names.prefix);
  return {
    sign: decoded(sign),
    expires: decoded(expires),
    prefix: prefix === undefined ? undefined : decoded(prefix),
    query: [
      ...(prefix === undefined ? [] : [`${names.prefix}=${prefix}`]),
      `${names.expires}=${expires}`,
      `${names.sign}=${sign}`,
    ].join('&'),
  };
}

function decoded(text: string): string {
  return percentDecode(text) ?? text;
}

/**
 * Tests what a client shows for one of some names, the first of which is meant; gives the second it expires in.
 * Throws Refused.
 */
export function checkShown(
  shown: Shown | null,
  wanted: Pick<Grant, 'action' | 'application'> & { readonly names: readonly string[] },
  client: Pick<Client, 'address'>,
  conf: SignSettings,
): number {
  if (shown === null) throw new Refused('denied', 'the URL is not signed');
  const { action, application, names } = wanted;
  const expires = /^[0-9]{1,12}$/.test(shown.expires) ? Number(shown.expires) : 0;
  const address = conf.sign_bind_address ? client.address : '';
  const { prefix } = shown;
  const granted = names
    .filter((name) => prefix === undefined || name.startsWith(prefix))
    .map((name): Grant => {
      return { action, application, name: prefix ?? name, prefix: prefix !== undefined, expires, address };
    });
  if (!granted.some((grant) => isSigned(grant, shown.sign, conf.sign_key))) {
    throw new Refused('denied', 'the signature of the URL is wrong');
  }
  if (Date.now() > expires * 1000) throw new Refused('denied', 'the URL has expired');
  return expires;
}
