import type { Answer, Exchange } from '../requests/exchange.ts';
import type { AccessRule, Place } from '../router.ts';
import { checkUser, realmOf } from './auth-basic.ts';

const DENIED: Answer = { status: 403, reason: 'access is denied by a rule' };

/** The refusal of a client that its place does not let in, or null. */
export function checkAccess(exchange: Exchange): Answer | null | Promise<Answer | null> {
  const { place } = exchange;
  const { rules, users } = admissionOf(place, exchange.method);
  const verdict = rules.length === 0 ? null : verdictOf(rules, exchange.address);
  const realm = users === null ? null : realmOf(users, exchange);
  if (users === null || realm === null) return verdict === 'denied' ? DENIED : null;
  if (place.satisfy === 'any') return verdict === 'allowed' ? null : checkUser(exchange, users, realm);
  return verdict === 'denied' ? DENIED : checkUser(exchange, users, realm);
}

/** Whom a place lets in with a method. */
function admissionOf(place: Place, method: string): { rules: readonly AccessRule[]; users: Place['users'] } {
  const { access, users, limitExcept } = place;
  if (limitExcept === null || limitExcept.methods.has(method)) return { rules: access, users };
  return {
    rules: limitExcept.access.length > 0 ? limitExcept.access : access,
    users: limitExcept.users,
  };
}

/** What the first rule that fits says; null where none does. */
function verdictOf(rules: readonly AccessRule[], address: string): 'allowed' | 'denied' | null {
  for (const rule of rules) if (rule.matches(address)) return rule.allow ? 'allowed' : 'denied';
  return null;
}
