import type { Settings } from '../../config/table.ts';
import type { Answer, Exchange } from '../requests/exchange.ts';
import { textOf } from '../requests/variables.ts';
import type { authBasicTable } from '../tables/auth-basic-table.ts';
import type { Template } from '../values/template.ts';

/** How a place asks for a name and a password. */
export interface Users {
  readonly realm: Template;
  readonly file: Template;
}

/** What a place asks for; null: nothing. */
export function usersOf(conf: Settings<typeof authBasicTable>): Users | null {
  const { auth_basic: realm, auth_basic_user_file: file } = conf;
  return realm === null || file === null ? null : { realm, file };
}

/** The realm of a request; null where a variable in it has said `off`. */
export function realmOf({ realm }: Users, exchange: Exchange): string | null {
  const text = textOf(realm, exchange);
  return text === 'off' ? null : text;
}

/** The refusal of a client that does not say who it is, or is not; null: it is who it says. */
export async function checkUser(exchange: Exchange, users: Users, realm: string): Promise<Answer | null> {
  const shown = credentialsOf(exchange.header('authorization') ?? '');
  if (shown !== null) {
    const path = textOf(users.file, exchange);
    switch (await exchange.users.check(path, shown.user, shown.password)) {
      case 'yes':
        return null;
      case 'none':
        return { status: 403, reason: 'there is no file of users' };
      case 'failed':
        return { status: 500 };
      case 'busy':
        return { status: 503, headers: [['Retry-After', '1']] };
      case 'no':
        exchange.log.info({ user: shown.user }, 'a wrong name or password');
    }
  }
  exchange.challenge = `Basic realm="${realm.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]+/g, '?')}"`;
  return { status: 401, reason: 'a name and a password are asked for' };
}

function credentialsOf(authorization: string): { readonly user: string; readonly password: string } | null {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
