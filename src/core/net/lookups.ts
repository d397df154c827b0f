import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Answer = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void;

/** Asks the system for all addresses of a name. */
export type Ask = (name: string, options: LookupAllOptions, answer: Answer) => void;

/** A name that took longer last time is asked for by itself, ms. */
const SLOW_MS = 1000;
/** Names known to be slow; the oldest are forgotten. */
const MOST_SLOW = 1000;

/**
 * The system's resolver for connections, with its files and its search list. Questions wait in threads, of which few are
 * there and which end only when the system gives up, so that name servers that do not answer must not take them all: one
 * question at a time for a name, and one at a time for all names that were slow the last time. Nothing else is kept: a
 * name counts as it is now.
 */
export function lookupsBy(ask: Ask, now = () => performance.now()): LookupFunction {
  const asked = new Map<string, Answer[]>();
  const slow = new Set<string>();
  const waiting: (() => void)[] = [];
  let busy = false;

  const send = (key: string, name: string, options: LookupAllOptions, ended: () => void): void => {
    const from = now();
    ask(name, options, (error, addresses) => {
      slow.delete(key);
      if (now() - from > SLOW_MS) slow.add(key);
      for (const oldest of slow) {
        if (slow.size <= MOST_SLOW) break;
        slow.delete(oldest);
      }
      const answers = asked.get(key) ?? [];
      asked.delete(key);
      ended();
      for (const answer of answers) answer(error, addresses);
    });
  };

  const sendSlow = (key: string, name: string, options: LookupAllOptions): void => {
    busy = true;
    send(key, name, options, () => {
      busy = false;
      waiting.shift()?.();
    });
  };

  return (name, options, callback) => {
    const answer: Answer = (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) callback(error ?? new Error('no address'), '');
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    const { family, hints } = options;
    const key = `${family ?? 0} ${name}`;
    const others = asked.get(key);
    if (others !== undefined) {
      others.push(answer);
      return;
    }
    asked.set(key, [answer]);
    const wanted: LookupAllOptions = {
      all: true,
      ...(family === undefined ? {} : { family }),
      ...(hints === undefined ? {} : { hints }),
    };
    if (!slow.has(key)) send(key, name, wanted, () => undefined);
    else if (busy) waiting.push(() => sendSlow(key, name, wanted));
    else sendSlow(key, name, wanted);
  };
}

/** That of this process, whose threads all share. */
export const lookup: LookupFunction = lookupsBy((name, options, answer) =>
  systemLookup(name, options, (error, addresses) => answer(error, addresses ?? [])),
);
