import { Refused } from '../../core/applications/refused.ts';
import type { Outcome } from './calls.ts';

/** The no of an endpoint, or that it did not answer, as the client gets it. */
export function refusal(outcome: Outcome & { readonly allow: false | null }, action: string): Refused {
  if (outcome.allow === null) return new Refused('overloaded', `${action} cannot be authorized now`);
  return new Refused('denied', outcome.reason ?? `${action} is not allowed`);
}
