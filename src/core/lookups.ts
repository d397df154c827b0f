import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Answer = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void;

/**
 * The system's resolver for connections, with one question at a time for a name: questions wait in threads that files
 * need too, and a name server that does not answer must not take them all. Nothing is kept: a name counts as it is now.
 */
export function sharedLookup(): LookupFunction {
  const asked = new Map<string, Answer[]>();
  return (hostname, options, callback) => {
    const answer: Answer = (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) callback(error ?? new Error('no address'), '');
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    const key = `${options.family ?? 0} ${hostname}`;
    const waiting = asked.get(key);
    if (waiting !== undefined) {
      waiting.push(answer);
      return;
    }
    const all = [answer];
    asked.set(key, all);
    const { family, hints } = options;
    lookup(
      hostname,
      {
        all: true,
        ...(family === undefined ? {} : { family }),
        ...(hints === undefined ? {} : { hints }),
      },
      (error, addresses) => {
        asked.delete(key);
        for (const one of all) one(error, addresses ?? []);
      },
    );
  };
}
