import type { Answer, Exchange } from './exchange.ts';
import type { AccessRule } from './router.ts';

/** The refusal of a client that the rules of its place do not let in, or null. */
export function checkAccess(exchange: Exchange): Answer | null {
  const { access, limitExcept } = exchange.place;
  const limited = limitExcept !== null && !limitExcept.methods.has(exchange.method);
  const rules = limited && limitExcept.access.length > 0 ? limitExcept.access : access;
  return isAllowed(rules, exchange.address) ? null : { status: 403, reason: 'access is denied by a rule' };
}

function isAllowed(rules: readonly AccessRule[], address: string): boolean {
  for (const rule of rules) if (rule.matches(address)) return rule.allow;
  return true;
}
